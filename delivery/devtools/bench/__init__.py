"""`make bench`, `make bench-routing`, `make bench-volume`: what is measured is written into docs/performance.md."""

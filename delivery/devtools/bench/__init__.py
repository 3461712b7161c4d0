"""`make bench` and `make bench-routing`: beside what has to be beaten, written into docs/performance.md."""

"""What `make bench-routing` measures."""

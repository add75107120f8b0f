"""What the pool costs, measured: `make bench-engine`."""

"""`make bench-gateway`: the whole gateway under load, beside what one would use in its place."""

"""The management API of pools, accounts and access keys, and what all of its views share. Edges: they translate."""

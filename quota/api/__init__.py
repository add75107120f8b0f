"""The management API of what the engine and the ledger know. Edges: they translate."""

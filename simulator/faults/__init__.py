"""Faults as values: each is a function from a scene to a reply. `registry.make` builds one by name."""

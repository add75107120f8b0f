"""Anthropic's Admin API, for Admin keys only, told from what this world really holds and served."""

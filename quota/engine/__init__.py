"""The core of the pool: who may make the next call, on which account, and what it cost.

A library of its own: it knows no Django and nothing else of this project. Start at `api` (what it does), `types` (its
words) and `facade.open_engine`; `pool` and `settling` are the specification, `lua/` the same on Redis.
"""

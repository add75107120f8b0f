"""What message batches cost: found out when they have ended, and charged once to whoever made them.

`results` reads what a batch's results say was used, `bills` puts that in the engine's and the ledger's words (both are
pure), `unbilled` is the database's memory of what has not been charged yet, and `charging` looks after all of it.
"""

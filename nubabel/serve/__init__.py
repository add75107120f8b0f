"""`manage.py serve`: everything the pool needs, in one command.

steps       what happens before anything is served: store, schema, pool, admin user, access key
supervisor  keeps the processes alive, and stops them in order
backoff     how long to wait before a crashed process is started again (pure)
banner      what the operator reads at the end (pure)
"""

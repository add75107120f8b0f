"""`make load`: real processes under locust, judged by what Anthropic's double saw of it.

plan         the scenarios as values: pools, callers, sizes
scenarios    what happens in each, and what must hold afterwards
judging      whether it held: pure functions of what was seen
seen         what was seen: by the callers, by the double, by the books
field        the processes of a deployment, and the double
stores       PostgreSQL and Redis for one run
product      runs inside the product's environment: makes pools, reads books
callers      locust, a process of its own, in an environment of its own
locustfile   what a caller does (imports nothing of ours)
monitored    whether Prometheus sees it all
report       the table, JSON, a page
"""

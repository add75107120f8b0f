"""Do the dashboard and the alert rules show anything? Asked of a real Prometheus that scrapes a running pool.

expressions  what the rules and the dashboard ask
exposition   `/metrics`, read
prometheus   Prometheus itself, started for the purpose
checking     which expressions found something: pure
"""

"""The deployment documents, followed literally: `make test-deploy` and `make test-rollback`.

document    what a document says to do: commands with their output, files with their path
shell       one bash, as the reader's terminal
follow      the steps, in that shell, compared with what the document promises
systemctl   stands in for systemd: starts and stops what the document's unit files say
stand       a machine to deploy on: PostgreSQL, Redis, a certificate, a simulated Claude and Slack, the repository
deploy      docs/deploy.md, from nothing to a green `make qa`
rollback    docs/rollback.md, under load: forward one release, back, and forward again
load, books a steady stream of requests, and whether each of them is accounted for
"""

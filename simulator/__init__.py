"""A faithful double of Anthropic's API (and Slack's), with scriptable faults.

It stands alone: nothing of the product is imported here. Start it with `python -m simulator`, or inside a test with
`simulator.testing.running_simulator`.
"""

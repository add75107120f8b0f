"""`make qa BASE_URL=…`: is a deployment whole, asked by a program and in a real browser; Slack hears of it.

config    what is asked and with which credentials, from the environment
asking    until it is ready, the smoke test, the browser: one result for each thing looked at
browser   the journeys, in a process of their own
report    results in words, for a terminal and for Slack
telling   to Slack
journeys/ what a person does in the admin site; run by pytest against BASE_URL, never against a test's own server
"""

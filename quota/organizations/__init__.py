"""Anthropic's Admin API: what it says of an organization, compared with what we counted.

reading         its answers as values (pure)
client          asking it
matching        which of our accounts a key of theirs is (pure)
keeping         what was heard, in the database
sync            one organization's round
counts          two counts side by side (pure)
reconciliation  our count beside theirs
telling         counts and limits, for alerts
foreign         what did not pass through us, for the engine
"""

"""Which of our accounts a key of theirs is. Pure.

The Admin API never tells a key, only a hint: how it begins and how it ends. An account is matched when exactly one of
the organization's keys fits and no other account fits that one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from accounts.credentials import Secret
from quota.organizations.reading import KeyFacts

_GAP = "..."


def fits(hint: str, secret: Secret) -> bool:
    """Whether this may be the hint of that key."""
    beginning, gap, end = hint.partition(_GAP)
    text = secret.reveal()
    if not gap or not end or len(beginning) + len(end) >= len(text):
        return False
    return text.startswith(beginning) and text.endswith(end)


def matched(keys: Sequence[KeyFacts], secrets: Mapping[str, Secret]) -> dict[str, str]:
    """Account id → key id, where there is no doubt."""
    pairs = [(account, key.id) for account, secret in secrets.items() for key in keys if fits(key.hint, secret)]
    accounts, found = Counter(account for account, _ in pairs), Counter(key for _, key in pairs)
    return {account: key for account, key in pairs if accounts[account] == 1 and found[key] == 1}

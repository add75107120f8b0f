"""How many leases an account owns: asked here, answered by whoever runs the engine.

This app knows no engine. The app that does registers a counter at start (AppConfig.ready), and everything that
deletes accounts (admin, REST, commands) asks through `leases_of`. Nobody registered means nobody knows, and then
nothing is deleted.
"""

from collections.abc import Callable

from accounts.errors import DeletionRefused
from accounts.models import ClaudeAccount

LeaseCounter = Callable[[str, str], int]
"""(pool id, account id) → leases in force. May raise anything; that means unknown."""

_counter: LeaseCounter | None = None


def register_lease_counter(counter: LeaseCounter | None) -> None:
    """Say who knows about leases; None forgets it."""
    global _counter  # noqa: PLW0603 - set once at start
    _counter = counter


def leases_of(account: ClaudeAccount) -> int:
    """Leases in force on this account. Raises DeletionRefused when that cannot be found out."""
    if _counter is None:
        raise DeletionRefused("Nobody can tell whether the account has requests under way; disable it instead.")
    try:
        return _counter(str(account.pool_id), str(account.pk))
    except Exception as trouble:
        raise DeletionRefused(
            "It could not be found out whether the account has requests under way (is Redis up?); try again."
        ) from trouble

"""What an access key may do. Pure. Nothing is implied by anything else: a key has the scopes it lists."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from accounts.errors import ScopesRefused


class Scope(StrEnum):
    MESSAGES = "messages"
    ADMIN_READ = "admin-read"
    ADMIN_WRITE = "admin-write"


MEANINGS: Final = {
    Scope.MESSAGES: "send requests to Claude through the pool",
    Scope.ADMIN_READ: "see accounts, health, usage and alerts",
    Scope.ADMIN_WRITE: "create, change, disable and delete accounts",
}


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes, sorted and without repeats. Raises ScopesRefused for none at all or an unknown one."""
    wanted = set(scopes)
    if unknown := sorted(wanted - set(Scope)):
        raise ScopesRefused(f"Unknown scope {unknown[0]!r}; there are {', '.join(Scope)}.")
    if not wanted:
        raise ScopesRefused(f"A key needs at least one scope of {', '.join(Scope)}.")
    return sorted(str(scope) for scope in wanted)

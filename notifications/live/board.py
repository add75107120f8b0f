"""A pool's numbers as last seen, and what changed since somebody looked. Pure.

Listeners look when they can: one that was busy while the numbers moved ten times sees the latest, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """A pool at one instant: plain JSON values, those of accounts by their ids. `names` maps ids to names."""

    pool: Facts
    accounts: Mapping[str, Facts]
    names: Mapping[str, str] = field(default_factory=dict)


class Board:
    """`version` grows with each change; 0 is before the first."""

    def __init__(self) -> None:
        self.version = 0
        self._pool: Facts = {}
        self._accounts: dict[str, tuple[int, Facts]] = {}
        self._gone: dict[str, int] = {}

    def show(self, picture: Picture) -> bool:
        """Take a newer picture; False if it shows nothing new."""
        changed = [name for name, facts in picture.accounts.items() if self._facts(name) != facts]
        gone = self._accounts.keys() - picture.accounts.keys()
        if self.version and not changed and not gone and picture.pool == self._pool:
            return False
        self.version += 1
        self._pool = picture.pool
        self._accounts.update({name: (self.version, picture.accounts[name]) for name in changed})
        self._gone = {name: at for name, at in self._gone.items() if name not in picture.accounts}
        for name in gone:
            del self._accounts[name]
            self._gone[name] = self.version
        return True

    def since(self, version: int, *, only: str = "") -> dict[str, Any]:
        """What changed after `version`, of all accounts or one; everything for a version that is not ours."""
        full = not 0 < version <= self.version
        after = 0 if full else version
        return {
            "full": full,
            "pool": self._pool,
            "accounts": [facts for name, (at, facts) in self._accounts.items() if at > after and only in {"", name}],
            "gone": [] if full else [name for name, at in self._gone.items() if at > after and only in {"", name}],
        }

    def _facts(self, name: str) -> Facts | None:
        return self._accounts.get(name, (0, None))[1]

"""The director: which request meets which fault.

Rules are tried in the order they were added. The first that matches, has a turn left and whose dice agree is used; so
several one-time rules for an account are played one after another, and a rule without a count stays for good.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from simulator.reply import Reply
from simulator.scene import Incoming, Scene

Fault = Callable[[Scene], Reply]


@dataclass(slots=True)
class Rule:
    """One line of the script. `None` means any; `times=None` means always; `skip` lets that many matches pass."""

    name: str
    fault: Fault = field(repr=False)
    account: str | None = None
    route: str | None = None
    model: str | None = None
    contains: bytes | None = None
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    id: int = 0
    used: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has no turn left."""
        return self.times is not None and self.used >= self.times

    def matches(self, *, account: str, route: str, incoming: Incoming) -> bool:
        """Whether this request is meant."""
        return (
            not self.spent
            and self.account in {None, account}
            and self.route in {None, route}
            and (self.contains is None or self.contains in incoming.body)
            and (self.model is None or f'"{self.model}"'.encode() in incoming.body)
        )

    def describe(self) -> dict[str, object]:
        """Give the rule as the control routes show it."""
        return {
            "id": self.id,
            "fault": self.name,
            "account": self.account,
            "route": self.route,
            "model": self.model,
            "contains": None if self.contains is None else self.contains.decode(errors="replace"),
            "times": self.times,
            "skip": self.skip,
            "probability": self.probability,
            "used": self.used,
        }


class Script:
    """All rules in force. Used-up rules are kept out of the way but counted."""

    def __init__(self, *, rng: random.Random) -> None:
        self._rules: list[Rule] = []
        self._ids = count(1)
        self._rng = rng
        self.played: dict[str, int] = {}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, rule: Rule) -> Rule:
        """Append a rule and give it its id."""
        rule.id = next(self._ids)
        self._rules.append(rule)
        return rule

    def remove(self, *, rule_id: int | None = None, account: str | None = None) -> int:
        """Drop one rule, all rules of an account, or everything; give how many went."""
        kept = [
            rule
            for rule in self._rules
            if (rule_id is not None and rule.id != rule_id) or (account is not None and rule.account != account)
        ]
        removed = len(self._rules) - len(kept)
        self._rules = kept
        return removed

    def take(self, *, account: str, route: str, incoming: Incoming) -> Rule | None:
        """Use up and give the rule this request meets, if any."""
        for rule in self._rules:
            if not rule.matches(account=account, route=route, incoming=incoming):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            return self._use(rule)
        return None

    def _use(self, rule: Rule) -> Rule:
        rule.used += 1
        self.played[rule.name] = self.played.get(rule.name, 0) + 1
        if rule.spent:
            self._rules.remove(rule)
        return rule

"""The words in which the expectations are said. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Must(StrEnum):
    """What has to become of a request whose upstream call met a fault, while healthy accounts remain."""

    SERVE = "be served, by this account"
    MOVE_ON = "go to another account, unseen"
    PASS_ON = "come back as it is, from this account alone"
    BREAK = "end with an error event, or go to another account if nothing had been passed on"
    SERVE_OR_BREAK = "be served or break: the network decides how much of it arrives"

    @property
    def may_move_on(self) -> bool:
        """Whether another account may be asked after this one."""
        return self in {Must.MOVE_ON, Must.BREAK, Must.SERVE_OR_BREAK}


class Spends(StrEnum):
    """What a failure takes from the request's patience."""

    ATTEMPT = "one of three attempts"
    ONCE = "one of three attempts, and the only one of its sort"
    NOTHING = "nothing: the account should not have been asked"


class Only(StrEnum):
    """The requests a fault is played to, as their bodies say it."""

    ALL = ""
    STREAMS = '"stream": true'
    WHOLE = '"stream": false'


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault with its parameters. `status` is what is heard of it when no account did better."""

    label: str
    whole: Must
    stream: Must
    spends: Spends = Spends.ATTEMPT
    status: int = 502
    fault: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    only: Only = Only.ALL
    condemns: bool = False
    """Says that the key is dead. Two accounts saying so hold each other back: it is played on the same two only."""

    @property
    def name(self) -> str:
        """What the simulator calls it."""
        return self.fault or self.label

    def must(self, *, stream: bool) -> Must:
        """What has to become of a request of this sort."""
        return self.stream if stream else self.whole

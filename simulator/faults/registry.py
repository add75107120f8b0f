"""All faults by name."""

import inspect
from typing import Any

from simulator.errors import ScriptError
from simulator.faults import answers, stream, wire
from simulator.script import Fault, Rule

FAULTS = {**answers.FAULTS, **wire.FAULTS, **stream.FAULTS}

_RULE_FIELDS = frozenset({"account", "route", "model", "contains", "times", "skip", "probability"})


def described() -> dict[str, str]:
    """Say of every fault what it does, in one line."""
    rows = {name: f"{row.status} {row.type}: {row.message}" for name, row in answers.ROWS.items()}
    return {name: rows.get(name) or (maker.__doc__ or "").split("\n")[0] for name, maker in FAULTS.items()}


def make(name: str, **parameters: Any) -> Fault:  # noqa: ANN401
    """Build a fault. Raises ScriptError for a name nobody knows or parameters it does not take."""
    maker = FAULTS.get(name)
    if maker is None:
        raise ScriptError(f"There is no fault called {name!r}. Known: {', '.join(sorted(FAULTS))}.")
    try:
        inspect.signature(maker).bind(**parameters)
    except TypeError as error:
        raise ScriptError(f"The fault {name!r} does not take these parameters: {error}.") from error
    return maker(**parameters)


def make_rule(name: str, **options: Any) -> Rule:  # noqa: ANN401
    """Build a rule: options named like a rule's fields direct it, the others are the fault's own parameters."""
    direction = {key: value for key, value in options.items() if key in _RULE_FIELDS}
    parameters = {key: value for key, value in options.items() if key not in _RULE_FIELDS}
    if isinstance(direction.get("contains"), str):
        direction["contains"] = direction["contains"].encode()
    return Rule(name=name, fault=make(name, **parameters), **direction)

"""Worlds from a description: what `--accounts` and POST /_sim/accounts take."""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from simulator.buckets import Limits
from simulator.errors import ScriptError
from simulator.latency import Pace, distribution
from simulator.parties import Account, Purse
from simulator.world import World

DEMO_NAMES = ("alpha", "beta", "gamma")
FIELDS = frozenset(
    {
        "name",
        "key",
        "organization",
        "limits",
        "forbidden_models",
        "spend_cap_usd",
        "spend_limit_usd",
        "credit_usd",
        "latency",
    }
)
NANO_PER_DOLLAR = 1_000_000_000

Spec = Mapping[str, Any]


def load_specs(source: str) -> list[Spec]:
    """Read `demo`, or a JSON file with a list of accounts. Raises ScriptError."""
    if source == "demo":
        return [{"name": name} for name in DEMO_NAMES]
    try:
        specs = json.loads(Path(source).read_text())
    except (OSError, ValueError) as error:
        raise ScriptError(f"The accounts file {source} cannot be read: {error}") from error
    if not isinstance(specs, list):
        raise ScriptError(f"The accounts file {source} must hold a JSON list of accounts.")
    return specs


def open_account(world: World, spec: Spec) -> Account:
    """Open one account as described. Raises ScriptError for what is unknown or makes no sense."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str) or not spec["name"]:
        raise ScriptError("An account needs a name.")
    if unknown := sorted(set(spec) - FIELDS):
        raise ScriptError(f"An account has no {unknown[0]!r}; it may have {', '.join(sorted(FIELDS))}.")
    if spec["name"] in world.accounts:
        raise ScriptError(f"There is an account {spec['name']!r} already.")
    return world.add_account(
        spec["name"],
        key=spec.get("key"),
        organization=spec.get("organization"),
        limits=_limits(spec.get("limits")),
        purse=Purse(
            cap=_nano(spec, "spend_cap_usd"), limit=_nano(spec, "spend_limit_usd"), credit=_nano(spec, "credit_usd")
        ),
        forbidden_models=spec.get("forbidden_models") or (),
        pace=pace_of(spec["latency"]) if spec.get("latency") is not None else None,
    )


def pace_of(spec: Any) -> Pace:  # noqa: ANN401
    """Read a pace: seconds or a distribution to the first byte, or {"first": …, "between": …}. Raises ScriptError."""
    if isinstance(spec, Mapping) and ("first" in spec or "between" in spec):
        return Pace(distribution(spec.get("first", 0.0)), distribution(spec.get("between", 0.0)))
    return Pace(distribution(spec))


def _limits(spec: Any) -> Limits | dict[str, Limits] | None:  # noqa: ANN401
    """Read {"rpm": …, "itpm": …, "otpm": …}, or one such per model group."""
    if spec is None:
        return None
    if not isinstance(spec, Mapping):
        raise ScriptError("Limits are an object with rpm, itpm and otpm, or one such object per model group.")
    if "rpm" in spec or "itpm" in spec or "otpm" in spec:
        return _one_limits(spec)
    return {str(group): _one_limits(limits) for group, limits in spec.items()}


def _one_limits(spec: Spec) -> Limits:
    try:
        limits = Limits(**spec)
    except TypeError as error:
        raise ScriptError(f"Limits need exactly rpm, itpm and otpm: {error}.") from error
    if not all(isinstance(value, int) and value > 0 for value in (limits.rpm, limits.itpm, limits.otpm)):
        raise ScriptError("Limits are whole numbers above zero.")
    return limits


def _nano(spec: Spec, name: str) -> int | None:
    if spec.get(name) is None:
        return None
    try:
        return int(Decimal(str(spec[name])) * NANO_PER_DOLLAR)
    except InvalidOperation:
        raise ScriptError(f"{name} is an amount in dollars, such as 12.50.") from None

"""How slow an answer is: distributions in seconds, drawn from a seeded generator."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from simulator.errors import ScriptError
from simulator.reply import Pause, Reply, Step


class Distribution(Protocol):
    """Something that gives a duration in seconds."""

    def sample(self, rng: random.Random) -> float:
        """Draw one duration."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same."""

    seconds: float

    def sample(self, rng: random.Random) -> float:  # noqa: ARG002
        return self.seconds


@dataclass(frozen=True, slots=True)
class Uniform:
    """Anything between two bounds alike."""

    low: float
    high: float

    def sample(self, rng: random.Random) -> float:
        return rng.uniform(self.low, self.high)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """The usual shape of a service's latency: half below the median, and a long tail."""

    median: float
    sigma: float

    def sample(self, rng: random.Random) -> float:
        return rng.lognormvariate(math.log(self.median), self.sigma)


_KINDS: Mapping[str, Any] = {"fixed": Fixed, "uniform": Uniform, "lognormal": LogNormal}


def distribution(spec: Distribution | Mapping[str, Any] | float) -> Distribution:
    """Read {"kind": "lognormal", "median": 0.8, "sigma": 0.5} or a bare number of seconds. Raises ScriptError."""
    if isinstance(spec, (int, float)):
        return Fixed(float(spec))
    if not isinstance(spec, Mapping):
        return spec
    values = dict(spec)
    kind = _KINDS.get(str(values.pop("kind", "")))
    if kind is None:
        raise ScriptError(f"A latency needs a kind out of {', '.join(_KINDS)}, or is a number of seconds.")
    try:
        made: Distribution = kind(**values)
    except TypeError as error:
        raise ScriptError(f"The latency does not fit its kind: {error}.") from error
    return made


@dataclass(frozen=True, slots=True)
class Pace:
    """Time to the first byte, and between the events of a stream."""

    first: Distribution = Fixed(0.0)
    between: Distribution = Fixed(0.0)


REALISTIC = Pace(first=LogNormal(0.6, 0.4), between=LogNormal(0.03, 0.5))


def paced(reply: Reply, pace: Pace, rng: random.Random) -> Reply:
    """Give the same reply at this pace."""
    before: tuple[Step, ...] = (Pause(pace.first.sample(rng)), *reply.before)
    if not reply.chunked:
        return replace(reply, before=before)
    steps: list[Step] = []
    for step in reply.steps:
        if steps and isinstance(step, bytes):
            steps.append(Pause(pace.between.sample(rng)))
        steps.append(step)
    return replace(reply, before=before, steps=tuple(steps))

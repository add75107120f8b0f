"""How often one caller may ask: so many requests per minute of reading, of changing, and of what reaches Anthropic.

Counted in Django's cache, one number per caller and minute. While that is away nobody is held back.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.principals import Principal

WINDOW_SECONDS: Final = 60
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` requests per minute."""

    name: str
    quota: int


READ: Final = Policy("read", 600)
CHANGE: Final = Policy("change", 120)
PROBE: Final = Policy("probe", 20)


@dataclass(frozen=True, slots=True)
class Rate:
    """Where a caller stands: requests of this minute, this one included, and the seconds left of it."""

    policy: Policy
    used: int
    resets_in: int

    @property
    def exceeded(self) -> bool:
        return self.used > self.policy.quota

    def headers(self) -> dict[str, str]:
        """As the IETF's draft on RateLimit header fields writes it."""
        name, left = self.policy.name, max(0, self.policy.quota - self.used)
        return {
            "RateLimit-Policy": f'"{name}";q={self.policy.quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"{name}";r={left};t={self.resets_in}',
        }


class PerCaller(BaseThrottle):
    """REST framework: one count for each access key and each person."""

    clock: Callable[[], float] = staticmethod(time.time)

    def allow_request(self, request: Request, view: Any) -> bool:  # noqa: ANN401 - any view
        if not isinstance(request.auth, Principal):
            return True  # refused before; a view without authentication counts nobody
        policy = policy_for(request.method or "", probe=getattr(view, "action", "") in _probes(view))
        self.rate = self._counted(policy, request.auth)
        request._request.rate = self.rate  # type: ignore[attr-defined] # noqa: SLF001 - outlives this view's own
        return not self.rate.exceeded

    def wait(self) -> float:
        return float(self.rate.resets_in)

    def _counted(self, policy: Policy, who: Principal) -> Rate:
        now = int(self.clock())
        key = f"rate:{policy.name}:{who.kind}:{who.id}:{now // WINDOW_SECONDS}"
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        try:
            used = int(cache.incr(key) or 1)
        except ValueError:  # the cache is away, or has just forgotten
            used = 1
        return Rate(policy, used, WINDOW_SECONDS - now % WINDOW_SECONDS)


def policy_for(method: str, *, probe: bool) -> Policy:
    """Which count a request goes to."""
    return PROBE if probe else READ if method in _SAFE else CHANGE


def rate_headers(request: Request) -> Mapping[str, str]:
    """What to say of the caller's rate; nothing if it was not counted."""
    rate = getattr(request, "rate", None)
    return rate.headers() if isinstance(rate, Rate) else {}


def _probes(view: Any) -> tuple[str, ...]:  # noqa: ANN401
    probes: tuple[str, ...] = getattr(view, "throttled_as_probe", ())
    return probes

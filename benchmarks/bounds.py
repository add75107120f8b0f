"""What has to hold, and whether it did."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """`measured` is the worst of all rows it speaks about; `at` says which row that was."""

    name: str
    limit: float
    measured: float
    unit: str
    at: str = ""
    timing: bool = True
    """Says something about speed, which a quick run on a busy machine cannot."""
    at_least: bool = False
    """`limit` is the least that is enough, not the most that is allowed."""

    @property
    def holds(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        return "PASS" if self.holds else "FAIL"


def worst(name: str, *, limit: float, unit: str, measured: Iterable[tuple[float, str]]) -> Bound:
    """The bound on the worst of `measured`: pairs of a figure and where it was taken."""
    figure, at = max(measured)
    return Bound(name, limit, figure, unit, at)


def none_over(*, measured: Iterable[tuple[float, str]]) -> Bound:
    figure, at = max(measured)
    return Bound("admitted beyond a limit", 0, figure, "", at if figure else "", timing=False)

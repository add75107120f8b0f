"""Series as the admin skin's charts want them. Pure. Money goes as text, so that it is never a float of ours."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_TICKS: Final = 8


@dataclass(frozen=True, slots=True)
class Chart:
    """`data` is JSON for a canvas; `summary` says in words what it shows, for those who do not see it."""

    title: str
    total: str
    data: str
    summary: str


def bars(*, title: str, total: str, labels: Sequence[str], values: Sequence[int | Decimal]) -> Chart:
    """One bar for each step."""
    dataset = {
        "label": title,
        "data": [str(value) if isinstance(value, Decimal) else value for value in values],
        "backgroundColor": "var(--color-primary-600)",
        "displayYAxis": True,
        "maxTicksXLimit": _TICKS,
    }
    peak = max(range(len(values)), key=lambda place: values[place], default=0)
    top = f", most at {labels[peak]}" if values and values[peak] else ""
    summary = f"{title}: {total} in {len(values)} steps{top}"
    return Chart(title, total, json.dumps({"labels": list(labels), "datasets": [dataset]}), summary)

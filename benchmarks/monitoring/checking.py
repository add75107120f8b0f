"""Which expressions found something, and whether that is as it must be. Pure but for the asking, which is passed in."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from prometheus_client.samples import Sample

from benchmarks.finding import Finding
from benchmarks.monitoring.expressions import filled_in, matchers_in, names_in
from benchmarks.monitoring.prometheus import RATE_INTERVAL, Prometheus, Refused

Found = Callable[[str], int]
"""How many series an expression gave. May raise Refused."""

NEEDS_MORE: Final[Mapping[str, str]] = {"nubabel_slack_messages_total": "Slack is not configured"}
"""Series that a pool by itself does not have, and why."""
_FILTER: Final = re.compile(r"(==|!=|<=|>=|<|>) *[\d.]+ *$|^absent\(")


def asked_of(prometheus: Prometheus, rules: Sequence[str], panels: Sequence[str]) -> list[Finding]:
    """Everything a Prometheus can tell about the rules and the dashboard."""
    target, health = prometheus.target(), prometheus.rules()
    bad = [f"{name}: {said}" for name, said in health.items() if said != "ok"]
    return [
        Finding("Prometheus scrapes /metrics", target == "up", target),
        Finding("alert rules evaluate", bool(health) and not bad, bad[0] if bad else f"{len(health)} rules"),
        queries("alert rules read what is there", rules, prometheus.found),
        queries("the dashboard's queries give data", panels, prometheus.found),
    ]


def queries(what: str, expressions: Sequence[str], found: Found) -> Finding:
    """Each gives data; one that only tells of trouble may be silent, if what it reads is there."""
    told = {expression: complaint(expression, found) for expression in expressions if not _left_out(expression)}
    wrong = [f"{expression}: {said}" for expression, said in told.items() if said]
    left = len(expressions) - len(told)
    seen = f"{len(told) - len(wrong)} of {len(told)}" + (f"; {left} not asked: {_why(expressions)}" if left else "")
    return Finding(what, bool(told) and not wrong, f"{seen}: {wrong[0]}" if wrong else seen)


def complaint(expression: str, found: Found) -> str:
    """What is wrong with an expression's answer; nothing if it is as it must be."""
    asked = filled_in(expression, rate_interval=RATE_INTERVAL)
    try:
        if found(asked):
            return ""
        missing = [series for series in sorted(names_in(asked)) if not found(series)]
    except Refused as refused:
        return str(refused)
    if missing:
        return f"there is no {missing[0]}"
    return "" if _FILTER.search(asked) else "no data"


def without_prometheus(text: Iterable[Sample], expressions: Sequence[str]) -> Finding:
    """By names and labels alone: every series that is read is there, with the labels that are asked for."""
    labels: dict[str, set[str]] = {}
    for one in text:
        labels.setdefault(one.name, set()).update(one.labels)
    wrong = [one for one in expressions if not _left_out(one) and not _is_there(one, labels)]
    what = "what rules and dashboard read is there (Prometheus is not installed: by names alone)"
    return Finding(what, bool(labels) and not wrong, wrong[0] if wrong else f"{len(expressions)} expressions")


def _is_there(expression: str, labels: Mapping[str, set[str]]) -> bool:
    named = names_in(expression) <= labels.keys()
    return named and all(label in labels[series] for series, label, _ in matchers_in(expression))


def _left_out(expression: str) -> bool:
    return bool(names_in(expression) & NEEDS_MORE.keys())


def _why(expressions: Sequence[str]) -> str:
    missed = {series for one in expressions for series in names_in(one)} & NEEDS_MORE.keys()
    return ", ".join(sorted(NEEDS_MORE[series] for series in missed))

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

_NO_ADMIN_KEY: Final = "no Admin API key"
NEEDS_MORE: Final[Mapping[str, str]] = {
    "nubabel_slack_messages_total": "no Slack",
    "nubabel_uncounted_tokens": _NO_ADMIN_KEY,
    "nubabel_uncounted_dollars": _NO_ADMIN_KEY,
    "nubabel_admin_api_age_seconds": _NO_ADMIN_KEY,
}
"""Series that a pool by itself does not have, and what it lacks then."""
_MISSING: Final = "there is no {}"
_EXCUSED: Final = {_MISSING.format(series): why for series, why in NEEDS_MORE.items()}
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
    told = {expression: complaint(expression, found) for expression in expressions}
    left = [_EXCUSED[said] for said in told.values() if said in _EXCUSED]
    wrong = [f"{expression}: {said}" for expression, said in told.items() if said and said not in _EXCUSED]
    asked = len(told) - len(left)
    lacks = f"; {len(left)} have nothing to read here: {', '.join(sorted(set(left)))}" if left else ""
    seen = f"{asked - len(wrong)} of {asked}{lacks}"
    return Finding(what, asked > 0 and not wrong, f"{seen}: {wrong[0]}" if wrong else seen)


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
        return _MISSING.format(missing[0])
    return "" if _FILTER.search(asked) else "no data"


def without_prometheus(text: Iterable[Sample], expressions: Sequence[str]) -> Finding:
    """By names and labels alone: every series that is read is there, with the labels that are asked for."""
    labels: dict[str, set[str]] = {}
    for one in text:
        labels.setdefault(one.name, set()).update(one.labels)
    wrong = [one for one in expressions if not _is_there(one, labels)]
    what = "what rules and dashboard read is there (Prometheus is not installed: by names alone)"
    return Finding(what, bool(labels) and not wrong, wrong[0] if wrong else f"{len(expressions)} expressions")


def _is_there(expression: str, labels: Mapping[str, set[str]]) -> bool:
    missing = names_in(expression) - labels.keys()
    matched = all(label in labels.get(series, {label}) for series, label, _ in matchers_in(expression))
    return matched and missing <= NEEDS_MORE.keys()

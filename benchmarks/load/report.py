"""What came of a run: as a table, as JSON, and as a page beside locust's own. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec

from benchmarks.finding import Finding
from benchmarks.load.judging.callers import most_at_once
from benchmarks.load.seen import FIRST_WARM, Seen
from benchmarks.measure import percentile
from benchmarks.table import table

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1f2430}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}td,th{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #ddd;vertical-align:top}.bad{color:#b00020;font-weight:600}.good{color:#1b7f3b}"
)


class Outcome(msgspec.Struct, frozen=True):
    """One scenario: what was expected, whether it held, and figures about it. `trouble`: why it was not run."""

    name: str
    says: str
    findings: Sequence[Finding] = ()
    figures: Mapping[str, float] = msgspec.field(default_factory=dict)
    trouble: str = ""

    @property
    def holds(self) -> bool:
        return bool(self.findings) and not self.trouble and all(one.holds for one in self.findings)


class Run(msgspec.Struct, frozen=True):
    """All of it. `about` says when, where and on what it was taken."""

    about: Mapping[str, str]
    outcomes: Sequence[Outcome]

    @property
    def holds(self) -> bool:
        """Nothing that was to be shown is missing or wrong."""
        return bool(self.outcomes) and all(outcome.holds for outcome in self.outcomes)


def figures(seen: Seen) -> dict[str, float]:
    """Milliseconds and counts of one scenario; waiting times are those of callers who were served."""
    asked = [one for one in seen.asked if one.number < FIRST_WARM]
    waits = sorted((one.ended - one.began) * 1_000 for one in asked if one.status == 200) or [0.0]
    began = min((one.began for one in asked), default=0.0)
    seconds = max((one.ended for one in asked), default=0.0) - began
    return {
        "requests": len(asked),
        "served": sum(one.status == 200 for one in asked),
        "refused": len(seen.refused),
        "calls": len(seen.received),
        "seconds": round(seconds, 1),
        "per_second": round(len(asked) / seconds, 1) if seconds else 0.0,
        "at_once": most_at_once(asked),
        **{f"p{share}_ms": round(percentile(waits, share)) for share in (50, 95, 99)},
        "delay_ms": round(seen.delay * 1_000),
    }


def as_json(run: Run) -> dict[str, Any]:
    """As `--json` prints it."""
    outcomes = [{**msgspec.to_builtins(outcome), "holds": outcome.holds} for outcome in run.outcomes]
    return {"holds": run.holds, "about": dict(run.about), "scenarios": outcomes}


def text(run: Run) -> str:
    """As it is printed: figures, then every expectation."""
    about = "\n".join(f"{word:<9}{said}" for word, said in run.about.items())
    rows = [
        (f"{'✓' if one.holds else '✗'} {outcome.name}: {one.what}", one.seen)
        for outcome in run.outcomes
        for one in _shown(outcome)
    ]
    verdict = f"{sum(row[0][0] == '✓' for row in rows)} of {len(rows)} expectations hold"
    return "\n".join([about, "", _figures(run.outcomes), "", *_lines(rows), "", verdict])


def _shown(outcome: Outcome) -> Sequence[Finding]:
    return [Finding("it runs", holds=False, seen=outcome.trouble)] if outcome.trouble else outcome.findings


def _lines(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max((len(what) for what, _ in rows), default=0)
    yield from (f"{what:<{width}}  {seen}" for what, seen in rows)


def _figures(outcomes: Sequence[Outcome]) -> str:
    told = [outcome for outcome in outcomes if outcome.figures]
    if not told:
        return "nothing was measured"
    heads = ("", *(name.replace("_", " ") for name in told[0].figures))
    return table(heads, [(one.name, *(f"{value:,g}" for value in one.figures.values())) for one in told])


def page(run: Run) -> str:
    """The same for a browser, with a link to each of locust's reports (charts)."""
    about = "".join(f"<tr><th>{escape(word)}</th><td>{escape(said)}</td></tr>" for word, said in run.about.items())
    parts = "".join(_part(outcome) for outcome in run.outcomes)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Load test</title><style>{_STYLE}</style>"
        f"<h1>Load test: {'everything holds' if run.holds else 'something does not hold'}</h1>"
        f"<table>{about}</table>{parts}</html>\n"
    )


def _part(outcome: Outcome) -> str:
    link = f' <a href="{escape(outcome.name)}.html">charts</a>' if outcome.figures else ""
    told = ", ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in outcome.figures.items())
    rows = "".join(_row(one) for one in _shown(outcome))
    return (
        f"<h2>{escape(outcome.name)}{link}</h2><p>{escape(outcome.says)}</p><p>{escape(told)}</p><table>{rows}</table>"
    )


def _row(one: Finding) -> str:
    mark = "<td class=good>✓" if one.holds else "<td class=bad>✗"
    return f"<tr>{mark}</td><td>{escape(one.what)}</td><td>{escape(one.seen)}</td></tr>"

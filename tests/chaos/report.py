"""The campaign as text: one row per kind of fault, the totals, and whatever was wrong. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks.table import table
from tests.chaos.books import Books
from tests.chaos.faults import KINDS
from tests.chaos.plan import Campaign

_HEADS: Final = ("fault", "met", "failovers", "callers saw", "verdict")
_SHOWN: Final = 20


@dataclass(slots=True)
class Row:
    """What came of one kind of fault. A request that met several is counted with each."""

    met: int = 0
    failovers: int = 0
    saw: Counter[str] = field(default_factory=Counter)
    wrong: int = 0

    def cells(self, label: str) -> tuple[str, ...]:
        saw = ", ".join(f"{word} {count}" for word, count in self.saw.most_common())
        verdict = "WRONG" if self.wrong else "OK" if self.met else "not met"
        return (label, str(self.met), str(self.failovers), saw, verdict)


def rows(campaign: Campaign) -> dict[str, Row]:
    """Sort what callers saw by the faults their requests met."""
    found: dict[str, Row] = {}
    for number, answer in campaign.answers.items():
        calls = [met.call for met in campaign.log.of(number)]
        for place, call in enumerate(calls, start=1):
            row = found.setdefault(call.fault or "(no fault)", Row())
            row.met += 1
            row.failovers += place < len(calls)
            row.saw[str(answer.seen)] += 1
            row.wrong += number in campaign.wrong
    return found


def violations(campaign: Campaign) -> list[str]:
    """Say everything that was wrong."""
    met = len(set(rows(campaign)) - {"(no fault)"})
    few = [f"only {met} kinds of fault were met"] if met < campaign.plan.at_least else []
    judged = [f"request {number}: {_story(campaign, number)}: {said}" for number, said in campaign.wrong.items()]
    return [*campaign.alarms, *few, *judged, *(campaign.books.wrong if campaign.books else ["no books"])]


def text(campaign: Campaign) -> str:
    """Write all of it down."""
    found, wrong = rows(campaign), violations(campaign)
    order = ["(no fault)", *(kind.label for kind in KINDS)]
    lines = [table(_HEADS, [found.get(label, Row()).cells(label) for label in order]), ""]
    lines += _totals(campaign, found)
    lines += [f"  WRONG: {said}" for said in wrong[:_SHOWN]]
    lines += [f"  … and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    lines.append(f"{len(wrong)} violations" if wrong else "no violations")
    return "\n".join(lines)


def _totals(campaign: Campaign, found: dict[str, Row]) -> Iterator[str]:
    plan, asked = campaign.plan, [answer.asked for answer in campaign.answers.values()]
    streams = sum(one.stream for one in asked)
    faults = {label: row for label, row in found.items() if label != "(no fault)"}
    yield f"seed {plan.seed}, {campaign.seconds:.0f} s, at most {plan.concurrency} requests at a time"
    yield f"{len(asked)} requests: {streams} streams, {len(asked) - streams} whole answers"
    yield (
        f"{sum(row.met for row in faults.values())} faults of {len(faults)} kinds met, "
        f"{sum(row.failovers for row in found.values())} failovers"
    )
    if campaign.books is not None:
        yield from _sums(campaign.books)


def _sums(books: Books) -> Iterator[str]:
    yield f"{books.started.total()} activities started, {books.ends.total()} ended"
    yield f"tokens where it is known: {books.charged_known:,} charged, {books.billed_known:,} billed"
    yield f"{books.calls_unknown} calls of unknown fate: {books.charged_unknown:,} tokens charged"


def _story(campaign: Campaign, number: int) -> str:
    asked = campaign.answers[number].asked
    calls = " → ".join(f"{met.call.account} ({met.call.fault or 'no fault'})" for met in campaign.log.of(number))
    return f"{'stream' if asked.stream else 'JSON'}, {calls or 'no calls'}"

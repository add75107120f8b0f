"""Results in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifications.slack_blocks import Channel, Parts, SlackMessage, compose
from notifications.slack_text import quoted
from nubabel.smoke.running import Mark, Result

LISTED: Final = 10
LINE: Final = 250
SHOTS: Final = 900


@dataclass(frozen=True, slots=True)
class Report:
    """`screenshots`: the names of the pictures that were taken."""

    base_url: str
    results: Sequence[Result]
    screenshots: Sequence[str]
    run_url: str = ""

    @property
    def good(self) -> bool:
        """Whether something was looked at and nothing was wrong."""
        return bool(self.results) and all(one.mark is not Mark.BAD for one in self.results)

    def count(self, mark: Mark) -> int:
        return sum(one.mark is mark for one in self.results)

    def summary(self) -> str:
        """One line for people; its end is read by programs that look for totals."""
        counted = f"{self.count(Mark.GOOD)} passed, {self.count(Mark.BAD)} failed, {self.count(Mark.NOT_ASKED)} skipped"
        return f"{self.base_url} is {'whole' if self.good else 'NOT whole'}: {counted}"


def slack_message(report: Report) -> SlackMessage:
    """What a channel is told: the verdict, what is wrong, and the pictures there are."""
    verdict = ":white_check_mark: QA passed" if report.good else ":x: QA failed"
    wrong = [one for one in report.results if one.mark is Mark.BAD]
    lines = [quoted(one.line(), limit=LINE) for one in wrong[:LISTED]]
    more = [f"… and {len(wrong) - LISTED} more"] if len(wrong) > LISTED else []
    return compose(
        Channel.ACTIVITY,
        Parts(
            title=f"{verdict}: {quoted(report.base_url, limit=LINE)}",
            detail="\n".join([*lines, *more]),
            facts=_facts(report),
            about=quoted(report.run_url, limit=LINE) if report.run_url else "",
        ),
    )


def _facts(report: Report) -> dict[str, str]:
    took = sum(one.seconds for one in report.results)
    shots = ", ".join(report.screenshots) or "none"
    return {
        "Passed": f"{report.count(Mark.GOOD)} of {len(report.results)}",
        "Took": f"{took:.0f} s",
        f"Screenshots ({len(report.screenshots)})": quoted(shots, limit=SHOTS),
    }

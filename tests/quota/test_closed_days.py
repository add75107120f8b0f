"""Days that have ended are asked for once a minute, today every time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import ClaudeAccount
from quota.closed_days import KEPT, SECONDS, ClosedDays
from quota.facts import Span
from quota.models import UsageRollup

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 9, 20, 12, tzinfo=UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tokens(rows: Any) -> list[int]:
    return sorted(rows.values_list("tokens", flat=True))


def day(alice: ClaudeAccount, back: int, *, tokens: int) -> None:
    midnight = NOON.replace(hour=0) - timedelta(days=back)
    UsageRollup.objects.update_or_create(
        pool_id=alice.pool_id, account=alice, span=Span.DAY, starts_at=midnight, defaults={"tokens": tokens}
    )


def test_today_is_always_fresh_and_yesterday_for_a_minute(alice: ClaudeAccount) -> None:
    clock = Clock()
    days = ClosedDays(clock=clock)

    def seen() -> list[int]:
        return days.fetch(UsageRollup.objects.all(), tokens, key=("p",), now=NOON)

    day(alice, 1, tokens=10)
    day(alice, 0, tokens=1)
    assert seen() == [10, 1]
    day(alice, 1, tokens=20)
    day(alice, 0, tokens=2)
    assert seen() == [10, 2]
    clock.now = SECONDS
    assert seen() == [20, 2]


def test_a_day_that_ends_is_seen_among_those_that_have_ended(alice: ClaudeAccount) -> None:
    days = ClosedDays(clock=Clock())
    day(alice, 0, tokens=1)
    for now in (NOON, NOON + timedelta(days=1)):
        assert days.fetch(UsageRollup.objects.all(), tokens, key=("p",), now=now) == [1]


def test_what_is_remembered_has_an_end() -> None:
    days = ClosedDays(clock=Clock())
    for number in range(KEPT + 1):
        days.fetch(UsageRollup.objects.none(), tokens, key=(str(number),), now=NOON)
    assert len(days._known) == 1

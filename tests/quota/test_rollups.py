"""Rollups can be made anew from the ledger at any time and come out the same."""

from datetime import date, timedelta

import pytest

from quota.facts import AMOUNTS
from quota.ledger import write
from quota.models import UsageRollup
from quota.rollups import rebuild_rollups
from tests.quota.entries import ALICE, BOB, DAY, POOL, attempt, expired, settled

pytestmark = pytest.mark.django_db
TODAY = date(1970, 1, 1) + timedelta(days=DAY)
COLUMNS = ("account_id", "span", "starts_at", "model", "pool_id", *AMOUNTS)


def rollups() -> list[tuple[object, ...]]:
    return sorted(UsageRollup.objects.values_list(*COLUMNS), key=repr)


@pytest.fixture(autouse=True)
def _some_calls() -> None:
    entries = [
        settled(1, lease="a", note=attempt()),
        settled(2, lease="b", account=BOB, verdict="failure", note=attempt(model="claude-haiku-5-5")),
        expired(3, lease="c"),
        expired(4, lease="d", day=DAY - 1),
    ]
    write(POOL, entries)


def test_rebuilt_rollups_are_those_that_were_kept_in_step() -> None:
    before = rollups()
    assert rebuild_rollups(first=TODAY - timedelta(days=1), last=TODAY) == 4
    assert rollups() == before


def test_what_somebody_spoiled_is_mended() -> None:
    before = rollups()
    UsageRollup.objects.filter(account=ALICE).update(tokens=1)
    UsageRollup.objects.filter(account=BOB).delete()
    rebuild_rollups(first=TODAY - timedelta(days=1), last=TODAY)
    assert rollups() == before


def test_other_days_are_left_alone() -> None:
    UsageRollup.objects.update(tokens=1)
    rebuild_rollups(first=TODAY, last=TODAY)
    yesterday = UsageRollup.objects.get(span="day", starts_at__date=TODAY - timedelta(days=1))
    assert yesterday.tokens == 1


def test_an_hour_and_its_day_may_lie_on_both_sides_of_midnight() -> None:
    before = rollups()
    rebuild_rollups(first=TODAY - timedelta(days=1), last=TODAY - timedelta(days=1))
    assert rollups() == before

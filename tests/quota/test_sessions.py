"""What each session used by the day: in step with the ledger, rebuilt from it, and not kept for ever."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum

from accounts.models import ClaudeAccount
from quota.adding_up import forget_sessions
from quota.ledger import write
from quota.models import Attempt, SessionRollup
from quota.rollups import rebuild_rollups
from tests.quota.entries import attempt, expired, lease_note, settled

pytestmark = pytest.mark.django_db


def call(alice: ClaudeAccount, number: int, *, session: str = "s-1", client: str = "k-1"):
    note = attempt(1, of=number, account=alice.pk, session=session)
    return settled(number, lease=f"l-{number}", account=alice.pk, note=note, client=client)


def sums(rows):
    return rows.aggregate(Sum("tokens"), Sum("cost_nano"), Sum("input_tokens"))


def test_a_sessions_day_is_the_sum_of_its_calls(alice):
    write(alice.pool_id, [call(alice, 1), call(alice, 2)])
    row = SessionRollup.objects.get()
    assert (row.session, row.access_key, row.attempts) == ("s-1", "k-1", 2)
    assert sums(SessionRollup.objects) == sums(Attempt.objects)


def test_the_same_name_under_two_keys_is_two_sessions(alice):
    write(alice.pool_id, [call(alice, 1), call(alice, 2, client="k-2")])
    assert SessionRollup.objects.count() == 2


def test_a_call_without_a_session_is_nobodys(alice):
    write(alice.pool_id, [call(alice, 1, session="")])
    assert not SessionRollup.objects.exists()


def test_the_same_entries_again_change_nothing(alice):
    for _ in range(2):
        write(alice.pool_id, [call(alice, 1)])
    assert SessionRollup.objects.get().attempts == 1


def test_a_call_whose_holder_died_counts_for_its_session_until_the_truth_is_known(alice):
    note = lease_note(1, of=1, session="s-1")
    write(alice.pool_id, [expired(1, lease="l-1", account=alice.pk, note=note)])
    assert SessionRollup.objects.get().expired == 1
    write(alice.pool_id, [settled(2, lease="l-1", account=alice.pk, late=True, note=attempt(1, of=1, session="s-1"))])
    assert (SessionRollup.objects.get().expired, SessionRollup.objects.get().attempts) == (0, 1)


def test_rebuilding_gives_the_same(alice):
    write(alice.pool_id, [call(alice, 1), call(alice, 2, session="s-2")])
    before = sorted(SessionRollup.objects.values_list("session", "tokens", "cost_nano"))
    SessionRollup.objects.update(tokens=1)
    day = Attempt.objects.all()[0].usage_day
    rebuild_rollups(first=day, last=day)
    assert sorted(SessionRollup.objects.values_list("session", "tokens", "cost_nano")) == before


def test_days_of_long_ago_are_let_go_of(alice):
    write(alice.pool_id, [call(alice, 1)])
    day = SessionRollup.objects.get().starts_at
    assert forget_sessions(before=day) == 0
    assert forget_sessions(before=day + timedelta(days=1)) == 1


def test_a_day_begins_at_midnight_utc(alice):
    write(alice.pool_id, [call(alice, 1)])
    day: date = Attempt.objects.get().usage_day
    assert SessionRollup.objects.get().starts_at == datetime.combine(day, datetime.min.time(), tzinfo=UTC)

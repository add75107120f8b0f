"""Time is a number that the test moves; the database is real."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.access import GRACE_SECONDS, AccessKeys, issue_access_key, revoke_access_key
from accounts.database import in_database
from accounts.errors import AccessRefused, AccessUndecided, ScopesRefused
from accounts.keys import checksum, hash_key
from accounts.models import AccessKey, Pool
from accounts.scopes import Scope

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> AccessKeys:
    return AccessKeys(clock=clock)


@pytest.fixture
def issued(pool: Pool) -> tuple[str, AccessKey]:
    return issue_access_key(name="agents", scopes=["messages"], pool=pool)


def never_issued() -> str:
    body = "nb_live_" + "a" * 32
    return body + checksum(body)


@contextmanager
def broken_database() -> Iterator[None]:
    """Every query fails, as when the server is gone."""

    def refuse(*_: Any) -> None:
        raise OperationalError("the database is gone")

    with connection.execute_wrapper(refuse):
        yield


def test_a_key_leads_to_its_owner_pool_and_scopes(keys, issued, pool):
    principal = keys.principal(issued[0], now=NOW)
    assert (principal.name, principal.pool_id, principal.scopes) == ("agents", str(pool.pk), {Scope.MESSAGES})


def test_only_a_hash_and_the_beginning_are_stored(issued):
    plain, key = issued
    stored = AccessKey.objects.filter(pk=key.pk).values().get()
    assert not any(plain in str(value) or plain[-20:] in str(value) for value in stored.values())
    assert stored["sha256"] == hash_key(plain)


def test_the_stored_hash_is_no_credential(keys, issued):
    with pytest.raises(AccessRefused):
        keys.principal(issued[1].sha256, now=NOW)


def test_an_unknown_malformed_revoked_and_expired_key_get_the_very_same_answer(keys, pool):
    revoked, row = issue_access_key(name="gone", scopes=["messages"])
    revoke_access_key(row, now=NOW)
    expired, _ = issue_access_key(name="old", scopes=["messages"], expires_at=NOW)
    answers = set()
    for text in (never_issued(), "nonsense", "", "' OR 1=1 --", revoked, expired):
        with pytest.raises(AccessRefused) as refusal:
            keys.principal(text, now=NOW)
        answers.add(str(refusal.value))
    assert len(answers) == 1


def test_keys_that_share_a_long_beginning_are_different_people(keys, issued):
    plain, _ = issued
    body = plain[:-7] + ("a" if plain[-7] != "a" else "b")
    with pytest.raises(AccessRefused):
        keys.principal(body + checksum(body), now=NOW)


def test_no_text_of_the_key_reaches_the_sql(keys, issued):
    with CaptureQueriesContext(connection) as queries:
        keys.principal(issued[0], now=NOW)
    assert not any(issued[0] in query["sql"] for query in queries)


def test_within_a_second_a_known_key_costs_no_query(keys, issued, clock, django_assert_num_queries):
    keys.principal(issued[0], now=NOW)
    clock.seconds += 0.5
    with django_assert_num_queries(0):
        keys.principal(issued[0], now=NOW)


def test_a_revocation_is_effective_within_a_second(keys, issued, clock):
    keys.principal(issued[0], now=NOW)
    revoke_access_key(issued[1], now=NOW)
    clock.seconds += 0.999
    with pytest.raises(AccessRefused):
        keys.principal(issued[0], now=NOW)


def test_an_expiry_is_effective_at_once_even_for_a_remembered_key(keys, pool):
    plain, _ = issue_access_key(name="short", scopes=["messages"], expires_at=NOW + timedelta(milliseconds=100))
    keys.principal(plain, now=NOW)
    with pytest.raises(AccessRefused):
        keys.principal(plain, now=NOW + timedelta(milliseconds=100))


def test_use_is_noted_at_most_once_a_minute(keys, issued, clock):
    noted = []
    for seconds in (0, 30, 59, 61):
        clock.seconds += 2
        keys.principal(issued[0], now=NOW + timedelta(seconds=seconds))
        noted.append(AccessKey.objects.get().last_used_at)
    assert noted == [NOW, NOW, NOW, NOW + timedelta(seconds=61)]


def test_revoking_twice_keeps_the_first_time(issued):
    assert revoke_access_key(issued[1], now=NOW)
    assert not revoke_access_key(issued[1], now=NOW + timedelta(days=1))
    assert AccessKey.objects.get().revoked_at == NOW


def test_while_the_database_is_gone_a_key_seen_lately_still_opens(keys, issued, clock):
    keys.principal(issued[0], now=NOW)
    clock.seconds += GRACE_SECONDS - 1
    with broken_database():
        assert keys.principal(issued[0], now=NOW).name == "agents"


def test_while_the_database_is_gone_an_unseen_key_is_undecided_and_not_refused(keys, issued, clock):
    with broken_database(), pytest.raises(AccessUndecided):
        keys.principal(issued[0], now=NOW)


def test_a_key_seen_too_long_ago_is_undecided(keys, issued, clock):
    keys.principal(issued[0], now=NOW)
    clock.seconds += GRACE_SECONDS
    with broken_database(), pytest.raises(AccessUndecided):
        keys.principal(issued[0], now=NOW)


def test_a_use_that_cannot_be_noted_turns_nobody_away(keys, issued):
    def refuse_writes(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("busy")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse_writes):
        assert keys.principal(issued[0], now=NOW).name == "agents"


def test_the_memory_of_keys_is_bounded(clock, pool):
    keys = AccessKeys(clock=clock, size=3)
    for number in range(10):
        keys.principal(issue_access_key(name=f"k{number}", scopes=["messages"])[0], now=NOW)
    assert len(keys._known) == 3


def test_a_scope_of_a_later_version_gives_nothing(keys, issued):
    AccessKey.objects.update(scopes=["messages", "teleport"])
    assert keys.principal(issued[0], now=NOW).scopes == {Scope.MESSAGES}


@pytest.mark.parametrize(("change", "error"), [({"scopes": []}, ScopesRefused), ({"name": "a\nb"}, ValidationError)])
def test_a_key_that_makes_no_sense_is_not_issued(db, change, error):
    with pytest.raises(error):
        issue_access_key(**{"name": "agents", "scopes": ["messages"], **change})
    assert not AccessKey.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_the_same_works_from_async_code(clock):

    plain, _ = await in_database(lambda: issue_access_key(name="agents", scopes=["admin-read"]))
    keys = AccessKeys(clock=clock)
    assert (await keys.aprincipal(plain, now=NOW)).scopes == {Scope.ADMIN_READ}
    with pytest.raises(AccessRefused):
        await keys.aprincipal(never_issued(), now=NOW)


@pytest.mark.django_db(transaction=True)
async def test_a_key_seen_lately_does_not_wait_long_for_a_database_that_hangs(clock, monkeypatch):
    plain, _ = await in_database(lambda: issue_access_key(name="agents", scopes=["messages"]))
    keys, answer = AccessKeys(clock=clock), threading.Event()
    await keys.aprincipal(plain, now=NOW)
    clock.seconds += 10
    monkeypatch.setattr("accounts.access.KNOWN_DEADLINE_SECONDS", 0.01)
    monkeypatch.setattr(keys, "_looked_up", lambda *_, **__: answer.wait(30))
    principal = await keys.aprincipal(plain, now=NOW)
    answer.set()
    assert principal.name == "agents"

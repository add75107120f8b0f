"""What the live view shows of a pool, and what it costs to find out."""

import json
from typing import Any

import pytest

from accounts.models import ClaudeAccount, Pool
from quota.engine.memory import MemoryEngine
from quota.engine.types import Account, Metric, PoolSettings, Window
from quota.pictures import Pictures, picture_of
from quota.roster import Roster, Rosters, Row, read_roster
from tests.quota.states import NOON, limit, opened, state

ROWS = (Row("a", "alpha", enabled=True, readable=True), Row("b", "bravo", enabled=True, readable=True, cap=4))
ROSTER = Roster("p", "default", "Least loaded", 1, rows=ROWS, names={"a": "alpha", "b": "bravo", "p": "default"})


def shown(name: str, picture: Any) -> Any:
    return json.loads(json.dumps(picture.accounts[name]))


def test_an_account_is_shown_with_its_status_ready_made() -> None:
    it = shown("a", picture_of(ROSTER, {"a": opened(), "b": state("b")}, now_ms=NOON))
    assert (it["name"], it["status"]["text"]) == ("alpha", "breaker open, back in {clock}")
    assert it["status"]["until_ms"] == NOON + 252_000


def test_time_that_passes_is_no_news() -> None:
    states = {"a": opened(), "b": state("b")}
    assert picture_of(ROSTER, states, now_ms=NOON) == picture_of(ROSTER, states, now_ms=NOON + 5_000)


def test_limits_are_numbers_with_their_units() -> None:
    full = state(limits=(limit(used=3, reserved=2, amount=10),))
    (one,) = shown("a", picture_of(ROSTER, {"a": full}, now_ms=NOON))["limits"]
    assert one == {
        "metric": "tokens",
        "window": "day",
        "amount": 10,
        "used": 3,
        "reserved": 2,
        "resets_ms": NOON + 12 * 3_600_000,
    }


def test_a_minute_that_nothing_counts_against_has_no_end() -> None:
    idle = state(limits=(limit(used=0, amount=10, metric=Metric.REQUESTS, window=Window.MINUTE, resets_ms=NOON),))
    assert shown("a", picture_of(ROSTER, {"a": idle}, now_ms=NOON))["limits"][0]["resets_ms"] == 0


def test_an_account_that_the_engine_has_not_heard_of_is_shown_so() -> None:
    picture = picture_of(ROSTER, {"a": state()}, now_ms=NOON)
    assert (shown("b", picture)["status"]["text"], picture.pool["serving"]) == ("not loaded", 1)


def test_a_deleted_account_is_not_shown() -> None:
    assert "c" not in picture_of(ROSTER, {"c": state("c")}, now_ms=NOON).accounts


def test_the_cap_is_the_databases() -> None:
    assert shown("b", picture_of(ROSTER, {"b": state("b", in_flight=4)}, now_ms=NOON))["status"]["word"] == "busy"


async def test_a_pool_that_was_never_loaded_is_shown_all_the_same() -> None:
    async def read(_pool: str, _known: Roster | None) -> Roster:
        return ROSTER

    engine = MemoryEngine(clock=lambda: NOON)
    look = Pictures(engine=engine, rosters=Rosters(read=read))
    assert (await look("p")).pool["serving"] == 0
    await engine.configure("p", PoolSettings(version=1), [Account(id="a"), Account(id="b")])
    assert (await look("p")).pool["serving"] == 2


@pytest.mark.django_db
def test_a_pool_that_was_not_edited_is_not_read_again(django_assert_num_queries: Any) -> None:
    pool = Pool.objects.create(name="default")
    ClaudeAccount.objects.create(pool=pool, name="alpha", api_key="sk-ant-api03-" + "a" * 80, max_concurrency=3)
    first = read_roster(str(pool.pk))
    assert [(row.name, row.enabled, row.readable, row.cap) for row in first.rows] == [("alpha", True, True, 3)]
    with django_assert_num_queries(1):
        assert read_roster(str(pool.pk), first) is first
    ClaudeAccount.objects.update(enabled=False, disabled_reason="by ada")
    (row,) = read_roster(str(pool.pk), first).rows
    assert (row.enabled, row.disabled_for) == (False, "by ada")


async def test_while_the_database_is_away_what_is_known_goes_on() -> None:
    now = [0.0]

    async def read(_pool: str, known: Roster | None) -> Roster:
        if known:
            raise TimeoutError
        return ROSTER

    rosters = Rosters(read=read, clock=lambda: now[0])
    await rosters.get("p")
    now[0] = 10
    assert await rosters.get("p") is ROSTER


async def test_what_was_never_known_cannot_be_shown() -> None:
    async def read(_pool: str, _known: Roster | None) -> Roster:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Rosters(read=read).get("p")

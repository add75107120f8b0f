"""Nobody asks too often, and everybody sees how much is left."""

import pytest

from accounts.api import throttling
from accounts.api.throttling import CHANGE, PROBE, READ, PerCaller, Policy, policy_for
from tests.rest import callers

ACCOUNTS = "/api/admin/accounts/"


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr(PerCaller, "clock", staticmethod(lambda: 1_000_000_060.0))


@pytest.fixture
def two_reads(monkeypatch):
    monkeypatch.setattr(throttling, "READ", Policy("read", 2))


def test_each_answer_says_how_much_of_the_minute_is_left(admin):
    answer = admin.get(ACCOUNTS)
    assert answer["RateLimit-Policy"] == '"read";q=600;w=60'
    assert answer["RateLimit"] == '"read";r=599;t=20'


def test_who_asks_too_often_is_told_when_to_come_back(admin, two_reads):
    answers = [admin.get(ACCOUNTS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1]["Retry-After"] == "20"
    assert answers[-1]["RateLimit"] == '"read";r=0;t=20'
    assert answers[-1].json()["error"]["code"] == "throttled"
    assert answers[-1].json()["error"]["details"] == {"retry_after": 20}


def test_the_next_minute_begins_anew(admin, two_reads, monkeypatch):
    for _ in range(3):
        admin.get(ACCOUNTS)
    monkeypatch.setattr(PerCaller, "clock", staticmethod(lambda: 1_000_000_080.0))
    assert admin.get(ACCOUNTS).status_code == 200


def test_callers_are_counted_apart(admin, two_reads):
    for _ in range(3):
        admin.get(ACCOUNTS)
    assert callers.key("admin-read").get(ACCOUNTS).status_code == 200


@pytest.mark.parametrize(
    ("method", "probe", "policy"),
    [("GET", False, READ), ("HEAD", False, READ), ("PUT", False, CHANGE), ("POST", True, PROBE)],
)
def test_reading_changing_and_probing_are_counted_apart(method, probe, policy):
    assert policy_for(method, probe=probe) is policy


def test_nobody_is_held_back_while_the_cache_is_away(admin, settings):
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}
    key = callers.key("admin-read")  # sessions live in that cache too
    assert [key.get(ACCOUNTS).status_code for _ in range(2)] == [200, 200]

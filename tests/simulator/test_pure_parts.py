"""Clock, times, identifiers, latency, paging, script and prices: the small parts that decide."""

import asyncio
import random
from typing import Any

import pytest

from simulator import ids, times
from simulator.billing import cost_of
from simulator.clock import InstantClock, ManualClock
from simulator.errors import InvalidRequest, ScriptError
from simulator.faults.registry import FAULTS, make, make_rule
from simulator.faults.wire import cut
from simulator.latency import Fixed, LogNormal, Pace, Uniform, distribution, paced
from simulator.paging import by_id, by_page
from simulator.reply import Bill, Pause, Reply
from simulator.scene import Incoming
from simulator.script import Rule, Script

NOON = 1_795_348_800.0


def asking(*, body: bytes = b"{}", **query: Any) -> Incoming:
    return Incoming("GET", "/v1/messages", {}, body, {name: [value] for name, value in query.items()})


def bill(**tokens: Any) -> Bill:
    counted: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0} | tokens
    return Bill(account="a", model="claude-sonnet-5-5", group="claude_sonnet_5_5", **counted)


async def test_a_sleeper_wakes_when_the_clock_reaches_its_instant() -> None:
    clock = ManualClock()
    sleeper = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.advance(9.9)
    assert clock.sleeping == 1
    clock.advance(0.1)
    await sleeper


async def test_an_instant_clock_passes_the_time_at_once() -> None:
    clock = InstantClock(start=NOON)
    await clock.sleep(3600)
    assert clock.now() == NOON + 3600


def test_instants_are_rounded_up_to_whole_seconds() -> None:
    assert times.rfc3339(NOON + 0.2) == "2026-11-22T12:00:01Z"


def test_the_next_month_begins_on_the_first() -> None:
    assert times.rfc3339(times.next_month(NOON)) == "2026-12-01T00:00:00Z"
    assert times.rfc3339(times.next_month(times.parse("2026-12-31T23:59:59Z"))) == "2027-01-01T00:00:00Z"


def test_demo_keys_are_as_long_as_real_ones_and_always_the_same() -> None:
    assert ids.api_key_for("alpha").startswith("sk-ant-api03-demo-alpha-")
    assert len(ids.api_key_for("alpha")) == len(ids.admin_key_for("alpha")) == 108
    assert ids.api_key_for("alpha") == ids.api_key_for("alpha") != ids.api_key_for("beta")


def test_a_seed_repeats_identifiers_and_no_seed_does_not() -> None:
    assert ids.Ids(seed=7).new("req") == ids.Ids(seed=7).new("req")
    assert ids.Ids(seed=None).new("req") != ids.Ids(seed=None).new("req")


def test_latencies_are_read_from_their_descriptions() -> None:
    assert distribution(0.5) == Fixed(0.5)
    assert distribution({"kind": "uniform", "low": 1, "high": 2}) == Uniform(1, 2)
    assert distribution({"kind": "lognormal", "median": 0.8, "sigma": 0.5}) == LogNormal(0.8, 0.5)


@pytest.mark.parametrize("spec", [{"kind": "triangular"}, {"kind": "uniform", "low": 1}, {}])
def test_a_latency_nobody_understands_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ScriptError):
        distribution(spec)


def test_half_of_the_lognormal_latencies_lie_below_the_median() -> None:
    rng = random.Random(1)
    drawn = [LogNormal(0.8, 0.5).sample(rng) for _ in range(2_000)]
    assert 0.46 < sum(seconds < 0.8 for seconds in drawn) / 2_000 < 0.54


def test_a_pace_pauses_before_the_headers_and_between_events() -> None:
    reply = Reply(200, {}, (b"a", b"b", b"c"), chunked=True)
    slow = paced(reply, Pace(Fixed(1.0), Fixed(0.1)), random.Random(1))
    assert slow.before == (Pause(1.0),)
    assert slow.steps == (b"a", Pause(0.1), b"b", Pause(0.1), b"c")


def test_a_body_is_cut_at_the_byte() -> None:
    assert cut((b"abc", Pause(1), b"def"), 4) == (b"abc", Pause(1), b"d")
    assert cut((b"abc",), 0) == ()


def test_pages_by_id_go_forth_and_back() -> None:
    rows = [{"id": f"x{n}"} for n in range(5)]
    first = by_id(rows, asking(limit="2"))
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (["x0", "x1"], True)
    last = by_id(rows, asking(limit="3", after_id="x1"))
    assert (last["first_id"], last["last_id"], last["has_more"]) == ("x2", "x4", False)
    back = by_id(rows, asking(limit="2", before_id="x4"))
    assert ([row["id"] for row in back["data"]], back["has_more"]) == (["x2", "x3"], True)


def test_pages_by_token_end_without_a_token() -> None:
    rows = [{"id": n} for n in range(3)]
    first = by_page(rows, asking(limit="2"))
    assert by_page(rows, asking(limit="2", page=first["next_page"])) == {"data": [{"id": 2}], "next_page": None}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"page": "page_!!"}])
def test_a_page_nobody_gave_out_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        by_page([], asking(**query))


def script(*rules: Rule) -> Script:
    made = Script(rng=random.Random(1))
    for rule in rules:
        made.add(rule)
    return made


def meets(made: Script, *, account: str = "alpha", route: str = "messages", body: bytes = b"{}") -> str | None:
    rule = made.take(account=account, route=route, incoming=asking(body=body))
    return rule.name if rule else None


def test_one_time_rules_are_played_in_order() -> None:
    made = script(make_rule("internal", times=1), make_rule("ok", times=1), make_rule("overloaded", times=1))
    assert [meets(made) for _ in range(4)] == ["internal", "ok", "overloaded", None]


def test_a_rule_without_a_count_stays() -> None:
    made = script(make_rule("internal", times=None))
    assert [meets(made) for _ in range(3)] == ["internal"] * 3
    assert made.remove() == 1
    assert meets(made) is None


def test_a_rule_can_mean_one_account_one_route_one_model_or_one_body() -> None:
    made = script(
        make_rule("internal", account="beta", route="models", model="claude-opus-5", contains="needle", times=None)
    )
    right = b'{"model": "claude-opus-5", "x": "needle"}'
    assert meets(made, account="beta", route="models", body=right) == "internal"
    assert meets(made, account="alpha", route="models", body=right) is None
    assert meets(made, account="beta", route="messages", body=right) is None
    assert meets(made, account="beta", route="models", body=b'{"x": "needle"}') is None
    assert meets(made, account="beta", route="models", body=b'{"model": "claude-opus-5"}') is None


def test_a_rule_can_let_the_first_requests_pass() -> None:
    made = script(make_rule("internal", skip=2))
    assert [meets(made) for _ in range(4)] == [None, None, "internal", None]


def test_a_rule_can_be_a_matter_of_chance_repeated_by_the_seed() -> None:
    first, second = (script(make_rule("internal", times=None, probability=0.3)) for _ in range(2))
    drawn = [meets(first) for _ in range(500)]
    assert drawn == [meets(second) for _ in range(500)]
    assert 110 < sum(name is not None for name in drawn) < 190


def test_rules_of_one_account_can_be_removed_alone() -> None:
    made = script(make_rule("internal", account="alpha"), make_rule("internal", account="beta"))
    assert made.remove(account="alpha") == 1
    assert [rule.account for rule in made] == ["beta"]


def test_an_unknown_fault_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ScriptError, match="overloaded"):
        make("meteorite")


def test_a_parameter_a_fault_does_not_take_is_refused() -> None:
    with pytest.raises(ScriptError, match="does not take"):
        make("ramp", colour="red")


def test_every_fault_can_be_made_with_its_defaults() -> None:
    needed = {"status": {"status": 418}, "silence": {"seconds": 1}}
    assert all(callable(make(name, **needed.get(name, {}))) for name in FAULTS)


def test_money_is_whole_nano_dollars() -> None:
    cost = cost_of(bill(input_tokens=1_000_000, output_tokens=1_000_000, cache_read_tokens=1_000_000))
    assert (cost.input, cost.output, cost.read) == (2_000_000_000, 10_000_000_000, 100_000_000)


def test_a_batch_costs_half_and_one_country_a_tenth_more() -> None:
    assert cost_of(bill(input_tokens=100, batch=True)).total == 100_000
    assert cost_of(bill(input_tokens=100, geo="us")).total == 220_000


def test_fast_mode_has_prices_of_its_own() -> None:
    fast = Bill("a", "claude-opus-5-5", "claude_opus_5_5", 1_000, 1_000, speed="fast")
    assert cost_of(fast).total == 48_000_000


def test_the_small_model_gets_dearer_above_a_hundred_thousand_tokens() -> None:
    short = Bill("a", "claude-haiku-5-5", "claude_haiku_5_5", 100_000, 0)
    long = Bill("a", "claude-haiku-5-5", "claude_haiku_5_5", 1, 0, cache_read_tokens=100_000)
    assert cost_of(short).total == 10_000_000
    assert cost_of(long).total == 500 + 5_000_000


def test_web_searches_cost_a_cent_each() -> None:
    assert cost_of(bill(web_searches=3)).total == 30_000_000

"""What travels to Redis comes back as it went."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from quota.engine import codec
from quota.engine.holds import HoldKey
from quota.engine.types import (
    Account,
    Block,
    BreakerSettings,
    Event,
    Hold,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Reason,
    Refusal,
    Scope,
    Settlement,
    Usage,
    Verdict,
    Window,
)

texts = st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=20)
names = texts.filter(lambda text: "|" not in text)
counts = st.integers(0, 1 << 53)
limits = st.builds(Limit, metric=st.sampled_from(list(Metric)), window=st.sampled_from(list(Window)), amount=counts)
accounts = st.builds(
    Account,
    id=names,
    priority=st.integers(-1_000, 1_000),
    weight=st.integers(1, 100),
    limits=st.lists(limits, max_size=9).map(tuple),
    max_concurrency=st.none() | st.integers(0, 10**6),
    models=st.none() | st.lists(texts, min_size=1, unique=True, max_size=4).map(tuple),
    organization=st.just("") | texts,
)
hold_keys = st.builds(HoldKey, st.sampled_from(list(Scope)), names, st.just("") | names, st.just("") | texts)
pools = st.builds(PoolSettings, version=counts, affinity_ttl_ms=counts, breaker=st.builds(BreakerSettings))


@given(pools)
def test_settings_come_back_as_they_went(settings: PoolSettings) -> None:
    assert codec.read_settings(codec.settings_parts(settings, pool="p", epoch="e", enabled=3)) == settings


@given(accounts)
def test_accounts_come_back_as_they_went(account: Account) -> None:
    name, packed, usage = codec.account_parts(account, None)
    assert isinstance(name, str)
    assert isinstance(packed, bytes)
    decoded = msgspec.msgpack.decode(packed)
    assert codec._read_account(name, decoded, organization=decoded[6]) == account
    assert usage == b""


@given(st.builds(Usage, *[counts] * 7))
def test_usage_travels_in_the_order_the_script_reads_it(usage: Usage) -> None:
    _, _, packed = codec.account_parts(Account(id="a"), usage)
    assert isinstance(packed, bytes)
    assert Usage(*msgspec.msgpack.decode(packed)) == usage


@given(st.lists(texts, max_size=5), st.lists(st.builds(Event, texts, texts), max_size=3))
def test_the_accounts_tried_are_counted_so_that_events_can_follow(tried: list[str], events: list[Event]) -> None:
    request = LeaseRequest("p", "id", "m", "g", tried=tuple(tried), events=tuple(events))
    parts = codec.lease_parts(request, draw=1)
    at = 13 + len(tried)
    assert parts[12] == len(tried)
    assert parts[13:at] == tried
    assert parts[at:] == [part for event in events for part in (event.type, event.payload)]


@given(st.lists(st.builds(Hold, st.sampled_from(list(Scope)), texts, counts, counts, texts, texts), max_size=3))
def test_holds_are_counted_and_take_six_places_each(holds: list[Hold]) -> None:
    settlement = Settlement(Verdict.ALIVE, holds=tuple(holds), events=(Event("e", "p"),))
    parts = codec.settle_parts("id", settlement)
    assert parts[10] == len(holds)
    assert len(parts) == 11 + 6 * len(holds) + 2


@given(st.builds(Lease, st.just("id"), st.just("p"), texts, counts, st.booleans(), *[counts] * 3, st.booleans()))
def test_a_granted_lease_is_read_field_by_field(lease: Lease) -> None:
    numbers = (lease.granted_ms, lease.deadline_ms, lease.day, int(lease.sticky))
    reply: list[Any] = [b"LEASE", lease.account.encode(), lease.generation, int(lease.probe), *numbers]
    reply += [lease.moved_from.encode(), lease.tokens, str(lease.cost).encode(), lease.epoch.encode()]
    reply += [lease.client.encode()]
    assert codec.read_lease(LeaseRequest("p", "id", "m", "g"), reply) == lease


@given(st.lists(st.builds(Block, texts, st.sampled_from(list(Reason)), counts, texts), max_size=5))
def test_a_refusal_is_read_block_by_block(blocks: list[Block]) -> None:
    flat = [p for b in blocks for p in (b.account.encode(), b.reason.encode(), b.until_ms, b.detail.encode())]
    refusal = codec.read_lease(LeaseRequest("p", "id", "m", "g"), [b"REFUSED", 7, 8, *flat])
    assert refusal == Refusal("p", 7, 8, tuple(blocks))


@given(st.sampled_from(list(Reason)), counts, texts, st.sampled_from(["", "p"]))
def test_a_limit_of_a_client_or_of_the_pool_is_a_refusal_without_blocks(
    reason: Reason, until: int, detail: str, pool: str
) -> None:
    reply = [b"LIMITED", 7, until, reason.encode(), detail.encode(), pool.encode()]
    refusal = codec.read_lease(LeaseRequest("p", "id", "m", "g"), reply)
    assert refusal == Refusal("p", 7, until, (), Block(pool, reason, until, detail))


@given(hold_keys, counts, texts)
def test_holds_are_read_back_whoever_they_bind(key: HoldKey, until: int, why: str) -> None:
    packed = f"{key.scope}|{key.owner}|{key.group}|{key.model}".encode()
    found = codec.read_holds([packed, str(until).encode()], [packed, why.encode()])
    assert found.entries == {key: (until, why)}

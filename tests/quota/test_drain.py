"""Read, write, acknowledge: whatever breaks in between, the ledger ends up complete and without doubles."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from quota.database_store import DatabaseStore
from quota.drain import Drain, Pace, Store
from quota.engine.stream import StreamEntry, stream_key
from quota.entries import Entry
from quota.ledger import Unreadable, Written, write, write_surely
from quota.models import Attempt, SetAside
from quota.streams import Streams, open_client
from tests.quota.entries import POOL, expired, settled

KEY = stream_key(str(POOL))
AT_ONCE = Pace(batch=7, block_ms=1, take_over_idle_ms=0)


@dataclass
class MemoryStore:
    """A database in memory that fails, hangs or dies as told. Knows each entry by its id, like the real one."""

    seen: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    written: int = 0
    failures: list[BaseException | None] = field(default_factory=list)
    """What happens at each write: nothing, or this error before it."""
    after: list[BaseException | None] = field(default_factory=list)
    """The same, after the write is committed."""

    async def pools(self) -> list[str]:
        return [str(POOL)]

    async def write(self, pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable]) -> Written:
        _raise_next(self.failures)
        new = {entry.id for entry in entries} - self.seen
        self.seen |= new
        self.written += len(new)
        _raise_next(self.after)
        return Written(len(entries), len(new), len(unreadable))


def _raise_next(plan: list[BaseException | None]) -> None:
    error = plan.pop(0) if plan else None
    if error:
        raise error


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    client = open_client(redis_url)
    await client.delete(KEY)
    yield client
    await client.aclose()


@pytest.fixture
async def hire(redis_url: str) -> AsyncIterator[Callable[..., Drain]]:
    """Give another worker over this store, as another process would be."""
    opened: list[Streams] = []

    def hire(store: Store, *, pace: Pace = AT_ONCE) -> Drain:
        opened.append(Streams(open_client(redis_url), name=uuid.uuid4().hex))
        return Drain(streams=opened[-1], store=store, clock=asyncio.get_running_loop().time, pace=pace)

    yield hire
    for streams in opened:
        await streams.close()


Hire = Callable[..., Drain]


async def put(client: Any, entries: Sequence[StreamEntry]) -> None:
    async with client.pipeline(transaction=False) as pipe:
        for entry in entries:
            pipe.xadd(KEY, {"type": entry.type, **entry.fields})
        await pipe.execute()


def leases(count: int) -> list[StreamEntry]:
    return [settled(number, lease=f"lease-{number}") for number in range(count)]


async def pending(client: Any) -> int:
    return int((await client.xpending(KEY, "ledger"))["pending"])


async def test_everything_is_written_and_acknowledged(client: Any, hire: Hire) -> None:
    await put(client, leases(20))
    store = MemoryStore()
    written = await hire(store).everything()
    assert (written.entries, store.written, await pending(client)) == (20, 20, 0)


async def test_a_batch_that_the_database_refused_is_kept_and_written_when_it_is_back(client: Any, hire: Hire) -> None:
    await put(client, leases(3))
    store = MemoryStore(failures=[OperationalError("gone"), None])
    drain = hire(store, pace=Pace(block_ms=1))
    with pytest.raises(OperationalError):
        await drain.round()
    assert await pending(client) == 3
    await drain.round()
    assert (store.written, await pending(client)) == (3, 0)


async def test_a_worker_that_dies_after_writing_leaves_work_that_changes_nothing(client: Any, hire: Hire) -> None:
    await put(client, leases(3))
    store = MemoryStore(after=[Died()])
    with pytest.raises(Died):
        await hire(store).everything()
    await hire(store).everything()
    assert (store.written, await pending(client)) == (3, 0)


async def test_redis_that_comes_back_empty_is_read_from_its_new_beginning(client: Any, hire: Hire) -> None:
    drain, store = None, MemoryStore()
    drain = hire(store)
    await put(client, leases(2))
    await drain.round()
    await client.flushdb()
    await put(client, leases(3))
    await drain.begin_again()
    await drain.round()
    assert store.written == 5


async def test_two_workers_do_the_work_once(client: Any, hire: Hire) -> None:
    await put(client, leases(60))
    store = MemoryStore()
    pace = Pace(batch=7)
    totals = await asyncio.gather(hire(store, pace=pace).everything(), hire(store, pace=pace).everything())
    assert sum(total.entries for total in totals) == store.written == 60


@given(
    crashes=st.lists(st.sampled_from([None, Died(), OperationalError("cut")]), max_size=8),
    later=st.lists(st.sampled_from([None, Died(), OperationalError("cut")]), max_size=8),
    count=st.integers(1, 40),
)
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_wherever_workers_die_each_entry_is_written_once(  # noqa: PLR0917 - hypothesis fills them in by name
    client: Any, hire: Hire, crashes: list[BaseException | None], later: list[BaseException | None], count: int
) -> None:
    await client.delete(KEY)
    await put(client, leases(count))
    store = MemoryStore(failures=list(crashes), after=list(later))
    while store.failures or store.after:
        with suppress(Died, OperationalError):
            await hire(store).everything()
            break
    store.failures.clear()
    store.after.clear()
    await hire(store).everything()
    assert (store.written, await pending(client)) == (count, 0)


@pytest.fixture
async def database() -> AsyncIterator[DatabaseStore]:
    store = DatabaseStore()
    yield store
    await store.close()


@dataclass
class OnePool:
    """The real database, asked about this pool only."""

    database: DatabaseStore
    names: dict[str, str] = field(default_factory=dict)

    async def pools(self) -> list[str]:
        return [str(POOL)]

    async def write(self, pool_id: uuid.UUID, entries: Sequence[Entry], unreadable: Sequence[Unreadable]) -> Written:
        return await self.database.write(pool_id, entries, unreadable)


@pytest.mark.django_db(transaction=True)
class TestInTheRealDatabase:
    async def test_entries_become_rows(self, client: Any, hire: Hire, database: DatabaseStore) -> None:
        await put(client, [*leases(20), expired(21, lease="dead")])
        await hire(OnePool(database)).everything()
        assert (await Attempt.objects.acount(), await pending(client)) == (21, 0)

    async def test_an_entry_the_engine_never_wrote_is_set_aside(
        self, client: Any, hire: Hire, database: DatabaseStore
    ) -> None:
        await client.xadd(KEY, {"no": "type"})
        await client.xadd(KEY, {"type": b"\xff\xfe"})
        await put(client, leases(2))
        written = await hire(OnePool(database)).everything()
        assert (written.set_aside, await SetAside.objects.acount(), await Attempt.objects.acount()) == (2, 2, 2)
        assert await pending(client) == 0

    async def test_many_workers_at_once_double_nothing(self, client: Any, hire: Hire, database: DatabaseStore) -> None:
        others = [DatabaseStore() for _ in range(3)]
        await put(client, leases(120))
        # With nothing left alone for even a moment, they keep taking over each other's work.
        await asyncio.gather(*(hire(OnePool(store)).everything() for store in [database, *others]))
        assert await Attempt.objects.acount() == 120
        for store in others:
            await store.close()


class Cursed(dict[str, str]):
    """Fields that run into a mistake of ours."""

    def __getitem__(self, _: str) -> str:
        raise RuntimeError("a mistake of ours")


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_breaks_the_writing_is_set_aside_and_the_others_are_written() -> None:
    cursed = StreamEntry("77-0", "lease.settled", 77, Cursed(lease="x"))
    batch = [*leases(5), cursed, expired(9, lease="dead")]
    written = write_surely(POOL, batch)
    assert (written.entries, written.set_aside, Attempt.objects.count()) == (7, 1, 6)
    assert SetAside.objects.get().why == "refused: RuntimeError"


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_written_as_a_whole_or_not_at_all() -> None:
    cursed = StreamEntry("77-0", "lease.settled", 77, Cursed(lease="x"))
    with pytest.raises(RuntimeError):
        write(POOL, [*leases(5), cursed])
    assert Attempt.objects.count() == 0


@dataclass
class Listener:
    """Hears what is told; notes how much was in the ledger by then."""

    store: MemoryStore
    heard: list[tuple[str, int]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str]) -> None:
        self.heard += [(entry.type, self.store.written) for entry in entries]
        self.names = dict(names)


async def test_people_are_told_of_an_entry_once_it_is_written(client: Any, redis_url: str) -> None:
    store = MemoryStore(names={"a": "alice"})
    listener = Listener(store)
    streams = Streams(open_client(redis_url), name="teller")
    await put(client, [settled(1)])
    drain = Drain(streams=streams, store=store, clock=asyncio.get_running_loop().time, pace=AT_ONCE, teller=listener)
    await drain.everything()
    await streams.close()
    assert (listener.heard, listener.names) == ([("lease.settled", 1)], {"a": "alice"})

"""The directory over a table in memory and a clock that the test moves."""

import asyncio
import logging
from collections.abc import Mapping

import pytest

from accounts.credentials import Secret
from accounts.directory import GRACE_SECONDS, Changes, Credential, Directory, Entry
from accounts.errors import DirectoryUnavailable, UndecryptableKey, UnknownAccount


class Table:
    """Accounts as the database holds them; counts how often it is asked and what is decrypted."""

    def __init__(self) -> None:
        self.version = 1
        self.names: dict[str, str] = {"a": "alpha"}
        self.asked = 0
        self.opened: list[str] = []
        self.broken = False
        self.gate: asyncio.Event | None = None
        self.undecryptable: set[str] = set()

    def rename(self, id_: str, name: str) -> None:
        self.names[id_] = name
        self.version += 1

    async def load(self, known: Mapping[str, int]) -> Changes:
        self.asked += 1
        version, names = self.version, dict(self.names)
        if self.gate:
            await self.gate.wait()
        if self.broken:
            raise OSError("the database is gone")
        if known.get("pool") == version:
            return Changes({"pool": version}, {})
        entries = {id_: Entry("pool", name, self._opener(id_, name)) for id_, name in names.items()}
        return Changes({"pool": version}, entries)

    def _opener(self, id_: str, name: str):
        def opened() -> Credential:
            self.opened.append(id_)
            if id_ in self.undecryptable:
                raise UndecryptableKey(name, "no key fits")
            return Credential(id_, name, "pool", "https://api.anthropic.com", Secret("sk"), simulated=False)

        return opened


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(table: Table, clock: Clock) -> Directory:
    return Directory(load=table.load, clock=clock)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_account_is_found_by_its_id(directory):
    assert (await directory.get("a")).name == "alpha"


async def test_within_a_second_nothing_is_asked_again(directory, table, clock):
    await directory.get("a")
    clock.seconds += 0.9
    await directory.get("a")
    assert table.asked == 1


async def test_after_a_second_it_asks_behind_the_back_of_the_lookup(directory, table, clock):
    await directory.get("a")
    table.rename("a", "renamed")
    clock.seconds += 1.5
    assert (await directory.get("a")).name == "alpha"
    await settled()
    assert (await directory.get("a")).name == "renamed"


async def test_nothing_older_than_two_seconds_is_served(directory, table, clock):
    await directory.get("a")
    table.rename("a", "renamed")
    clock.seconds += 2.0
    assert (await directory.get("a")).name == "renamed"


async def test_a_hundred_lookups_at_once_ask_once(directory, table):
    await asyncio.gather(*(directory.get("a") for _ in range(100)))
    assert table.asked == 1


async def test_a_caller_who_gives_up_does_not_take_the_others_along(directory, table):
    table.gate = asyncio.Event()
    impatient, patient = asyncio.create_task(directory.get("a")), asyncio.create_task(directory.get("a"))
    await settled()
    impatient.cancel()
    table.gate.set()
    assert (await patient).name == "alpha"


async def test_an_account_newer_than_the_last_look_is_asked_for_at_once(directory, table):
    await directory.get("a")
    table.rename("b", "beta")
    assert (await directory.get("b")).name == "beta"


async def test_an_account_made_while_a_look_is_under_way_is_found(directory, table):
    table.gate = asyncio.Event()
    first = asyncio.create_task(directory.get("a"))
    await settled()
    table.rename("b", "beta")
    second = asyncio.create_task(directory.get("b"))
    table.gate.set()
    assert (await first).name == "alpha"
    assert (await second).name == "beta"


async def test_an_unknown_account_is_said_to_be_unknown(directory):
    with pytest.raises(UnknownAccount, match="'nobody'"):
        await directory.get("nobody")


async def test_a_deleted_account_is_forgotten(directory, table, clock):
    table.rename("b", "beta")
    await directory.get("b")
    del table.names["b"]
    table.version += 1
    clock.seconds += 2
    with pytest.raises(UnknownAccount):
        await directory.get("b")


async def test_a_key_is_decrypted_once_and_only_when_asked_for(directory, table, clock):
    table.rename("b", "beta")
    for _ in range(5):
        await directory.get("a")
        clock.seconds += 1.5
        await settled()
    assert table.opened == ["a"]


async def test_an_undecryptable_key_says_so_and_spoils_nobody_else(directory, table):
    table.rename("b", "beta")
    table.undecryptable = {"b"}
    with pytest.raises(UndecryptableKey, match="beta"):
        await directory.get("b")
    assert (await directory.get("a")).name == "alpha"


async def test_what_is_known_outlives_a_database_that_does_not_answer(directory, table, clock, caplog):
    await directory.get("a")
    table.broken = True
    with caplog.at_level(logging.CRITICAL):
        clock.seconds += GRACE_SECONDS - 1
        assert (await directory.get("a")).name == "alpha"


async def test_while_the_database_is_gone_lookups_do_not_wait_for_it_again_and_again(directory, table, clock):
    await directory.get("a")
    table.broken = True
    clock.seconds += 10
    for _ in range(20):
        await directory.get("a")
    assert table.asked == 2


async def test_what_is_too_old_is_not_served(directory, table, clock):
    await directory.get("a")
    table.broken = True
    clock.seconds += GRACE_SECONDS
    with pytest.raises(DirectoryUnavailable):
        await directory.get("a")


async def test_a_first_look_that_fails_says_so(directory, table):
    table.broken = True
    with pytest.raises(DirectoryUnavailable):
        await directory.get("a")


async def test_forgetting_makes_the_next_lookup_look(directory, table):
    await directory.get("a")
    table.rename("a", "renamed")
    directory.forget()
    assert (await directory.get("a")).name == "renamed"


async def test_a_look_begun_before_forgetting_does_not_count(directory, table):
    table.gate = asyncio.Event()
    early = asyncio.create_task(directory.get("a"))
    await settled()
    table.rename("a", "renamed")
    directory.forget()
    table.gate.set()
    await early
    assert (await directory.get("a")).name == "renamed"


async def test_a_credential_does_not_show_its_key(directory):
    credential = await directory.get("a")
    assert "sk" not in repr(credential).replace("simulated", "")

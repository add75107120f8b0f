"""Where a name leads is judged at each connection, and only there it goes."""

import asyncio
import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from accounts.base_urls import may_be_reached
from accounts.credentials import Secret
from accounts.directory import Credential
from accounts.resolving import AddressRefused, CheckedResolver
from gateway.errors import UnableToConnect
from gateway.replies import Fault
from gateway.upstream import HttpUpstream
from gateway.wire import Deadlines
from simulator.testing import running_simulator
from tests.gateway.test_upstream import POST, body_of
from tests.journeys.pool import world_of

NAME = "api.example.com"
PUBLIC, INTERNAL, METADATA = "160.79.104.10", "10.0.0.1", "169.254.169.254"


class Names(AbstractResolver):
    """A name server whose answers follow one another; the last one stays. None: it says nothing."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.closed = False

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.Event().wait()
        return [_found(host, port, address) for address in answer]

    async def close(self):
        self.closed = True


def _found(host, port, address):
    return {"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}


def is_public(_host, address):
    return address == PUBLIC


def checked(names, **options):
    return CheckedResolver(names, may=is_public, **options)


async def test_of_an_answer_only_what_is_allowed_is_used():
    found = await checked(Names([INTERNAL, PUBLIC, METADATA])).resolve(NAME, 443)
    assert [address["host"] for address in found] == [PUBLIC]


async def test_a_name_that_leads_only_inside_is_refused_and_the_operator_is_told(caplog):
    with pytest.raises(AddressRefused):
        await checked(Names([INTERNAL, METADATA])).resolve(NAME, 443)
    assert f"{NAME} leads to 10.0.0.1, 169.254.169.254" in caplog.text


async def test_a_name_that_leads_nowhere_is_no_refusal():
    assert await checked(Names([])).resolve(NAME, 443) == []


async def test_a_silent_name_server_is_given_up():
    with pytest.raises(OSError, match="not resolved in time"):
        await checked(Names(None), seconds=0.01).resolve(NAME, 443)


@pytest.fixture
async def simulator():
    async with running_simulator(world_of("alpha")) as running:
        yield running


async def sent(upstream, simulator, *, name=NAME):
    url = simulator.url.replace("127.0.0.1", name)
    credential = Credential("alpha", "alpha", "pool", url, Secret(simulator.key("alpha")), simulated=True)
    return await upstream.open(POST, credential, first_byte=5.0)


async def dropped(upstream, simulator):
    """A request whose connection is not used again."""
    simulator.world.fault("hang_after_headers", frames=0)
    (await sent(upstream, simulator)).close()
    assert upstream.kept == 0


@pytest.fixture
async def over():
    """Make an upstream over a name server; it is closed after the test."""
    made = []

    def make(names, may=lambda *_: True):
        made.append(HttpUpstream(deadlines=Deadlines(connect=1.0), may=may, names=lambda: names))
        return made[-1]

    yield make
    for upstream in made:
        await upstream.close()


async def test_a_request_goes_to_the_address_that_was_judged_under_its_own_name(simulator, over):
    judged = []

    def judge(*pair):
        judged.append(pair)
        return True

    upstream = over(Names(["127.0.0.1"]), may=judge)
    assert await body_of(await sent(upstream, simulator))
    assert judged == [(NAME, "127.0.0.1")]
    assert simulator.world.exchanges[0].headers["host"].startswith(NAME)


async def test_a_name_that_was_good_and_then_leads_inside_gets_no_key(simulator, over):
    """Rebinding: the first answer is fine, the next one names our own network. Nothing is sent there."""
    upstream = over(Names(["127.0.0.1"], ["127.0.0.2"]), may=lambda _, address: address == "127.0.0.1")
    await dropped(upstream, simulator)
    upstream._session.connector.clear_dns_cache()  # as when its time is over
    with pytest.raises(UnableToConnect) as caught:
        await sent(upstream, simulator)
    assert (caught.value.fault, caught.value.sent) == (Fault.ADDRESS_REFUSED, False)
    assert simulator.world.accounts["alpha"].requests == 1


async def test_without_being_told_otherwise_no_name_leads_to_this_machine(simulator, over):
    upstream = over(Names(["127.0.0.1"]), may_be_reached)
    with pytest.raises(UnableToConnect) as caught:
        await sent(upstream, simulator)
    assert caught.value.fault is Fault.ADDRESS_REFUSED


async def test_the_simulators_name_leads_to_it(simulator, over):
    upstream = over(aiohttp.ThreadedResolver(), may_be_reached)
    assert await body_of(await sent(upstream, simulator, name="localhost"))


async def test_a_silent_name_server_is_no_connection(simulator, over):
    upstream = over(Names(None))
    with pytest.raises(UnableToConnect) as caught:
        await sent(upstream, simulator)
    assert caught.value.sent is False


async def test_a_name_is_asked_for_once_in_its_time(simulator, over):
    names = Names(["127.0.0.1"])
    upstream = over(names)
    for _ in range(3):
        await dropped(upstream, simulator)
    assert names.asked == [NAME]

"""Looking after batches: asked about until they have ended, then charged once."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.credentials import Secret
from accounts.directory import Credential
from gateway.batches.charging import AT_A_TIME, LATEST, SOONEST, BatchCharges, next_look
from gateway.batches.unbilled import Unbilled
from gateway.errors import CallerRefused, OwnersUnavailable
from quota.engine.errors import EngineUnavailable
from quota.engine.memory import MemoryEngine
from quota.engine.types import Account, PoolSettings
from tests.gateway.cast import CUT, NOON, POOL, SECRET, Answers, HandClock, ScriptedExchange

NOW = datetime.fromtimestamp(NOON / 1_000, tz=UTC)
ONE = Unbilled("msgbatch_1", "alpha", POOL, "alice", NOW - timedelta(hours=1))
USAGE = {"input_tokens": 30, "output_tokens": 10}
RESULT = {"custom_id": "a", "result": {"type": "succeeded", "message": {"model": "claude-sonnet-5-5", "usage": USAGE}}}


class Memory:
    """The twin of `UnbilledBatches`: what is due, and what was said of it."""

    def __init__(self, *due, recorded=()):
        self.due = {one.id: one for one in due}
        self.recorded = frozenset(recorded)
        self.documents: dict[str, Any] = {}
        self.postponed: dict[str, datetime] = {}
        self.gone = False

    async def claim(self, *, most):
        return tuple(self.due.values())[:most]

    async def find(self, id_):
        if self.gone:
            raise OwnersUnavailable
        return self.due.get(id_)

    async def credential(self, account):
        return Credential(account, account, POOL, "https://api.anthropic.com", Secret(SECRET), simulated=True)

    async def seen(self, id_, document, *, look_again):
        self.documents[id_] = document
        self.postponed[id_] = look_again

    async def charged(self, lease_ids):
        return self.recorded & frozenset(lease_ids)

    async def later(self, id_, *, at):
        self.postponed[id_] = at

    async def done(self, id_):
        del self.due[id_]


class Anthropic:
    """Answers by address; what has no answer is unknown there."""

    def __init__(self, **documents):
        self.documents = documents
        self.asked: list[str] = []

    async def open(self, request, _credential, *, first_byte):
        assert first_byte > 0
        self.asked.append(request.target)
        name = "results" if request.target.endswith("/results") else "batch"
        answer = self.documents.get(name, Answers(404))
        if isinstance(answer, BaseException):
            raise answer
        return ScriptedExchange(answer)


class EngineAway(MemoryEngine):
    async def settle(self, *_args):
        raise EngineUnavailable("no")


def batch(status="ended", **fields):
    document = {"type": "message_batch", "id": ONE.id, "processing_status": status, **fields}
    return Answers(200, {}, [json.dumps(document).encode()])


ENDED = batch(ended_at="2026-11-23T11:59:00Z")
RESULTS = Answers(200, {}, [json.dumps(RESULT).encode() + b"\n"])


class Scene:
    def __init__(self, memory, anthropic, engine=None):
        self.memory = memory
        self.anthropic = anthropic
        self.engine = engine or MemoryEngine(clock=lambda: NOON)
        self.charges = BatchCharges(unbilled=memory, upstream=anthropic, engine=self.engine, clock=HandClock())

    async def round(self):
        await self.engine.configure(POOL, PoolSettings(version=1), [Account("alpha")])
        await self.charges.round()
        return (await self.engine.snapshot(POOL)).accounts["alpha"].day_tokens


async def test_a_batch_that_has_ended_is_charged_and_done_with():
    scene = Scene(Memory(ONE), Anthropic(batch=ENDED, results=RESULTS))
    assert await scene.round() == 40
    assert scene.memory.due == {}
    assert scene.memory.documents[ONE.id]["processing_status"] == "ended"


async def test_one_that_runs_is_asked_about_again_later():
    scene = Scene(Memory(ONE), Anthropic(batch=batch("in_progress")))
    assert await scene.round() == 0
    assert scene.memory.postponed == {ONE.id: NOW + timedelta(minutes=6)}
    assert len(scene.anthropic.asked) == 1


async def test_one_whose_end_is_in_the_ledger_is_not_charged_again():
    scene = Scene(Memory(ONE, recorded=["msgbatch_1.1"]), Anthropic(batch=ENDED, results=RESULTS))
    assert await scene.round() == 0
    assert scene.memory.due == {}


@pytest.mark.parametrize(
    "answers",
    [
        {"batch": CUT},
        {"batch": Answers(500)},
        {"batch": Answers(200, {}, [b"<html>"])},
        {"batch": Answers(200, {}, [b"[1]"])},
        {"batch": ENDED, "results": Answers(404)},
        {"batch": ENDED, "results": Answers(200, {}, [b'{"custom', CUT])},
        {"batch": ENDED, "results": Answers(200, {}, [TimeoutError()])},
    ],
)
async def test_what_cannot_be_found_out_now_is_tried_again_later(answers):
    scene = Scene(Memory(ONE), Anthropic(**answers))
    assert await scene.round() == 0
    assert list(scene.memory.due) == list(scene.memory.postponed) == [ONE.id]


async def test_while_the_engine_is_away_nothing_counts_as_charged():
    scene = Scene(Memory(ONE), Anthropic(batch=ENDED, results=RESULTS), EngineAway(clock=lambda: NOON))
    await scene.round()
    assert list(scene.memory.due) == [ONE.id]


async def test_a_new_batch_that_anthropic_does_not_know_yet_is_asked_about_again():
    scene = Scene(Memory(ONE), Anthropic())
    await scene.round()
    assert list(scene.memory.postponed) == [ONE.id]


@pytest.mark.parametrize("one", [replace(ONE, created_at=NOW - timedelta(days=31)), replace(ONE, deleted=True)])
async def test_what_nobody_can_find_out_any_more_is_let_go_of_loudly(one, caplog):
    scene = Scene(Memory(one), Anthropic())
    await scene.round()
    assert scene.memory.due == {}
    assert "what msgbatch_1 cost could not be found out" in caplog.text


async def test_one_in_trouble_does_not_keep_the_others_waiting():
    other = replace(ONE, id="msgbatch_2")

    class Picky(Memory):
        async def credential(self, account):
            if self.due and not self.postponed:
                self.postponed[ONE.id] = NOW
                raise OwnersUnavailable
            return await super().credential(account)

    scene = Scene(Picky(ONE, other), Anthropic(batch=ENDED, results=RESULTS))
    assert await scene.round() == 40


async def test_a_batch_is_charged_before_it_is_deleted():
    scene = Scene(Memory(ONE), Anthropic(batch=ENDED, results=RESULTS))
    await scene.engine.configure(POOL, PoolSettings(version=1), [Account("alpha")])
    await scene.charges.before_deletion(ONE.id)
    assert scene.memory.due == {}


async def test_a_batch_that_owes_nothing_may_go_without_a_question():
    scene = Scene(Memory(), Anthropic())
    await scene.charges.before_deletion(ONE.id)
    assert scene.anthropic.asked == []


@pytest.mark.parametrize("gone", [True, False], ids=["no database", "no anthropic"])
async def test_what_cannot_be_charged_may_not_be_deleted(gone):
    memory = Memory(ONE)
    memory.gone = gone
    with pytest.raises(CallerRefused) as refused:
        await Scene(memory, Anthropic(batch=CUT)).charges.before_deletion(ONE.id)
    assert refused.value.status == 503


async def test_only_a_few_are_looked_after_at_a_time():
    many = [replace(ONE, id=f"msgbatch_{number}") for number in range(AT_A_TIME + 5)]
    scene = Scene(Memory(*many), Anthropic(batch=batch("in_progress")))
    await scene.round()
    assert len(scene.anthropic.asked) == AT_A_TIME


@pytest.mark.parametrize(
    ("age", "pause"),
    [(timedelta(0), SOONEST), (timedelta(hours=1), timedelta(minutes=6)), (timedelta(hours=20), LATEST)],
)
def test_the_older_a_batch_the_more_rarely_it_is_asked_about(age, pause):
    assert next_look(replace(ONE, created_at=NOW - age), NOW) == NOW + pause

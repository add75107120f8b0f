"""Carrying a request out: the loop's commands become IO here, and what happened goes back into the loop.

Nothing here decides; the decisions are `gateway.attempts`. What this module owes is that every lease is settled,
whatever raises or is cancelled, and that an activity which was begun also ends.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, assert_never

from gateway import endings, forwarding, responses, settlements, witness
from gateway.attempts import begin, step
from gateway.calls import Call, OwnAnswer, Returned
from gateway.delivery import Delivery
from gateway.log_lines import ACTIVITY
from gateway.moves import (
    Abandoned,
    Ask,
    Command,
    Done,
    EngineGone,
    Happening,
    NoRoom,
    Pause,
    PoolNotLoaded,
    Reload,
    Reloaded,
    Send,
    Settle,
    Settled,
    Woke,
)
from gateway.ports import Listener, Ports
from gateway.replies import Fault
from gateway.responses import Response, Saved
from gateway.sending import Opened, Sender
from gateway.wire import Request
from gateway.witness import UNTIMED, Finished, Timeline
from quota.engine.errors import EngineEmpty, EngineError
from quota.engine.types import Event, Lease, LeaseRequest
from quota.records import ActivityEnded

if TYPE_CHECKING:
    from gateway.renewals import Watched
    from gateway.waiting import Place

logger = logging.getLogger(__name__)


def _ignore(_event: Event) -> None:
    return


class Run:
    """One request. Call `respond` once; read or close the response's stream if it has one."""

    def __init__(self, ports: Ports, call: Call, request: Request, *, listener: Listener = _ignore) -> None:
        self.call = call
        self._ports = ports
        self._sender = Sender(ports, call, request)
        self._request = request
        self._tell = listener
        self._saved: dict[int, Saved] = {}
        self._state, self._command = begin(call, now_ms=ports.clock.now_ms())
        self._asking: LeaseRequest | None = None
        self._place: Place | None = None
        self._freed = 0
        self._kept: Watched | None = None
        self._timeline = Timeline(ports.clock) if ports.timed else UNTIMED
        self._sent = 0.0

    @property
    def ended(self) -> ActivityEnded | None:
        """How the request ended, once it has."""
        return self._state.ended

    @property
    def account(self) -> str:
        """The account that was asked last."""
        return endings.provenance(self._state).account

    @property
    def waiting(self) -> bool:
        """Whether the request is in the line: nobody can serve it at the moment, or others came first."""
        return self._place is not None

    @property
    def own_words(self) -> str:
        """What was said in our own name, if the answer is one of ours."""
        answer = self._state.answer
        return answer.message if isinstance(answer, OwnAnswer) else ""

    async def respond(self) -> Response:
        """Serve the request. Raises `UnusableRequest` before anything is leased if it cannot be forwarded at all."""
        forwarding.passed(self._request.headers)
        forwarding.joined("", self._request.target)
        ACTIVITY.set(self.call.activity)
        try:
            return await self._loop()
        except asyncio.CancelledError:
            self._abandon(Fault.CALLER_LEFT)
            raise
        except Exception:
            logger.exception("a request failed for a reason of our own", extra={"action": "request"})
            self._abandon(Fault.OURS)
            return endings.response(self._state, self._saved)
        finally:
            self._stand_up()

    def _stand_up(self) -> None:
        if self._place is not None:
            place, self._place = self._place, None
            self._ports.room.leave(place)

    async def conclude(self, returned: Returned) -> None:
        """End the call whose answer was being delivered; its settlement goes on even if this is cancelled."""
        self._advance(returned)
        if isinstance(self._command, Settle):
            try:
                await self._settle(self._command)
            finally:
                self._advance(Settled())

    def judge(self, opened: Opened, *, error: bytes = b"", fault: Fault | None = None) -> Returned:
        """Say what a delivered answer came to."""
        return self._sender.ended(opened, body=error, fault=fault, in_stream=bool(error)).returned

    # -- the loop

    async def _loop(self) -> Response:
        while not isinstance(self._command, Done):
            happening = await self._do(self._command)
            if isinstance(happening, Opened):
                return self._streamed(happening)
            self._advance(happening)
        self._stand_up()  # the next need not wait until this one's end is recorded
        await self._emit(self._command.events)
        return endings.response(self._state, self._saved)

    def _advance(self, happening: Happening) -> None:
        if isinstance(happening, Returned):
            self._let_go()
            self._timeline.note("attempt", began=self._sent)
        self._state, self._command = step(self._state, happening, now_ms=self._ports.clock.now_ms())
        if isinstance(self._command, Done) and self._ports.witnesses:
            self._tell_witnesses()

    def _do(self, command: Command) -> Awaitable[Happening | Opened]:
        match command:
            case Ask():
                return self._ask(command)
            case Send(lease, number):
                return self._send(lease, number)
            case Settle():
                return self._settle(command)
            case Pause():
                return self._pause(command)
            case Reload():
                return self._reload()
            case Done():
                raise TypeError("there is nothing left to do")
            case _:
                assert_never(command)

    # -- the commands

    async def _ask(self, command: Ask) -> Happening:
        """Once: an engine that did not answer has gone to its own share, or gives back what it may have granted."""
        behind = self._ports.room.ahead(command.line, self._place)
        if behind is not None:
            return behind
        self._asking = request = command.request
        began = self._timeline.now()
        self._freed = self._ports.room.freed(request.pool)
        try:
            happening: Happening = await self._ports.engine.lease(request)
        except EngineEmpty:
            happening = PoolNotLoaded()
        except EngineError:
            happening = EngineGone()
        if isinstance(happening, Lease):
            self._stand_up()
            self._notify(request.events)
        self._asking = None
        self._timeline.note("lease", began=began)
        return happening

    async def _settle(self, command: Settle) -> Settled:
        began = self._timeline.now()
        self._notify(command.settlement.events)
        await settlements.settle(self._ports, command.lease, command.settlement)
        self._timeline.note("settle", began=began)
        return Settled()

    async def _send(self, lease: Lease, number: int) -> Returned | Opened:
        self._keep(lease)
        self._sent = self._timeline.now()
        result = await self._sender.send(lease)
        if isinstance(result, Opened):
            return result
        if result.saved is not None:
            self._saved[number] = result.saved
        return result.returned

    def _keep(self, lease: Lease) -> None:
        """Renew the lease until its call has returned: a long answer in one piece outlives a lease, too."""
        ports = self._ports
        ttl_ms, longest = self.call.lease_ms, ports.deadlines.total
        self._kept = ports.renewals.watch(ports.engine, lease, ttl_ms=ttl_ms, for_seconds=longest)

    def _let_go(self) -> None:
        if self._kept is not None:
            self._ports.renewals.forget(self._kept)
            self._kept = None

    async def _pause(self, pause: Pause) -> Happening:
        ports = self._ports
        if self._place is None:
            self._place = ports.room.enter(pause, seats=self.call.seats)
        if self._place is None:
            return NoRoom()
        began = self._timeline.now()
        await ports.room.wait(self._place, pause, since=self._freed, clock=ports.clock)
        self._timeline.note("wait", began=began)
        return Woke()

    async def _reload(self) -> Happening:
        began = self._timeline.now()
        try:
            await self._ports.reload(self.call.pool)
        except Exception:
            # Whatever kept the pool from being loaded, the next lease says that it is still empty.
            logger.exception("the pool could not be loaded", extra={"action": "reload"})
        self._timeline.note("load", began=began)
        return Reloaded()

    async def _emit(self, events: tuple[Event, ...]) -> None:
        self._notify(events)
        if events:
            await settlements.tell(self._ports, self.call.pool, events)

    def _notify(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._tell(event)

    # -- the ends

    def _abandon(self, fault: Fault) -> None:
        """End a request that cannot go on. What that takes is done in the background: nobody may be left to wait."""
        if self._asking is not None:
            settlements.give_back(self._ports, pool=self.call.pool, lease_id=self._asking.lease_id)
        if isinstance(self._command, Send):
            self._advance(self._sender.fault(fault))
        if isinstance(self._command, Settle):
            lease, settlement = self._command.lease, self._command.settlement
            self._ports.background.run(settlements.settle(self._ports, lease, settlement), name="settle")
            self._advance(Settled())
        if not isinstance(self._command, Done):
            self._advance(Abandoned(fault))
        if isinstance(self._command, Done):
            self._ports.background.run(self._emit(self._command.events), name="emit")

    def _tell_witnesses(self) -> None:
        call = self.call
        finished = Finished(
            ended=endings.record(self._state),
            pool=call.pool,
            session=call.session,
            caller=call.caller,
            stream=call.stream,
            source=call.source,
            request=self._request,
            status=endings.status(self._state, self._saved),
            stages=self._timeline.stages,
        )
        witness.tell(self._ports.witnesses, finished)

    def _streamed(self, opened: Opened) -> Response:
        if self._kept is not None:
            self._kept.alive = True
        return responses.streamed(
            opened.head, Delivery(self, self._ports, opened, self._lease()), endings.provenance(self._state)
        )

    def _lease(self) -> Lease:
        if self._state.lease is None:
            raise TypeError("an answer without a lease")
        return self._state.lease

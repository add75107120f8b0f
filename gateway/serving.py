"""One request through a pool, whichever face it came by: the HTTP gateway and the pooled client both end here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway.background import Background
from gateway.calls import OwnAnswer
from gateway.driver import Run
from gateway.errors import CallerRefused, OwnersUnavailable, UnusableRequest
from gateway.ids import new_id
from gateway.lists import Lists
from gateway.owners import Owners
from gateway.paths import Action
from gateway.pinned import Answered, Asked, BeforeDeletion, Pinned, nothing_owed
from gateway.ports import Listener, Source
from gateway.preparing import Context, prepare
from gateway.responses import Provenance, Response, own
from gateway.wire import Request

OnRun = Callable[[Run], None]

UNKNOWN_HOLDER: Final = CallerRefused(
    503,
    "api_error",
    "Which account holds this cannot be found out at the moment.",
    headers=(("retry-after", "1"),),
)


@dataclass(frozen=True, slots=True)
class Service:
    """Answers requests. `background` holds what is still to be written down."""

    pinned: Pinned
    lists: Lists

    @property
    def background(self) -> Background:
        return self.pinned.background

    async def answer(
        self, asked: Asked, source: Source, *, listener: Listener | None = None, on_run: OnRun | None = None
    ) -> Response:
        """Answer a request. Raises `UnknownPool`, and what looking the pool up may raise."""

        def send(request: Request, context: Context) -> Awaitable[Answered]:
            return _through(source, request, context=context, listener=listener, on_run=on_run)

        listing = asked.found.route.action is Action.LIST
        try:
            return await (self.lists if listing else self.pinned).answer(asked, send)
        except CallerRefused as refused:
            return refusal(refused)
        except OwnersUnavailable:
            return refusal(UNKNOWN_HOLDER)


def service_over(owners: Owners, *, before_deletion: BeforeDeletion = nothing_owed) -> Service:
    """Give the service that remembers resources there. `before_deletion`: see `Pinned`."""
    return Service(Pinned(owners, before_deletion=before_deletion), Lists(owners))


def refusal(refused: CallerRefused) -> Response:
    """Say no in Anthropic's form; there is no activity to name."""
    said = own(OwnAnswer(refused.status, refused.type, refused.message), Provenance(new_id()))
    ours = tuple(pair for pair in said.headers if not pair[0].startswith("nubabel-"))
    return Response(said.status, (*ours, *refused.headers), said.body)


async def _through(
    source: Source, request: Request, *, context: Context, listener: Listener | None, on_run: OnRun | None
) -> Answered:
    """One run of the attempt loop. `on_run` is told of its `Run` before it begins."""
    ports, rules = await source()
    activity = new_id()
    try:
        call = prepare(request, context=context, rules=rules, activity=activity, now_ms=ports.clock.now_ms())
        run = Run(ports, call, request, **({"listener": listener} if listener else {}))
        if on_run is not None:
            on_run(run)
        return Answered(await run.respond(), run.account)
    except UnusableRequest as error:
        return Answered(own(OwnAnswer(400, "invalid_request_error", str(error)), Provenance(activity)), "")

"""One request through a pool, whichever face it came by: the HTTP gateway and the pooled client both end here."""

import uuid
from collections.abc import Callable

from gateway.calls import OwnAnswer
from gateway.driver import Run
from gateway.errors import UnusableRequest
from gateway.ports import Listener, Source
from gateway.preparing import Context, prepare
from gateway.responses import Provenance, Response, own
from gateway.wire import Request

OnRun = Callable[[Run], None]


async def serve(
    source: Source,
    request: Request,
    *,
    context: Context,
    listener: Listener | None = None,
    on_run: OnRun | None = None,
) -> Response:
    """Answer a request. `on_run` is told of its `Run` first. Raises `UnknownPool`, and what looking it up may raise."""
    ports, rules = await source()
    activity = str(uuid.uuid4())
    try:
        call = prepare(request, context=context, rules=rules, activity=activity, now_ms=ports.clock.now_ms())
        run = Run(ports, call, request, **({"listener": listener} if listener else {}))
        if on_run is not None:
            on_run(run)
        return await run.respond()
    except UnusableRequest as error:
        return own(OwnAnswer(400, "invalid_request_error", str(error)), Provenance(activity))

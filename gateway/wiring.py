"""What the gateway is put together from, and its defaults."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from django.conf import settings

from accounts.directory import get_directory
from accounts.loops import PerLoop
from accounts.principals import Principal
from accounts.wiring import reachable
from gateway.access_log import AccessLog
from gateway.background import Background
from gateway.clock import SystemClock
from gateway.complaints import Complaints
from gateway.errors import OwnersUnavailable
from gateway.orchestrator import Orchestrator
from gateway.pools import Pools, load_rules
from gateway.ports import Ports, Source
from gateway.preparing import PoolRules
from gateway.renewals import Renewals
from gateway.upstream import HttpUpstream
from gateway.witness import Witness

if TYPE_CHECKING:
    from gateway.batches.charging import BatchCharges
    from gateway.serving import Service
    from quota.engine.api import Engine

DEFAULT_MODEL: Final = "claude-sonnet-5-5"
"""What the orchestrator asks for when the caller names no model."""
DRAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """The gateway of one event loop."""

    ports: Ports
    pools: Pools
    upstream: HttpUpstream
    service: "Service"
    charges: "BatchCharges"
    steady: "Engine"
    """Says so when Redis is away, which the one in `ports` bridges."""
    access_log: AccessLog | None


def get_wiring() -> Wiring:
    """Give the running loop's gateway, made when first asked for."""
    return _wirings.get()


def service() -> "Service":
    """Give the running loop's service."""
    return get_wiring().service


async def charge_batches() -> None:
    """Charge the message batches that have ended; a worker's errand. Raises TimeoutError without the database."""
    try:
        await get_wiring().charges.round()
    except OwnersUnavailable:
        raise TimeoutError("the database does not answer") from None


async def close_wiring() -> None:
    """Finish what is settled in the background, then close the running loop's connections to Anthropic."""
    await _wirings.close()


def _wire() -> Wiring:
    from quota.publish import load_pool  # these need Django's apps
    from quota.wiring import get_engine

    clock, background, upstream, engine = SystemClock(), Background(), new_upstream(), get_engine()
    pools = Pools(load=load_rules)
    access_log, spans = _access_log(pools), _spans(pools)
    ports = Ports(
        engine=engine,
        credentials=get_directory(),
        upstream=upstream,
        reload=partial(load_pool, engine),
        clock=clock,
        background=background,
        renewals=Renewals(clock=clock),
        complaints=_complaints,
        witnesses=tuple(witness for witness in (access_log, spans) if witness is not None),
        timed=spans is not None,
    )
    return _with_charges(ports, pools, access_log, upstream)


def _with_charges(ports: Ports, pools: Pools, access_log: AccessLog | None, upstream: HttpUpstream) -> Wiring:
    from gateway.batches.charging import BatchCharges  # these need Django's apps, too
    from gateway.batches.unbilled import UnbilledBatches
    from gateway.owners import Owners
    from gateway.serving import service_over
    from quota.wiring import open_watching_engine

    steady = open_watching_engine()
    charges = BatchCharges(unbilled=UnbilledBatches(), upstream=upstream, engine=steady, clock=ports.clock)
    service = service_over(Owners(), before_deletion=charges.before_deletion)
    return Wiring(ports, pools, upstream, service, charges, steady, access_log)


def _access_log(pools: Pools) -> AccessLog | None:
    wanted = getattr(settings, "ACCESS_LOG", False)
    return AccessLog(account=get_directory().name_of, pool=pools.name_of) if wanted else None


def _spans(pools: Pools) -> Witness | None:
    if not getattr(settings, "OTEL_EXPORTER_OTLP_ENDPOINT", ""):
        return None
    from gateway.tracing import spans  # nothing of OpenTelemetry is loaded for others

    return spans(account=get_directory().name_of, pool=pools.name_of)


def new_upstream() -> HttpUpstream:
    """Connections of their own, to the addresses that this installation may reach. The caller closes it."""
    return HttpUpstream(may=reachable())


async def _unwire(wiring: Wiring) -> None:
    await wiring.service.background.close(timeout=DRAIN_SECONDS)
    await wiring.ports.background.close(timeout=DRAIN_SECONDS)
    await wiring.upstream.close()
    await wiring.steady.close()
    if wiring.access_log is not None:
        wiring.access_log.flush()


_complaints: Final = Complaints()
_wirings: Final = PerLoop[Wiring](make=_wire, close=_unwire)


def orchestrator_for(principal: Principal) -> Orchestrator:
    """Give an orchestrator that works for this principal, on the pool of its key or the default one."""
    pool = principal.pool_id or ""
    return Orchestrator(principal=principal, pool=pool, default_model=DEFAULT_MODEL, via=machinery_of(pool))


def machinery_of(pool: str) -> Source:
    """Give what a client on this pool runs on, looked up at each request."""

    async def source() -> tuple[Ports, PoolRules]:
        wiring = get_wiring()
        return wiring.ports, await wiring.pools.get(pool)

    return source

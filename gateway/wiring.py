"""What the gateway is put together from, and its defaults."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from accounts.directory import get_directory
from accounts.loops import PerLoop
from accounts.principals import Principal
from accounts.wiring import reachable
from gateway.background import Background
from gateway.clock import SystemClock
from gateway.complaints import Complaints
from gateway.orchestrator import Orchestrator
from gateway.pools import Pools, load_rules
from gateway.ports import Ports, Source
from gateway.preparing import PoolRules
from gateway.renewals import Renewals
from gateway.upstream import HttpUpstream

if TYPE_CHECKING:
    from gateway.serving import Service

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


def get_wiring() -> Wiring:
    """Give the running loop's gateway, made when first asked for."""
    return _wirings.get()


def service() -> "Service":
    """Give the running loop's service."""
    return get_wiring().service


async def close_wiring() -> None:
    """Finish what is settled in the background, then close the running loop's connections to Anthropic."""
    await _wirings.close()


def _wire() -> Wiring:
    from gateway.owners import Owners  # these need Django's apps
    from gateway.serving import service_over
    from quota.publish import load_pool
    from quota.wiring import get_engine

    clock, background, upstream, engine = SystemClock(), Background(), new_upstream(), get_engine()
    ports = Ports(
        engine=engine,
        credentials=get_directory(),
        upstream=upstream,
        reload=partial(load_pool, engine),
        clock=clock,
        background=background,
        renewals=Renewals(clock=clock),
        complaints=_complaints,
    )
    return Wiring(ports, Pools(load=load_rules), upstream, service_over(Owners()))


def new_upstream() -> HttpUpstream:
    """Connections of their own, to the addresses that this installation may reach. The caller closes it."""
    return HttpUpstream(may=reachable())


async def _unwire(wiring: Wiring) -> None:
    await wiring.service.background.close(timeout=DRAIN_SECONDS)
    await wiring.ports.background.close(timeout=DRAIN_SECONDS)
    await wiring.upstream.close()


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

"""Those who ask, with limits of their own. Pure: books in, books changed; `now_ms` is an argument.

Limits come with each lease, because whoever asks knows them; what is used of them is remembered by the pool. A request
counts when its first lease is granted and stays counted; tokens and cost follow the truth, whichever account they came
from.
"""

from collections.abc import Iterator

from quota.engine.calendar import slot_end_ms, slot_of
from quota.engine.capacity import NOTHING, SOON_MS, Amount, limit_state, obstacles
from quota.engine.members import Books, Granted
from quota.engine.types import WHOLE_POOL, Block, Client, Lease, LeaseRequest, Reason, Settlement
from quota.engine.views import ClientState


def limited(client: Client, books: Books, request: LeaseRequest, *, now_ms: int) -> Block | None:
    """The client's own limit that keeps it from this lease longest, if there is one. Rolls the windows."""
    books.counters.roll(now_ms)
    found = list(_blocks(client, books, request, now_ms=now_ms))
    return max(found, key=lambda block: block.until_ms) if found else None


def _blocks(client: Client, books: Books, request: LeaseRequest, *, now_ms: int) -> Iterator[Block]:
    whose = request.pool if client.id == WHOLE_POOL else ""
    if client.max_concurrency is not None and books.in_flight >= client.max_concurrency:
        yield Block(whose, Reason.CONCURRENCY, now_ms + SOON_MS)
    asked = _asked(request)
    limits = tuple(limit for limit in client.limits if asked.of(limit.metric))  # what is free always fits
    for limit, until in obstacles(books.counters, limits, asked, now_ms=now_ms):
        yield Block(whose, Reason.LIMIT, until, f"{limit.metric} per {limit.window}")


def take(books: Books, request: LeaseRequest, *, now_ms: int) -> None:
    """Reserve what a granted lease asked for."""
    books.counters.roll(now_ms)
    books.counters.reserve(_asked(request), now_ms=now_ms)
    books.in_flight += 1


def give_back(books: Books, granted: Granted, *, tokens: int, cost: int, still_held: bool, now_ms: int) -> None:
    """Truth for estimate. Not `still_held`: the lease's deadline has charged the estimate already."""
    estimate, actual = Amount(0, granted.request.tokens, granted.request.cost), Amount(0, tokens, cost)
    books.counters.roll(now_ms)
    books.counters.replace(estimate, actual, granted_ms=granted.lease.granted_ms, still_held=still_held)
    if still_held:
        books.in_flight -= 1


def charge_foreign(books: Books, lease: Lease, settlement: Settlement, *, now_ms: int) -> None:
    """Charge a grant of another life of the store."""
    books.counters.roll(now_ms)
    slot = slot_of(lease.granted_ms)
    if slot_end_ms(slot) > now_ms:
        books.counters.slots.setdefault(slot, NOTHING)
    actual = Amount(1, settlement.tokens, settlement.cost) if settlement.sent else NOTHING
    books.counters.replace(NOTHING, actual, granted_ms=lease.granted_ms, still_held=False)


def state_of(books: Books, client: Client, *, now_ms: int) -> ClientState:
    """What people are shown of a client at one instant."""
    counters = books.counters.copied()
    counters.roll(now_ms)
    return ClientState(
        id=client.id,
        in_flight=books.in_flight,
        limits=tuple(limit_state(counters, limit, now_ms=now_ms) for limit in client.limits),
    )


def _asked(request: LeaseRequest) -> Amount:
    return Amount(0 if request.tried else 1, request.tokens, request.cost)

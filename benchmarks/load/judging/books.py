"""The pool's own books against what callers and the double saw."""

from collections.abc import Iterator

from benchmarks.finding import Finding
from benchmarks.load.seen import Seen


def kept(seen: Seen) -> list[Finding]:
    """What must hold after every scenario."""
    return [no_lease_left(seen), activities(seen), ledger(seen)]


def no_lease_left(seen: Seen) -> Finding:
    """Whatever was lent has come back."""
    return Finding("no lease is left", seen.books.leases == 0, str(seen.books.leases))


def activities(seen: Seen) -> Finding:
    """Each request left one activity, which ended as its caller was told."""
    told = {"completed": len(seen.served), "failed": len(seen.asked) - len(seen.served)}
    wanted = {word: count for word, count in told.items() if count}
    wrong = dict(seen.books.activities) != wanted
    shown = ", ".join(f"{count:,} {word}" for word, count in sorted(seen.books.activities.items())) or "none"
    return Finding(
        "activities are the requests", not wrong and bool(wanted), f"{shown} of {len(seen.asked):,} requests"
    )


def ledger(seen: Seen) -> Finding:
    """Each call stands in the ledger once, with the tokens and the money that the double billed."""
    wrong = list(_differences(seen))
    first = f"{len(wrong)} differ: {wrong[0]}" if wrong else f"{len(seen.received):,} calls"
    return Finding("the ledger is what was billed", not wrong and bool(seen.received), first)


def _differences(seen: Seen) -> Iterator[str]:
    charged = {one.request_id: one for one in seen.books.charged}
    if len(seen.books.charged) != len(seen.received):
        yield f"{len(seen.books.charged):,} calls charged, {len(seen.received):,} received"
    for one in seen.received:
        if (row := charged.get(one.request_id)) is None:
            yield f"{one.request_id} is missing"
        elif (row.account, row.tokens, row.cost_nano) != (one.account, one.tokens, one.cost_nano):
            yield f"{one.request_id}: {row.tokens} tokens, {row.cost_nano} nano charged; {one.tokens}, {one.cost_nano}"

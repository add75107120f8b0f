"""Results as tables, and the bounds on them."""

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.bounds import Bound
from benchmarks.gateway.generator import Taken
from benchmarks.gateway.measuring import Row
from benchmarks.gateway.ourselves import Alone
from benchmarks.gateway.servers import DIRECT, LITELLM, OURS, PORTKEY
from benchmarks.table import count, one_place, table, two_places

AT_LEAST_TIMES: Final = {PORTKEY: 3.0, LITELLM: 40.0}
REFERENCE_US: Final = 30.0
"""What the smallest uvicorn application takes of a processor for a JSON answer where the bounds on time are as they
stand: 26 µs were measured on the machine for which they were set."""
CPU_OF_JSON, CPU_OF_EVENT, CPU_OF_LARGE = "CPU of a JSON answer", "CPU of a stream's event", "CPU of a 100 KB body"


def comparison_table(rows: Sequence[Row]) -> str:
    heads = (
        "",
        "callers",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "server CPU µs per request",
        "requests/s, us = 1",
        "failed",
    )
    return table(heads, [_compared(row, rows) for row in rows])


def _compared(row: Row, rows: Sequence[Row]) -> list[str]:
    ours = find(rows, OURS, callers=row.callers).taken
    taken = row.taken
    share = taken.per_second / ours.per_second if ours.per_second else float("nan")
    return [row.server, count(row.callers), *_figures(taken), f"{share:,.3f}", count(row.failed)]


def find(rows: Sequence[Row], server: str, *, callers: int) -> Row:
    """Raises StopIteration if it was not measured."""
    return next(row for row in rows if row.server == server and row.callers == callers)


def alone_table(alone: Alone, *, callers: int) -> str:
    """Figures that are not compared."""
    few, many = alone.slope.events
    shown = [
        ("JSON, body of 100 KB", alone.large),
        (f"paced stream of {few} events", alone.slope.few),
        (f"paced stream of {many} events", alone.slope.many),
    ]
    heads = ("", "callers", "requests/s", "p50 ms", "p99 ms", "CPU µs per request")
    return table(heads, [(name, count(callers), *_figures(taken)) for name, taken in shown])


def _figures(taken: Taken) -> list[str]:
    return [count(taken.per_second), two_places(taken.p50_ms), two_places(taken.p99_ms), one_place(taken.cpu_us)]


def bound_table(bounds: Sequence[Bound], bare: Mapping[str, float]) -> str:
    """`bare`: what the smallest application under the same server takes, by the bound's name."""
    heads = ("bound", "must be", "measured", "", "where", "bare uvicorn")
    return table(heads, [_judged(bound, bare.get(bound.name)) for bound in bounds])


def _judged(bound: Bound, bare: float | None) -> list[str]:
    must = f"{'>=' if bound.at_least else '<='} {bound.limit:,.4g} {bound.unit}"
    mark = "✓" if bound.holds else "✗"
    return [bound.name, must, two_places(bound.measured), mark, bound.at, "" if bare is None else two_places(bare)]


def bounds_over_peers(rows: Sequence[Row], *, kind: str, callers: int) -> list[Bound]:
    """How many times a peer's requests per second ours must be. Peers that were left out are not judged."""
    ours = find(rows, OURS, callers=callers).taken.per_second
    there = {row.server: row.taken.per_second for row in rows if row.callers == callers}
    return [
        Bound(f"{kind}: requests/s over {peer}'s", times, ours / there[peer], "x", _callers(callers), at_least=True)
        for peer, times in AT_LEAST_TIMES.items()
        if peer in there
    ]


def slowness(bare_json_us: float) -> float:
    """How many times slower this machine is than the one that the bounds on time speak of, at least 1."""
    return max(1.0, bare_json_us / REFERENCE_US)


def said_of_slowness(bare_json_us: float) -> str:
    """The same in words, for whoever reads the bounds."""
    times = slowness(bare_json_us)
    here = f"Bare uvicorn takes {bare_json_us:.0f} µs for a JSON answer here"
    return f"{here}: bounds on time are {times:.2f} times what they are where it takes {REFERENCE_US:.0f} µs or less."


def bounds_of_ours(rows: Sequence[Row], alone: Alone, *, callers: int, slower: float) -> list[Bound]:
    """What the gateway may cost, and add, on a machine that is so many times `slower`."""
    direct, many = find(rows, DIRECT, callers=1).taken, _callers(callers)
    added = find(rows, OURS, callers=1).taken.p50_ms - direct.p50_ms
    held = alone.memory
    return [
        Bound(CPU_OF_JSON, 300 * slower, find(rows, OURS, callers=callers).taken.cpu_us, "µs", many),
        Bound(CPU_OF_EVENT, 50 * slower, alone.slope.us_per_event, "µs", f"{many}, paced"),
        Bound(CPU_OF_LARGE, 500 * slower, alone.large.cpu_us, "µs", many),
        Bound("added to an answer, p50", 0.8 * slower, added, "ms", _callers(1)),
        Bound("memory above idle", 100, held.megabytes, "MB", f"{held.streams:,} open streams", timing=False),
    ]


def _callers(number: int) -> str:
    return "1 caller" if number == 1 else f"{number:,} callers"

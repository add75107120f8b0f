"""Results as tables."""

from collections.abc import Sequence

from benchmarks.bounds import Bound
from benchmarks.latency import Burst, Sequential
from benchmarks.litellm_peer import Admission, Selection
from benchmarks.overadmission import Outcome
from benchmarks.table import count, one_place, table, two_places


def sequential_table(rows: Sequence[Sequential]) -> str:
    heads = (
        "strategy",
        "accounts",
        "bare p50 µs",
        "p99",
        "lease p50 µs",
        "p99",
        "settle p50 µs",
        "p99",
        "lease / bare",
        "lease - bare µs",
    )
    return table(heads, [(row.strategy.value, count(row.size), *_latencies(row)) for row in rows])


def placement_table(rows: Sequence[Sequential]) -> str:
    heads = (
        "client and server run on",
        "accounts",
        "bare p50 µs",
        "p99",
        "lease p50 µs",
        "p99",
        "settle p50 µs",
        "p99",
        "lease / bare",
        "lease - bare µs",
    )
    return table(heads, [(row.where, count(row.size), *_latencies(row)) for row in rows])


def _latencies(row: Sequential) -> list[str]:
    figures = [f for samples in (row.bare, row.lease, row.settle) for f in (samples.p50, samples.p99)]
    return [*map(one_place, figures), two_places(row.lease.over(row.bare)), one_place(row.lease.p50 - row.bare.p50)]


def burst_table(rows: Sequence[Burst]) -> str:
    heads = ("strategy", "accounts", "calls/s", "client CPU µs per pair", "server CPU µs per pair")
    return table(heads, [_burst(row) for row in rows])


def _burst(row: Burst) -> list[str]:
    name = row.strategy.value if row.strategy else "two bare calls"
    size = count(row.size) if row.size else ""
    return [name, size, count(row.calls_per_second), one_place(row.client), one_place(row.server)]


def outcome_table(rows: Sequence[Outcome]) -> str:
    heads = ("limit on", "attempts", "admitted", "limit", "most in use", "over", "unanswered", "books agree", "s")
    return table(heads, [_outcome(row) for row in rows])


def _outcome(row: Outcome) -> list[str]:
    amounts = [count(amount / row.kind.shown_per) for amount in (row.limit, row.reached)]
    over = "0" if row.over == 0 else f"{row.over / row.kind.shown_per:,.9g}"
    ends = [over, count(row.unanswered), "yes" if row.books else "NO", one_place(row.seconds)]
    return [row.kind.name, count(row.attempts), count(row.admitted), *amounts, *ends]


def selection_table(ours: Sequence[Sequential], theirs: Sequence[Selection], *, peer: str) -> str:
    """`ours`: least loaded, one row per size; only the sizes the peer was measured at are shown."""
    sizes = {row.size: row for row in ours}
    heads = ("", "accounts", "p50 µs", "p99 µs", "times our lease")
    shown = [row for row in ours if row.size in {other.size for other in theirs}]
    mine = [
        (f"lease, {row.strategy.value}", count(row.size), one_place(row.lease.p50), one_place(row.lease.p99), "1.0")
        for row in shown
    ]
    other = [
        (
            f"{peer}, {row.strategy}",
            count(row.size),
            one_place(row.p50),
            one_place(row.p99),
            one_place(row.p50 / sizes[row.size].lease.p50),
        )
        for row in theirs
    ]
    return table(heads, [*mine, *other])


def admission_table(rows: Sequence[tuple[str, str, Admission | Outcome]]) -> str:
    heads = ("", "asked", "attempts", "admitted", "limit", "over", "over %")
    return table(heads, [(who, how, *_admitted(row)) for who, how, row in rows])


def _admitted(row: Admission | Outcome) -> list[str]:
    share = f"{row.over / row.limit:+.1%}" if row.over else "0 %"
    return [*(count(number) for number in (row.attempts, row.admitted, row.limit, row.over)), share]


def bound_table(bounds: Sequence[Bound]) -> str:
    heads = ("bound", "at most", "measured", "", "worst at")
    return table(heads, [(b.name, f"{b.limit:g} {b.unit}", f"{b.measured:.4g}", b.verdict, b.at) for b in bounds])

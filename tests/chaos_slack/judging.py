"""What must be true of a campaign, and the table that says how it went. Pure."""

from collections.abc import Iterator

from tests.chaos_slack.plan import Result, transitions


def violations(result: Result) -> list[str]:
    """Everything that ought not to be."""
    return [*_lost(result), *_repeated(result), *_disordered(result), *_stuck(result)]


def repeated_messages(result: Result) -> int:
    """Messages that say nothing new: what a worker that died between Slack's ok and its note left to be sent again."""
    seen: set[str] = set()
    again = 0
    for message in result.told:
        again += bool(message) and seen.issuperset(message)
        seen.update(message)
    return again


def _lost(result: Result) -> Iterator[str]:
    missing = {f"{alert} {number}" for alert, number in transitions(result.plan)} - set(result.names)
    if missing:
        yield f"{len(missing)} transitions never arrived: {sorted(missing)[:5]}"


def _repeated(result: Result) -> Iterator[str]:
    again, twice = repeated_messages(result), len(result.names) - len(set(result.names))
    whole = sum(len(message) for message in _again(result))
    if again > result.killed:
        yield f"{again} messages came twice, and only {result.killed} workers died while they delivered"
    if twice > whole:
        yield f"{twice} transitions came twice, {twice - whole} of them in a message with others"


def _again(result: Result) -> Iterator[list[str]]:
    seen: set[str] = set()
    for message in result.told:
        if seen.issuperset(message):
            yield list(message)
        seen.update(message)


def _disordered(result: Result) -> Iterator[str]:
    first: dict[str, list[int]] = {}
    for name in dict.fromkeys(result.names):
        alert, number = name.split()
        first.setdefault(alert, []).append(int(number))
    for alert, numbers in first.items():
        if numbers != sorted(numbers):
            yield f"the steps of {alert} came as {numbers}"


def _stuck(result: Result) -> Iterator[str]:
    if result.waiting:
        yield f"{result.waiting} letters still wait after {result.seconds:.0f} s"
    if result.switched_off:
        yield "the destination was switched off by what passes by itself"


def table(result: Result) -> str:
    """One line for each figure."""
    plan, names = result.plan, result.names
    rows = {
        "workers": plan.workers,
        "transitions": plan.transitions,
        "messages they came in": len(result.told),
        "refusals by Slack": ", ".join(f"{name} {count}" for name, count in sorted(result.faults.items())) or "none",
        "killed while delivering": result.killed,
        "asked to leave": result.restarted,
        "told exactly once": sum(names.count(name) == 1 for name in dict.fromkeys(names)),
        "messages told again": repeated_messages(result),
        "lost": plan.transitions - len(set(names)),
        "threads out of order": len(list(_disordered(result))),
        "seconds": f"{result.seconds:.1f}",
    }
    width = max(map(len, rows))
    lines = [f"  {name:<{width}}  {value}" for name, value in rows.items()]
    found = violations(result)
    return "\n".join(
        [*lines, *(f"✗ {one}" for one in found)] if found else [*lines, "✓ nothing lost, nothing disordered"]
    )

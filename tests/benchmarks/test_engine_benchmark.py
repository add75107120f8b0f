"""`make bench-engine` runs from end to end; how fast is not a test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

from quota.engine.types import Strategy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def printed() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.engine", "--quick", "--no-peers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(printed: str, *, starting: str) -> list[list[str]]:
    """The cells of every table row whose first cell is `starting`."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line[:1] == "|"]
    return [row for row in cells if row[0] == starting]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_each_strategy_is_measured_with_one_caller_and_with_many(printed: str, strategy: Strategy):
    assert [row[1] for row in rows(printed, starting=strategy.value)] == ["10", "100"] * 2


@pytest.mark.parametrize("limit", ["requests per minute", "tokens per day", "cost per day, USD", "concurrent calls"])
def test_nothing_is_admitted_beyond_a_limit(printed: str, limit: str):
    (row,) = rows(printed, starting=limit)
    over, unanswered, books = row[5:8]
    assert (over, unanswered, books) == ("0", "0", "yes")


@pytest.mark.parametrize(
    "bound",
    [
        "one caller's lease, p50",
        "lease and settlement, most accounts",
        "client CPU of a pair, many callers",
        "admitted beyond a limit",
    ],
)
def test_each_bound_gets_a_verdict(printed: str, bound: str):
    (row,) = rows(printed, starting=bound)
    assert row[3] in {"PASS", "FAIL"}


def test_the_conditions_are_told(printed: str):
    assert all(word in printed for word in ("seed", "cores", "Valkey", "Python", "uvloop"))

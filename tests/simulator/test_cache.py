"""The prompt cache as a pure plan."""

from typing import Any

import pytest

from simulator.cache import CachePlan, PromptCache, breakpoints
from simulator.errors import InvalidRequest
from simulator.tokens import segments

NOON = 1_795_348_800.0
HERE = ("wrkspc_1", "claude-sonnet-5-5", "standard")
ELSEWHERE = ("wrkspc_2", "claude-sonnet-5-5", "standard")
LONG = "x" * 8_000  # 2,000 tokens


def block(text: str, *, ttl: str | None = None, cached: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "text", "text": text}
    if cached:
        made["cache_control"] = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    return made


def plan(
    cache: PromptCache, body: dict[str, Any], *, scope: tuple[str, str, str] = HERE, now: float = NOON
) -> CachePlan:
    pieces = list(segments(body))
    marks = breakpoints(pieces, body.get("cache_control"))
    made = cache.plan(pieces, marks, scope=scope, minimum=1024, now=now)
    cache.commit(made, now=now)
    return made


def body(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"system": list(blocks), "messages": [{"role": "user", "content": "hello there"}]}


def test_the_first_request_writes() -> None:
    made = plan(PromptCache(), body(block(LONG)))
    assert (made.read, made.write_5m, made.uncached) == (0, 2_000, 6)


def test_the_second_request_reads() -> None:
    cache = PromptCache()
    plan(cache, body(block(LONG)))
    made = plan(cache, body(block(LONG)), now=NOON + 299)
    assert (made.read, made.write_5m, made.uncached) == (2_000, 0, 6)


def test_after_five_minutes_it_is_written_again() -> None:
    cache = PromptCache()
    plan(cache, body(block(LONG)))
    assert plan(cache, body(block(LONG)), now=NOON + 300).write_5m == 2_000


def test_reading_keeps_an_entry_alive() -> None:
    cache = PromptCache()
    for seconds in (0, 200, 400):
        made = plan(cache, body(block(LONG)), now=NOON + seconds)
    assert made.read == 2_000


def test_an_hour_can_be_asked_for() -> None:
    cache = PromptCache()
    assert plan(cache, body(block(LONG, ttl="1h"))).write_1h == 2_000
    assert plan(cache, body(block(LONG, ttl="1h")), now=NOON + 3_599).read == 2_000


def test_another_workspace_shares_nothing() -> None:
    cache = PromptCache()
    plan(cache, body(block(LONG)))
    assert plan(cache, body(block(LONG)), scope=ELSEWHERE).read == 0


def test_a_short_prompt_is_silently_not_cached() -> None:
    made = plan(PromptCache(), body(block("x" * 400)))
    assert (made.write_5m, made.uncached) == (0, 106)


def test_a_longer_conversation_reads_its_beginning_and_writes_the_rest() -> None:
    cache = PromptCache()
    plan(cache, body(block(LONG)))
    made = plan(cache, body(block(LONG, cached=False), block("y" * 4_000)))
    assert (made.read, made.write_5m) == (2_000, 1_000)


def test_a_changed_beginning_reads_nothing() -> None:
    cache = PromptCache()
    plan(cache, body(block(LONG)))
    assert plan(cache, body(block("z" + LONG))).read == 0


def test_a_breakpoint_looks_back_twenty_blocks_and_no_further() -> None:
    fillers = [block(f"filler {n}", cached=False) for n in range(25)]
    near, far = fillers[:19], fillers
    cache = PromptCache()
    plan(cache, body(block(LONG)))
    assert plan(cache, body(block(LONG, cached=False), *near, block("end"))).read == 2_000
    assert plan(cache, body(block(LONG, cached=False), *far, block("end"))).read == 0


def test_the_top_level_breakpoint_stands_at_the_end() -> None:
    made = plan(PromptCache(), {**body(block(LONG, cached=False)), "cache_control": {"type": "ephemeral"}})
    assert (made.write_5m, made.uncached) == (2_006, 0)


def test_five_breakpoints_are_too_many() -> None:
    with pytest.raises(InvalidRequest, match="maximum of 4"):
        breakpoints(list(segments(body(*[block(str(n)) for n in range(5)]))), None)


def test_other_lifetimes_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="5m"):
        breakpoints(list(segments(body(block(LONG, ttl="2h")))), None)

"""Whoever a preview says would be chosen is then chosen, over random histories on a real server."""

import asyncio
from random import Random

import pytest

from quota.engine.connection import Connection
from quota.engine.errors import EngineEmpty
from quota.engine.preview import Preview, preview
from quota.engine.types import Lease, LeaseRequest, Refusal
from tests.properties.histories import START_MS, History
from tests.properties.pair import POOL, Pair


class WatchedPair(Pair):
    """Looks before each lease."""

    async def lease(self, request: LeaseRequest) -> Lease | Refusal:
        seen = await self._preview(request)
        answer = await super().lease(request)
        if seen is not None:
            self._compare(seen, answer)
        return answer

    async def _preview(self, request: LeaseRequest) -> Preview | None:
        """None where a preview says that it cannot know: overdue leases, early probes, a lease asked for again."""
        try:
            seen = await self.redis.look(POOL, session=request.session, client=request.client)
        except EngineEmpty:
            return None
        twin = self.twin._pools[POOL]
        overdue = any(granted.lease.deadline_ms <= seen.clock_ms for granted in twin.leases.values())
        known = twin.recall(request.lease_id, now_ms=seen.clock_ms) is not None
        if overdue or known or twin.settings.breaker.early_probe:
            return None
        return preview(seen, request, now_ms=seen.clock_ms)

    def _compare(self, seen: Preview, answer: Lease | Refusal) -> None:
        self.visited["previews"] += 1
        if isinstance(answer, Refusal) and answer.limited:
            self._same("limit", seen.answer, answer)
            return
        if isinstance(answer, Refusal):
            self._same("blocks", [one.block for one in seen.candidates], list(answer.blocks))
            return
        eligible = [one.account for one in seen.candidates if one.rank is not None]
        assert answer.account in eligible
        if not seen.by_chance:
            self._same("choice", (seen.chosen, seen.answer.sticky), (answer.account, answer.sticky))  # type: ignore[union-attr]


async def run(url: str, *, seed: int) -> int:
    connection = Connection(url, deadline=5)
    try:
        await connection.call("FLUSHDB")
        pair = WatchedPair(connection, now_ms=START_MS, seed=seed)
        await (await History.begin(pair, Random(seed))).run(40)
        return pair.visited["previews"]
    finally:
        await connection.close()


def test_who_would_be_chosen_is_chosen(redis_url: str) -> None:
    assert sum(asyncio.run(run(redis_url, seed=seed)) for seed in range(60)) > 200


@pytest.mark.parametrize("seed", range(3))
def test_looking_changes_nothing(redis_url: str, seed: int) -> None:
    """`Pair.check` compares everything that can be seen after each step; here every step is preceded by a look."""
    assert asyncio.run(run(redis_url, seed=seed)) >= 0

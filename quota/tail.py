"""The engine's streams as those read them who only listen: no group, nothing acknowledged, nothing changed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from notifications.live.channel import Batch
from quota.engine.stream import StreamEntry, decode, stream_key
from quota.reading import Places, Reader
from quota.streams import Raw

AT_ONCE: Final = 500


class Tail:
    """Reads over a client of `streams.open_client`, whose timeout bounds every call. Raises redis-py's errors."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - see open_client
        self._redis = client
        self._reader = Reader(self._read)

    async def after(self, places: Mapping[str, str], *, block_ms: int) -> dict[str, Batch]:
        """Give what came after each pool's id; wait for the first of it at most so long."""
        pools = {stream_key(pool).encode(): pool for pool in places}
        wanted = {key: places[pool] for key, pool in pools.items()}
        found = await self._reader.first(wanted, block_ms=block_ms)
        return {pools[key]: _batch(raw) for key, raw in found.items()}

    async def before(self, pool: str, entry_id: str, *, count: int) -> Batch:
        """Give the last entries before an id, or of all if it is empty."""
        end = f"({entry_id}" if entry_id else "+"
        raw = await self._redis.xrevrange(stream_key(pool), max=end, count=count)
        return _batch(raw[::-1])

    async def close(self) -> None:
        await self._reader.end()
        await self._redis.aclose()

    async def _read(self, places: Places, block_ms: int | None) -> Any:  # noqa: ANN401 - redis-py's
        return await self._redis.xread(places, count=AT_ONCE, block=block_ms) or ()


def _batch(raw: Sequence[Raw]) -> Batch:
    if not raw:
        return Batch(())
    ids = [entry_id.decode() for entry_id, _ in raw]
    return Batch(tuple(_decoded(raw)), last_id=ids[-1], after=ids[0], size=len(ids))


def _decoded(raw: Iterable[Raw]) -> Iterable[StreamEntry]:
    """What cannot be read the ledger sets aside and shows; here it is passed over."""
    for entry_id, fields in raw:
        try:
            yield decode(entry_id, fields)
        except (LookupError, ValueError, AttributeError):
            continue

"""The relay: what the worker has recorded is put into the outbox and shown to browsers.

It is called after the worker's commit and before its acknowledgement. The outbox is the database: its trouble is the
worker's, which comes again with the same entries. Browsers must never delay it: a channel layer that does not answer
costs `LAYER_DEADLINE_S` and the rest of that call's live events.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from notifications.kinds import Notice
from notifications.letters import Draft, Writer, drafts
from notifications.slack_messages import Audience
from notifications.told import Seen
from notifications.translation import Entry, translate

LIVE_GROUP: Final = "live"
LIVE_MESSAGE: Final = "live.events"
"""The channel layer's message type; the consumer's `live_events` receives it."""
LAYER_DEADLINE_S: Final = 1.0
AT_ONCE: Final = 100
"""Events in one message of the channel layer."""

logger = logging.getLogger(__name__)


class Layer(Protocol):
    """The part of a channel layer that is needed here."""

    async def group_send(self, group: str, message: dict[str, Any], /) -> None: ...


class Outbox(Protocol):
    """Who keeps letters until they are delivered. Raises Django's database errors."""

    async def put(self, letters: Sequence[Draft], /) -> None: ...


class Relay:
    """`writers` are the destinations that want letters. `undelivered` counts events the channel layer missed."""

    def __init__(
        self,
        *,
        layer: Layer,
        outbox: Outbox,
        writers: Sequence[Writer] = (),
        user: str = "",
        layer_deadline_s: float = LAYER_DEADLINE_S,
    ) -> None:
        self._layer = layer
        self._layer_deadline_s = layer_deadline_s
        self._outbox = outbox
        self._writers = writers
        self._user = user
        self._seen = Seen()
        self.undelivered = 0

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str] = MappingProxyType({})) -> None:
        """Tell people of `entries`, in their order; `names` maps ids of accounts and pools to their names.

        Safe to repeat: a letter exists once, and what this process has shown it does not show again. Raises
        Django's database errors.
        """
        notices = [notice for entry in entries if (notice := translate(entry))]
        await self._post(notices, names=names)
        fresh = [notice for notice in notices if self._seen.first_time(notice)]
        for start in range(0, len(fresh), AT_ONCE):
            if not await self._show(fresh[start : start + AT_ONCE], names=names):
                self.undelivered += len(fresh) - start
                break

    async def _post(self, notices: Sequence[Notice], *, names: Mapping[str, str]) -> None:
        audience = Audience(names=names, user=self._user)
        letters = [letter for notice in notices for letter in drafts(notice, writers=self._writers, audience=audience)]
        if letters:
            await self._outbox.put(letters)

    async def _show(self, notices: Sequence[Notice], *, names: Mapping[str, str]) -> bool:
        events = [notice.as_message(names=names) for notice in notices]
        try:
            async with asyncio.timeout(self._layer_deadline_s):
                await self._layer.group_send(LIVE_GROUP, {"type": LIVE_MESSAGE, "events": events})
        except Exception as error:  # noqa: BLE001 (any layer, any trouble: the live view may miss it, nobody else)
            logger.warning("live view: events missed: %s", type(error).__name__, extra={"action": "live_missed"})
            return False
        return True

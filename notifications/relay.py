"""The relay: what the worker has recorded is told to browsers at once and to Slack where it deserves a message.

It is called after the worker's commit and must never undo or delay it: nothing here raises, and a channel layer
that does not answer costs `LAYER_DEADLINE_S` and the rest of that call's live events.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

from notifications.kinds import Notice
from notifications.slack_blocks import SlackMessage
from notifications.slack_messages import Audience, message_for
from notifications.told import Seen, Told
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


class Messenger(Protocol):
    """Who takes Slack messages without waiting; `lanes.Courier` in life."""

    def offer(self, message: SlackMessage, /) -> None: ...


class Relay:
    """`messenger` is None while Slack is not configured. `undelivered` counts events the channel layer missed."""

    def __init__(
        self,
        *,
        layer: Layer,
        messenger: Messenger | None,
        user: str = "",
        layer_deadline_s: float = LAYER_DEADLINE_S,
    ) -> None:
        self._layer = layer
        self._layer_deadline_s = layer_deadline_s
        self._messenger = messenger
        self._user = user
        self._seen = Seen()
        self._told = Told()
        self.undelivered = 0

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str] = MappingProxyType({})) -> None:
        """Tell people of `entries`, in their order; `names` maps ids of accounts and pools to their names.

        Safe to repeat: an entry told before is not told again by this process.
        """
        translated = (translate(entry) for entry in entries)
        fresh = [notice for notice in translated if notice and self._seen.first_time(notice)]
        self._post(fresh, names=names)
        for start in range(0, len(fresh), AT_ONCE):
            if not await self._show(fresh[start : start + AT_ONCE], names=names):
                self.undelivered += len(fresh) - start
                break

    def _post(self, notices: Sequence[Notice], *, names: Mapping[str, str]) -> None:
        audience = Audience(names=names, user=self._user)
        for notice in notices:
            worth = self._told.worth_telling(notice)
            if worth and self._messenger and (message := message_for(notice, audience=audience)):
                self._messenger.offer(message)

    async def _show(self, notices: Sequence[Notice], *, names: Mapping[str, str]) -> bool:
        events = [notice.as_message(names=names) for notice in notices]
        try:
            async with asyncio.timeout(self._layer_deadline_s):
                await self._layer.group_send(LIVE_GROUP, {"type": LIVE_MESSAGE, "events": events})
        except Exception as error:  # noqa: BLE001 (any layer, any trouble: the live view may miss it, nobody else)
            logger.warning("live view: events missed: %s", type(error).__name__, extra={"action": "live_missed"})
            return False
        return True

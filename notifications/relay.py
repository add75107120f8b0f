"""The relay: what the worker has recorded is told to Slack where it deserves a message.

It is called after the worker's commit and must never undo or delay it: nothing here raises or waits. Browsers do not
need it: each web process reads the streams itself (`live.hub`).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from notifications.slack_blocks import SlackMessage
from notifications.slack_messages import Audience, message_for
from notifications.told import Seen, Told
from notifications.translation import Entry, translate


class Messenger(Protocol):
    """Who takes Slack messages without waiting; `lanes.Courier` in life."""

    def offer(self, message: SlackMessage, /) -> None: ...


class Relay:
    """`messenger` is None while Slack is not configured; then nobody is told anything."""

    def __init__(self, *, messenger: Messenger | None, user: str = "") -> None:
        self._messenger = messenger
        self._user = user
        self._seen = Seen()
        self._told = Told()

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str] = MappingProxyType({})) -> None:
        """Tell people of `entries`, in their order; `names` maps ids of accounts and pools to their names.

        Safe to repeat: an entry told before is not told again by this process.
        """
        if self._messenger is None:
            return
        audience = Audience(names=names, user=self._user)
        translated = (translate(entry) for entry in entries)
        for notice in (it for it in translated if it and self._seen.first_time(it)):
            if self._told.worth_telling(notice) and (message := message_for(notice, audience=audience)):
                self._messenger.offer(message)

"""The relay: what the worker has recorded is put into the outbox, where it deserves a message.

It is called after the worker's commit and before its acknowledgement. The outbox is the database: its trouble is the
worker's, which comes again with the same entries. Browsers do not need it: each web process reads the streams itself
(`live.hub`).
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from notifications.letters import Draft, Writer, drafts
from notifications.slack_messages import Audience
from notifications.translation import Entry, translate


class Outbox(Protocol):
    """Who keeps letters until they are delivered. Raises Django's database errors."""

    async def put(self, letters: Sequence[Draft], /) -> None: ...


class Relay:
    """`writers` are the destinations that want letters."""

    def __init__(self, *, outbox: Outbox, writers: Sequence[Writer] = (), user: str = "") -> None:
        self._outbox = outbox
        self._writers = writers
        self._user = user

    async def publish(self, entries: Iterable[Entry], *, names: Mapping[str, str] = MappingProxyType({})) -> None:
        """Tell people of `entries`, in their order; `names` maps ids of accounts and pools to their names.

        Safe to repeat: a letter exists once. Raises Django's database errors.
        """
        audience = Audience(names=names, user=self._user)
        notices = [notice for entry in entries if (notice := translate(entry))]
        letters = [letter for notice in notices for letter in drafts(notice, writers=self._writers, audience=audience)]
        if letters:
            await self._outbox.put(letters)

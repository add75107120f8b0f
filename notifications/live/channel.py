"""One pool as listeners hear it: its events, its numbers, and a bell that rings when there is news."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from notifications.kinds import AgentStarted, Notice
from notifications.live.board import Board, Picture
from notifications.live.feed import Feed
from notifications.live.frames import BEGINNING, Frame, text_of
from notifications.sentences import sentence
from notifications.translation import Entry, translate

SESSIONS: Final = 4_096
"""Requests whose session is remembered, so that their later events can be found by it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Stream entries, oldest first. `last_id` counts those too that could not be read."""

    entries: Sequence[Entry]
    last_id: str = BEGINNING
    after: str = BEGINNING
    """All entries after this id are here."""
    size: int = 0
    """How many entries were read, with those that could not be decoded."""


class Channel:
    """Belongs to one event loop; `hub.Hub` fills it."""

    def __init__(self, pool: str) -> None:
        self.pool = pool
        self.feed = Feed()
        self.board = Board()
        self.ended = False
        self.touched = True
        """Something happened since the numbers were last looked at."""
        self._stale_since_ms: int | None = None
        self._picture = Picture({}, {})
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._bell = asyncio.Event()
        self._texts: dict[int, str] = {}

    @property
    def names(self) -> Mapping[str, str]:
        """Ids of accounts and pools to what people call them."""
        return self._picture.names

    @property
    def bell(self) -> asyncio.Event:
        """Rings at the next news. Take it before looking, so that none is overheard."""
        return self._bell

    def begin(self, batch: Batch) -> None:
        """Start with what the stream holds already."""
        self.feed.begin(self._frames(batch.entries), after=batch.after, last_id=batch.last_id)
        self._ring()

    def reach_back(self, batch: Batch) -> None:
        """Remember what was before the oldest event."""
        self.feed.reach_back(self._frames(batch.entries), after=batch.after)

    def hear(self, batch: Batch) -> None:
        """Take what the stream says next."""
        self.feed.add(self._frames(batch.entries), last_id=batch.last_id)
        self.touched = True
        self._ring()

    def show(self, picture: Picture, *, stale_since_ms: int | None = None) -> None:
        """Take the pool's numbers as they are now, and since when the events are not to be had, if so."""
        self._picture, self._stale_since_ms = picture, stale_since_ms
        self._repaint()

    def stale(self, since_ms: int) -> None:
        """Say that the numbers cannot be had, from this instant on unless it was said before."""
        self._stale_since_ms = self._stale_since_ms or since_ms
        self._repaint()

    def end(self) -> None:
        """Let every listener go."""
        self.ended = True
        self._ring()

    def numbers(self, version: int, *, only: str = "") -> str:
        """What changed since a version of the board, as JSON; made once for all who want the same."""
        if only:
            return self._snapshot(version, only=only)
        if version not in self._texts:
            self._texts[version] = self._snapshot(version)
        return self._texts[version]

    def _snapshot(self, version: int, *, only: str = "") -> str:
        return text_of({"type": "snapshot", **self.board.since(version, only=only)})

    def _repaint(self) -> None:
        pool = {**self._picture.pool, "id": self.pool, "stale_since_ms": self._stale_since_ms}
        if self.board.show(replace(self._picture, pool=pool)):
            self._texts.clear()
            self._ring()

    def _ring(self) -> None:
        rung, self._bell = self._bell, asyncio.Event()
        rung.set()

    def _frames(self, entries: Iterable[Entry]) -> list[Frame]:
        return [self._frame(notice) for entry in entries if (notice := translate(entry))]

    def _frame(self, notice: Notice) -> Frame:
        session = self._session_of(notice)
        said: Mapping[str, Any] = {
            **notice.as_message(names=self._picture.names),
            "pool": self.pool,
            "session": session,
            "text": sentence(notice, names=self._picture.names),
        }
        return Frame(notice.id, notice.kind.value, text_of(said), account=notice.account, session=session)

    def _session_of(self, notice: Notice) -> str:
        if isinstance(notice.fact, AgentStarted):
            self._sessions[notice.fact.activity] = notice.fact.session
            if len(self._sessions) > SESSIONS:
                self._sessions.popitem(last=False)
        return self._sessions.get(getattr(notice.fact, "activity", ""), "")

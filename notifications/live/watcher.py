"""One listener's place in a channel. It holds no events of its own: see `feed`."""

import asyncio
from dataclasses import replace
from typing import Final

from notifications.live.channel import Channel
from notifications.live.frames import Frame, text_of
from notifications.live.selection import SNAPSHOT, Selection

RELOAD: Final = "reload"


class Over(Exception):
    """The channel has ended: the process stops."""


class FellBehind(Exception):
    """Events this listener had not taken yet are gone: it read too slowly."""


class Watcher:
    """What one listener gets, in order. `position` is how far it has come, a stream id."""

    def __init__(self, channel: Channel, selection: Selection) -> None:
        self._channel = channel
        self._selection = _by_id(selection, channel)
        self._version = 0
        self.pool = channel.pool
        self.position = channel.feed.last_id
        place = channel.feed.place_after(selection.last_event_id) if selection.last_event_id else None
        self.missed = place is None and bool(selection.last_event_id)
        """Whether it named an event that is too long ago."""
        self._replays = place is not None
        self._place = channel.feed.first if place is None else place

    def opening(self) -> list[Frame]:
        """The first things said: what was missed or what happened lately, then all numbers. Raises as `news`."""
        frames = self.news()
        if self._replays:
            return frames
        numbers = [frame for frame in frames if frame.kind == SNAPSHOT]
        events = frames[: len(frames) - len(numbers)]
        lately = events[max(0, len(events) - self._selection.recent) :]
        return [*self._reload(), *lately, *numbers]

    def news(self) -> list[Frame]:
        """What there is to be said, perhaps nothing. Raises Over, FellBehind."""
        feed = self._channel.feed
        if self._channel.ended:
            raise Over
        if self._place < feed.first:
            raise FellBehind
        frames = [frame for frame in feed.since(self._place) if self._selection.wants(frame)]
        self._place, self.position = feed.end, feed.last_id
        return [*frames, *self._numbers()]

    async def next(self, *, within: float) -> list[Frame]:
        """Wait for news, at most so many seconds; nothing when none came. Raises as `news`."""
        bell = self._channel.bell
        frames = self.news()
        if frames:
            return frames
        try:
            async with asyncio.timeout(within):
                await bell.wait()
        except TimeoutError:
            return []
        return self.news()

    def _numbers(self) -> list[Frame]:
        version = self._channel.board.version
        if not self._selection.numbers or version == self._version:
            return []
        text = self._channel.numbers(self._version, only=self._selection.account)
        self._version = version
        return [Frame(self.position, SNAPSHOT, text)]

    def _reload(self) -> list[Frame]:
        if not self.missed:
            return []
        return [Frame("", RELOAD, text_of({"type": RELOAD, "why": "Some events were too long ago and are gone."}))]


def _by_id(selection: Selection, channel: Channel) -> Selection:
    """An account may be named by its name."""
    named = next((it for it, name in channel.names.items() if name == selection.account), "")
    return replace(selection, account=named) if named else selection

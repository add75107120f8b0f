"""What became of this process's messages to Slack, counted for whoever asks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from notifications.errors import SlackError, SlackRefused

COUNTED: Final[Counter[str]] = Counter()
"""delivered, refused (also: switched off before), lost (given up), dropped (too many waited). Only ever grows."""


@contextmanager
def counted() -> Iterator[None]:
    """Count how sending one message ends."""
    try:
        yield
    except SlackRefused:
        COUNTED["refused"] += 1
        raise
    except SlackError:
        COUNTED["lost"] += 1
        raise
    COUNTED["delivered"] += 1

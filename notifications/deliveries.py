"""What became of the messages this process sent, counted for whoever asks."""

from collections import Counter
from typing import Final

COUNTED: Final[Counter[str]] = Counter()
"""delivered, refused (the destination is switched off), lost (given up), dropped (worth nothing any more).

Only ever grows.
"""

"""Secrets of no one, and how to find them in whatever has come out: whole, encoded, or in pieces worth something."""

import base64
import hashlib
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

PIECE = 20


def canary(kind: str, name: str) -> str:
    """A secret of this kind (`sk-ant-api03-`, …) that no other text resembles."""
    return f"{kind}CANARY{hashlib.sha256(name.encode()).hexdigest()}AA"


def traces_of(secret: str) -> list[str]:
    """The secret, its encodings, and every piece of it that is long enough to be worth something."""
    encoded = [base64.b64encode(secret.encode()[skip:]).decode()[4:40] for skip in range(3)]
    pieces = [secret[start : start + PIECE] for start in range(len("sk-ant-api03-"), len(secret) - PIECE)]
    return [secret, urllib.parse.quote(secret, safe=""), secret.encode().hex(), *encoded, *pieces]


@dataclass
class Sweep:
    """Everything that has come out, each with the place where it did."""

    secrets: dict[str, str]
    found: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0

    def look(self, place: str, text: object) -> None:
        """Search a text; `place` begins with the kind of place it is: `page`, `log`, …"""
        self.seen += 1
        said = text if isinstance(text, str) else repr(text)
        for name, secret in self.secrets.items():
            if any(trace in said for trace in traces_of(secret)):
                self.found.append((place, name))

    def look_at_all(self, place: str, texts: Iterable[object]) -> None:
        """Search several."""
        for text in texts:
            self.look(place, text)

    @property
    def kinds(self) -> set[str]:
        """The kinds of places where something was found."""
        return {place.partition(" ")[0] for place, _ in self.found}

"""Access keys: `nb_live_` + 32 random base62 characters + 6 characters of checksum. Pure but for the randomness.

The prefix and the checksum let secret scanners recognise a leaked key without asking us. The 190 random bits make a
plain SHA-256 enough: there is nothing to guess, so a slow password hash would only cost each request its time.
"""

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "nb_live_"
RANDOM_CHARACTERS: Final = 32
CHECKSUM_CHARACTERS: Final = 6
LENGTH: Final = len(PREFIX) + RANDOM_CHARACTERS + CHECKSUM_CHARACTERS
HINT_LENGTH: Final = len(PREFIX) + 4

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What may be stored of a key."""

    hint: str
    sha256: str


def new_access_key() -> tuple[str, KeyRecord]:
    """A new key, to be shown once, and what is kept of it."""
    body = PREFIX + "".join(secrets.choice(_BASE62) for _ in range(RANDOM_CHARACTERS))
    plain = body + checksum(body)
    return plain, KeyRecord(hint=plain[:HINT_LENGTH], sha256=hash_key(plain))


def hash_key(plain: str) -> str:
    """What a key is found by."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def looks_valid(text: str) -> bool:
    """Whether a text has the form and the checksum of a key; says nothing about its existence."""
    if len(text) != LENGTH or not text.isascii() or not text.startswith(PREFIX):
        return False
    body, check = text[:-CHECKSUM_CHARACTERS], text[-CHECKSUM_CHARACTERS:]
    return body.removeprefix(PREFIX).isalnum() and checksum(body) == check


def checksum(body: str) -> str:
    """CRC32 in six base62 digits."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))

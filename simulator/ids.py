"""Identifiers and keys of realistic shape."""

import base64
import hashlib
import secrets

KEY_LENGTH = 108
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Ids:
    """Gives ever new identifiers; the same seed gives the same ones, no seed gives others after each start."""

    def __init__(self, *, seed: int | None) -> None:
        start = secrets.randbits(40) if seed is None else seed
        self._prefix = token_for(f"ids-{start}", length=8)
        self._last = 0

    def new(self, kind: str) -> str:
        """Give the next identifier of a kind, e.g. `req` or `msg`."""
        self._last += 1
        return f"{kind}_01{self._prefix}{self._last:014d}"


def token_for(text: str, *, length: int) -> str:
    """Derive a stable string of letters and digits from a text."""
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=64).digest())
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)


def _key(prefix: str) -> str:
    tail = base64.urlsafe_b64encode(hashlib.blake2b(prefix.encode(), digest_size=64).digest()).decode()
    filler = tail.replace("=", "")
    return f"{prefix}{filler}"[: KEY_LENGTH - 2].ljust(KEY_LENGTH - 2, "x") + "AA"


def api_key_for(name: str) -> str:
    """Give the demo key of an account: always the same for a name, as long as a real one, opens nothing real."""
    return _key(f"sk-ant-api03-demo-{name}-")


def admin_key_for(name: str) -> str:
    """Give the demo Admin key of an organization."""
    return _key(f"sk-ant-admin01-demo-{name}-")


def uuid_for(text: str) -> str:
    """Derive a stable UUID, the shape of organization ids."""
    digits = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"

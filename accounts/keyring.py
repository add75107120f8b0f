"""The encryption keys of this installation: sealing a text for one row, and opening it there and nowhere else.

Note [Binding]
    Fernet authenticates a ciphertext but not where it stands, so a token copied into another row would decrypt there
    and one account would call with another's key. We therefore encrypt `nb1 ⏎ model.field:pk ⏎ text` and compare the
    binding after decryption. It lies inside the authenticated payload rather than in the fingerprint column: one
    value cannot be separated from its proof, writing it stays a single-column update (bulk_update, rotation by
    compare-and-set), and whoever can write the table but lacks the key can forge neither. The keyed fingerprint
    column has another duty: telling that the same key is added twice.

Note [Never SECRET_KEY]
    fernet_fields falls back to SECRET_KEY when FERNET_KEYS is missing, and then every rotation of SECRET_KEY destroys
    the data. Keys come from ENCRYPTION_KEY and ENCRYPTION_KEY_FALLBACKS alone, through `accounts.wiring`.
"""

import hmac
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fernet_fields.hkdf import derive_fernet_key

from accounts.credentials import Secret, fingerprint
from accounts.errors import UndecryptableKey

_KEY_FORMAT: Final = re.compile(r"[0-9a-fA-F]{64}")
_FORMAT_MARK: Final = "nb1"


def key_fault(text: object) -> str:
    """What is wrong with an encryption key, in words; empty if nothing. Never repeats the key."""
    if not text or not isinstance(text, str):
        return "is not set"
    if not _KEY_FORMAT.fullmatch(text):
        return f"must be 64 hexadecimal digits (32 bytes), but has {len(text)} characters"
    return ""


_REMEMBERED: Final = 20_000
"""Ciphertexts of which it is remembered whether they can be opened."""


@lru_cache(maxsize=32)
def _fernet(key: str) -> Fernet:
    return Fernet(derive_fernet_key(key))


@lru_cache(maxsize=32)
def _fingerprint_key(key: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"nubabel/key-fingerprint/v1")
    return kdf.derive(bytes.fromhex(key))


@lru_cache(maxsize=_REMEMBERED)
def opens(keyring: "Keyring", token: bytes, binding: str) -> bool:
    """Whether `Keyring.open` would succeed. Remembered, because neither changes; the value itself is not."""
    try:
        keyring.open(token, binding=binding)
    except UndecryptableKey:
        return False
    return True


class Keyring:
    """Keys in order: the first encrypts, all decrypt. Holds keys; never shows them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.lower() for key in keys)

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys)"

    @cached_property
    def fernet(self) -> MultiFernet:
        return MultiFernet([_fernet(key) for key in self._keys])

    def seal(self, secret: Secret, *, binding: str) -> bytes:
        """Encrypt for the place named by `binding` (see Note [Binding])."""
        return self.fernet.encrypt(f"{_FORMAT_MARK}\n{binding}\n{secret.reveal()}".encode())

    def open(self, token: bytes, *, binding: str) -> Secret:
        """Decrypt. Raises UndecryptableKey for a wrong key, a changed byte, or a token of another place."""
        payload = self._decrypted(token, what=binding)
        mark, _, rest = payload.partition("\n")
        place, _, text = rest.partition("\n")
        if mark != _FORMAT_MARK:
            raise UndecryptableKey(binding, "it was not written by this field")
        if not hmac.compare_digest(place.encode(), binding.encode()):
            raise UndecryptableKey(binding, "the ciphertext belongs to another row")
        return Secret(text)

    def _decrypted(self, token: bytes, *, what: str) -> str:
        try:
            return self.fernet.decrypt(token).decode()
        except (InvalidToken, UnicodeDecodeError, TypeError):
            why = "no encryption key fits, or the ciphertext is damaged"
            raise UndecryptableKey(what, why) from None

    def is_current(self, token: bytes) -> bool:
        """Whether the first key, the one that encrypts, made this token."""
        try:
            _fernet(self._keys[0]).decrypt(token)
        except (InvalidToken, TypeError):
            return False
        return True

    def fingerprint(self, secret: Secret) -> str:
        """The keyed fingerprint under the first key."""
        return fingerprint(secret, key=_fingerprint_key(self._keys[0]))

    def fingerprints(self, secret: Secret) -> frozenset[str]:
        """The fingerprints under every key: what a row may still carry while a rotation is under way."""
        return frozenset(fingerprint(secret, key=_fingerprint_key(key)) for key in self._keys)

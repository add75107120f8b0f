"""What an Anthropic API key looks like, and how it is carried without being shown. Pure."""

import hashlib
import hmac
import re
from typing import Final, Never, Self

from accounts.errors import KeyRefused

FINGERPRINT_HEX: Final = 12
HINT_CHARACTERS: Final = 4
MIN_LENGTH: Final = 16
MAX_LENGTH: Final = 512

_VISIBLE_ASCII: Final = re.compile(r"[!-~]+")

_REFUSED_PREFIXES: Final = {
    "sk-ant-oat": (
        "This is a sign-in token of a Claude subscription (Free, Pro or Max). Anthropic's terms forbid third parties "
        "to store or route such tokens. Create an API key for an organization you own in the Claude Console instead."
    ),
    "sk-ant-ort": (
        "This is a refresh token of a Claude subscription. Anthropic's terms forbid third parties to store or route "
        "such tokens. Create an API key for an organization you own in the Claude Console instead."
    ),
    "sk-ant-sid": (
        "This is a browser session of claude.ai. Anthropic's terms forbid third parties to store or route such "
        "sessions. Create an API key for an organization you own in the Claude Console instead."
    ),
    "sk-ant-admin": (
        "This is an Admin API key: it manages an organization and cannot send messages. Set it as "
        "ANTHROPIC_ADMIN_API_KEY or enter it with its organization, and give the account an ordinary API key "
        "(sk-ant-api…)."
    ),
}


class Secret:
    """A text that does not show itself: not in repr, str, f-strings, logs, tracebacks or pickles."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it where it leaves the process and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __str__(self) -> str:
        return "Secret(hidden)"

    def __format__(self, format_spec: str) -> str:
        return format("Secret(hidden)", format_spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a Secret is not pickled: whatever stores it must encrypt it first")


def checked_api_key(text: str) -> Secret:
    """The key as typed, if it is one we may store. Raises KeyRefused, whose message never repeats the text."""
    _refuse_bad_characters(text)
    for prefix, explanation in _REFUSED_PREFIXES.items():
        if text.lower().startswith(prefix):
            raise KeyRefused(explanation)
    if not text.startswith("sk-ant-api"):
        raise KeyRefused("An Anthropic API key begins with sk-ant-api; this text does not.")
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise KeyRefused(f"An API key has {MIN_LENGTH} to {MAX_LENGTH} characters; this text has {len(text)}.")
    return Secret(text)


def checked_admin_key(text: str) -> Secret:
    """An Admin API key as typed. Raises KeyRefused, whose message never repeats the text."""
    _refuse_bad_characters(text)
    if not text.startswith("sk-ant-admin"):
        raise KeyRefused("An Admin API key begins with sk-ant-admin; this text does not.")
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise KeyRefused(f"An Admin API key has {MIN_LENGTH} to {MAX_LENGTH} characters; this text has {len(text)}.")
    return Secret(text)


def _refuse_bad_characters(text: str) -> None:
    if not text:
        raise KeyRefused("The API key is empty.")
    if text != text.strip():
        raise KeyRefused("The API key has white space or a line break before or after it; copy the key alone.")
    if not _VISIBLE_ASCII.fullmatch(text):
        raise KeyRefused("The API key contains white space, a line break, a control or a non-ASCII character.")


def hint(secret: Secret) -> str:
    """The last four characters, as the Claude Console shows them, to tell keys apart."""
    return secret.reveal()[-HINT_CHARACTERS:]


def fingerprint(secret: Secret, *, key: bytes) -> str:
    """Twelve hex digits that name a key without saying anything about it to those who lack `key`."""
    return hmac.new(key, secret.reveal().encode(), hashlib.sha256).hexdigest()[:FINGERPRINT_HEX]

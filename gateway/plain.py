"""Making texts that others wrote fit for logs, events and people. Pure.

# Note [Allow-lists, not deny-lists]
An upstream's error text can carry anything: a key it was sent, a caller's prompt, markup. What is passed on is what
has the shape of ordinary error prose; every other word becomes an ellipsis. A list of known secrets would
always be one format behind.
"""

import re
from functools import lru_cache
from typing import Final

TEXT_MAX: Final = 500
LABEL_MAX: Final = 100
ELISION: Final = "…"

_WORD: Final = re.compile(r"[a-z]{1,18}(?:[-_'’/][a-z]{1,18}){0,3}|[A-Z][a-z]{1,18}(?:[-'’][a-z]{1,18})?|[A-Z]{1,8}")
_NUMBER: Final = re.compile(r"[-+$]?\d{1,9}(?:[.,:]\d{1,6}){0,3}%?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?Z?)?")
_PATH: Final = re.compile(r"[a-z_]{1,24}(?:\.(?:[a-z_]{1,24}|\d{1,4})){1,6}")
_MODEL: Final = re.compile(r"claude-[a-z]{1,12}(?:-\d{1,8}){0,3}")
_SHAPES: Final = (_WORD, _NUMBER, _DATE, _PATH, _MODEL)
_SECRET: Final = re.compile(r"sk-|nb_|xox|bearer|key-|eyJ", re.IGNORECASE)
_WRAPPING: Final = "\"'`()[]{}.,:;!?"
_DASHES: Final = 3
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_IDENTITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,127}")
_NAMED: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:@/\-]{0,78}[A-Za-z0-9])?")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.\-]{1,253}(?::\d{1,5})?")


def plain(text: str, *, limit: int = TEXT_MAX, model: str = "") -> str:
    """Give `text` with every word that is not ordinary prose replaced by an ellipsis, at most `limit` characters.

    `model` is the caller's own word for what it asked for: where the text says it again, it stays.
    """
    if not text:
        return ""
    own = named(model)
    words = (_allowed(word, own=own) for word in text[: 4 * limit].split())
    return _squeezed(" ".join(words))[:limit]


def label(text: str) -> str:
    """Give the name that somebody gave a thing of his own: its printable characters, at most `LABEL_MAX`."""
    return "".join(letter for letter in text if letter.isprintable())[:LABEL_MAX]


def code(text: str) -> str:
    """Give `text` if it has the shape of an error code (`snake_case`), else nothing."""
    return text if text and _CODE.fullmatch(text) else ""


@lru_cache(maxsize=1_024)
def identity(text: str) -> str:
    """Give `text` if it has the shape of an id Anthropic hands out (`req_…`, an organization's UUID), else nothing."""
    return text if _IDENTITY.fullmatch(text) and not _SECRET.match(text) else ""


def named(model: str) -> str:
    """Give a model's name as its caller wrote it; an ellipsis if it is too long or no name at all, nothing for none."""
    if not model:
        return ""
    return model if _NAMED.fullmatch(model) and not _SECRET.search(model) else ELISION


def origin(text: str) -> str:
    """Give `text` if it has the shape of an address and nothing more (`https://host:port`), else nothing."""
    return text if _ORIGIN.fullmatch(text) else ""


def _allowed(word: str, *, own: str) -> str:
    core = word.strip(_WRAPPING)
    if own and core == own:
        return own
    if not core:  # punctuation alone: a dash, a dot
        return word if len(word) <= _DASHES and word.isascii() else ELISION
    if _SECRET.search(core) or not any(shape.fullmatch(core) for shape in _SHAPES):
        return ELISION
    return word if len(word) <= len(core) + 4 else core


def _squeezed(text: str) -> str:
    return re.sub(rf"{ELISION}(?: {ELISION})+", ELISION, text)

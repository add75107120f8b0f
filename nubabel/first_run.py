"""Before Django's settings can be read at all: a fresh checkout gets its keys.

Only what is missing is added, only in development, and the file belongs to its owner alone.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nubabel import env

_HEADER: Final = """\
# Written by `manage.py serve` on its first run; .env.example explains every variable.
# ENCRYPTION_KEY encrypts the API keys in the database: without it they cannot be read. Keep a copy in a safe place.
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done to the file."""

    path: Path
    added: tuple[str, ...]


def prepare(environ: Mapping[str, str]) -> Prepared:
    """Add SECRET_KEY and ENCRYPTION_KEY to the env file if they are nowhere to be found. Raises OSError."""
    path = env.env_file(environ)
    given = env.read(environ)
    if given.get("DJANGO_ENV") == "production":
        return Prepared(path=path, added=())  # there a missing key is an error, never a surprise
    fresh = {"SECRET_KEY": secrets.token_urlsafe(60), "ENCRYPTION_KEY": secrets.token_hex(32)}
    missing = {name: value for name, value in fresh.items() if name not in given}
    if missing:
        _append(path, missing)
    return Prepared(path=path, added=tuple(missing))


def _append(path: Path, values: Mapping[str, str]) -> None:
    """Write beside, then rename: nobody ever reads half a file, and no other user ever reads it at all."""
    before = path.read_text() if path.exists() else _HEADER
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(before + ("" if before.endswith("\n") or not before else "\n") + lines)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

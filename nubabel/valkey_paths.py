"""Where the embedded Valkey lives, and how it is addressed. Nothing is started here."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LONGEST_SOCKET_PATH: Final = 100
"""Bytes. AF_UNIX allows 108 on Linux and 104 on macOS, the closing zero and redis-py's temporary names included."""


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one embedded server. `home` holds its data; the socket may lie elsewhere if `home` is too deep."""

    home: Path
    socket: Path

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def config(self) -> Path:
        return self.home / "valkey.conf"

    @property
    def log(self) -> Path:
        return self.home / "valkey.log"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"


def place_in(data_dir: Path) -> Place:
    home = data_dir.absolute() / "valkey"
    socket = home / "valkey.sock"
    if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH:
        socket = _short_dir(home) / "valkey.sock"
    return Place(home=home, socket=socket)


def _short_dir(home: Path) -> Path:
    """One folder per user and data folder, always the same for the same two."""
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"nubabel-{os.getuid()}-{name}"

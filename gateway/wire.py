"""What the driver needs of the network and of the accounts: values and protocols."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from accounts.directory import Credential


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each part of a call may take, in seconds.

    A JSON answer comes in one piece when it is complete, so `whole` bounds its headers and body together; a stream has
    to begin within `first_byte`, to show content within `first_content`, and never to be silent longer than `gap`
    between two events (not bytes: a slow drip is silence).
    """

    connect: float = 5.0
    first_byte: float = 60.0
    first_content: float = 180.0
    gap: float = 120.0
    whole: float = 600.0
    total: float = 3600.0


DEADLINES: Final = Deadlines()


class Request(msgspec.Struct, frozen=True):
    """One request as it will go upstream, credential aside. `target` is the path with its query, as received."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        """Neither headers nor body: there are keys and prompts in them."""
        return f"Request({self.method!r}, {self.target!r}, {len(self.body)} bytes)"


class Exchange(Protocol):
    """An answer whose head has arrived. Header names are lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self, *, timeout: float) -> bytes:  # noqa: ASYNC109 - re-armed for every chunk, see upstream
        """Give the next bytes, b"" at the end. Raises TimeoutError after `timeout` seconds, `ConnectionCut`."""

    def close(self) -> None:
        """Let go of the connection: kept if the answer was read to its end, dropped if not."""


class Upstream(Protocol):
    """Where requests are sent."""

    async def open(self, request: Request, credential: Credential, *, first_byte: float) -> Exchange:
        """Send and wait for the head. Raises `UpstreamFault`, `UnusableRequest`."""


class Credentials(Protocol):
    """Whose key to use: `accounts.directory.Directory`."""

    async def get(self, account_id: str) -> Credential:
        """Raises `accounts.errors.UndecryptableKey`, `UnknownAccount`, `DirectoryUnavailable`."""

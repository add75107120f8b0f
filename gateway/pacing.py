"""Which deadline comes next while an answer is read. Pure but for the clock passed in."""

from gateway.clock import Clock
from gateway.errors import DeadlinePassed
from gateway.replies import Fault
from gateway.wire import Deadlines, Exchange


class Pacer:
    """Times one answer from the moment its request is sent. Tell it of each event and of the first content."""

    __slots__ = ("_begun", "_clock", "_deadlines", "_ends", "_last_event", "_missed", "_stream")

    def __init__(self, clock: Clock, deadlines: Deadlines, *, stream: bool) -> None:
        self._clock = clock
        self._deadlines = deadlines
        self._stream = stream
        self._begun = self._last_event = clock.monotonic()
        self._ends, self._missed = self._begun + deadlines.total, Fault.TOTAL_TIMEOUT
        if deadlines.first_content < deadlines.total:
            self._ends, self._missed = self._begun + deadlines.first_content, Fault.FIRST_BYTE_TIMEOUT

    @property
    def first_byte(self) -> float:
        """Seconds until the head of the answer must be there."""
        return self._deadlines.first_byte if self._stream else self._deadlines.whole

    def event(self) -> None:
        """A whole event has come."""
        self._last_event = self._clock.monotonic()

    def content(self) -> None:
        """The answer proper has begun."""
        self._ends, self._missed = self._begun + self._deadlines.total, Fault.TOTAL_TIMEOUT

    def next(self) -> tuple[float, Fault]:
        """Give the seconds left to the nearest deadline (none left: zero or less) and what it means to miss it."""
        now = self._clock.monotonic()
        if not self._stream:
            return self._begun + self._deadlines.whole - now, Fault.TOTAL_TIMEOUT
        at, fault = self._last_event + self._deadlines.gap, Fault.GAP_TIMEOUT
        if self._ends < at:
            at, fault = self._ends, self._missed
        return at - now, fault


async def read_within(exchange: Exchange, *, seconds: float) -> bytes:
    """Read the next bytes, b"" at the end. Raises `DeadlinePassed`, `ConnectionCut`."""
    try:
        return await exchange.read(timeout=seconds)
    except TimeoutError:
        raise DeadlinePassed(Fault.GAP_TIMEOUT) from None


async def read_whole(exchange: Exchange, *, most: int, seconds: float) -> bytes:
    """Read an answer to its end, or until it has at least `most` bytes; `seconds` between two pieces."""
    body = b""
    while len(body) < most and (chunk := await read_within(exchange, seconds=seconds)):
        body += chunk
    return body


async def read_next(exchange: Exchange, pacer: Pacer) -> bytes:
    """Read the next bytes, b"" at the end. Raises `DeadlinePassed`, `ConnectionCut`."""
    seconds, fault = pacer.next()
    if seconds <= 0:
        raise DeadlinePassed(fault)
    try:
        return await exchange.read(timeout=seconds)
    except TimeoutError:
        raise DeadlinePassed(fault) from None

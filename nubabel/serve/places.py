"""Where `serve` listens and what it must not share with another one."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nubabel.errors import ServeError


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder; the kernel lets go of it however this process ends. Raises ServeError."""
    path = data_dir / "serve.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    except BlockingIOError:
        raise ServeError(
            f"The pool runs already here (process {path.read_text().strip() or 'unknown'}, data in {data_dir}). "
            "Stop that one, or give this one a DATA_DIR and a PORT of its own."
        ) from None
    finally:
        os.close(handle)


def require_free(host: str, port: int, *, variable: str) -> None:
    """Raises ServeError if nobody can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise ServeError(_refusal(error, host=host, port=port, variable=variable)) from None


def browser_host(host: str) -> str:
    """The address a person types: one cannot browse to "all addresses"."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _refusal(error: OSError, *, host: str, port: int, variable: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Stop it, or choose another: {variable}={port + 1} make run"
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose one above 1023: {variable}=8000 make run"
    return f"Cannot listen on {host}:{port} ({error.strerror}). Set HOST=127.0.0.1, or an address of this machine."

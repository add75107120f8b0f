"""A machine to deploy on: nothing but PostgreSQL, Redis and a proxy; a simulated Claude and Slack beyond it.

What differs from the documents' machine stands in `Stand.here`: folders are below a temporary one, ports are free ones,
the name pool.example.com is localhost. What the environment file gets beside the documented lines is in `ADDED`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import redis

from benchmarks.patience import within
from simulator.buckets import Limits
from simulator.testing import RunningSimulator, threaded_simulator
from simulator.world import World
from tests.deployment import certificate, repository
from tests.deployment.systemctl import Unit
from tests.nubabel.test_serve import free_port
from tests.suite import _postgres

PROGRAMS: Final = ("haproxy", "redis-server", "curl", "openssl", "git")
PLENTY: Final = Limits(rpm=100_000, itpm=1_000_000_000, otpm=1_000_000_000)
ADDED: Final = """\
# Not in the document: a simulated Claude and Slack, and a port and a certificate that no public name has.
ANTHROPIC_BASE_URLS={claude}
SLACK_WEBHOOK_URL={claude}/slack/services/T0/B0/secret
CSRF_TRUSTED_ORIGINS={site}
SSL_CERT_FILE={bundle}
"""


class CannotRun(Exception):
    """Something that the stand needs is not installed."""


@dataclass(frozen=True, slots=True)
class Stand:
    """`root`: where the documents' absolute paths begin. `older`, `newer`: what v1.4.2 and v1.5.0 are here."""

    root: Path
    database: str
    redis: str
    simulator: RunningSimulator
    ports: Sequence[int]
    ca: Path
    bundle: Path
    mirror: Path

    @property
    def site(self) -> str:
        return f"https://localhost:{self.ports[2]}"

    @property
    def claude(self) -> str:
        return self.simulator.url.replace("127.0.0.1", "localhost")

    def here(self, text: str) -> str:
        """The document's text with this machine's places in it."""
        added = ADDED.format(claude=self.claude, site=self.site, bundle=self.bundle)
        for theirs, ours in (
            ("https://git.example.com/nubabel.git", str(self.mirror)),
            ("~/nubabel", str(repository.ROOT)),
            ("https://pool.example.com", self.site),
            ("pool.example.com", "localhost"),
            ("postgresql://nubabel:password@127.0.0.1:5432/nubabel", self.database),
            ("redis://127.0.0.1:6379/0", self.redis),
            ("ANTHROPIC_API_KEY=sk-ant-api03-…\n", f"ANTHROPIC_API_KEY={self.simulator.key('alpha')}\n{added}"),
            ("*:443", f"127.0.0.1:{self.ports[2]}"),
            *((f"{folder}/", f"{self.root}{folder}/") for folder in ("/etc/systemd/system", "/etc/haproxy", "/opt")),
            ("/etc/nubabel.env", f"{self.root}/etc/nubabel.env"),
            ("/var/lib/nubabel", f"{self.root}/var/lib/nubabel"),
            ("8001", str(self.ports[0])),
            ("8002", str(self.ports[1])),
        ):
            text = text.replace(theirs, ours)
        return text

    @property
    def environment(self) -> dict[str, str]:
        """Of the reader's terminal."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "HOME", "LANG"))}
        trusted = dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(self.bundle))
        units = {"UNIT_FILES": str(self.units), "UNIT_STATE": str(self.state)}
        qa = {"QA_CA_FILE": str(self.ca), "SLACK_WEBHOOK_URL": f"{self.claude}/slack/services/T0/B0/qa"}
        path = {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        return {**kept, **trusted, **units, **qa, **path, "SCREENSHOTS": str(self.root / "screenshots")}

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    @property
    def state(self) -> Path:
        return self.root / "run"

    def exit_codes(self) -> dict[str, int]:
        """Of the pool's processes that have ended, by unit."""
        ended = self.state.glob("nubabel-*.exit")
        return {file.stem: int(file.read_text()) for file in ended}

    def logs(self, lines: int = 15) -> str:
        """The end of what each process said."""
        return "\n".join(
            f"── {file.name}\n" + "\n".join(file.read_text().splitlines()[-lines:]) for file in self.state.glob("*.log")
        )

    def stop(self) -> None:
        for file in self.state.glob("*.pid"):
            Unit(file.stem, self.units, self.state).stop()


@contextmanager
def stand(**releases: str) -> Iterator[Stand]:
    """Raises CannotRun."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise CannotRun(f"not installed: {', '.join(missing)}")
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nubabel-stand-")))
        both, ca = certificate.make(root)
        world = World(seed=7)
        world.add_account("alpha", limits=PLENTY)
        made = Stand(
            root=root,
            database=stack.enter_context(_database()),
            redis=stack.enter_context(_redis(root)),
            simulator=stack.enter_context(threaded_simulator(world, tls=certificate.served_with(both))),
            ports=[free_port() for _ in range(3)],
            ca=ca,
            bundle=certificate.believed_with(ca, root / "bundle.pem"),
            mirror=repository.mirror(root / "nubabel.git", **releases),
        )
        _furnish(made, both)
        stack.callback(made.stop)
        yield made


def _furnish(made: Stand, certificate_and_key: Path) -> None:
    """What the distribution's packages bring, and programs that stand in for others."""
    for folder in ("bin", "run", "etc/haproxy", "etc/systemd/system", "opt", "var/lib"):
        (made.root / folder).mkdir(parents=True)
    shutil.copy(certificate_and_key, made.root / "etc/haproxy/nubabel.pem")
    proxy = f"ExecStart={shutil.which('haproxy')} -db -f {made.root}/etc/haproxy/haproxy.cfg\nTimeoutStopSec=5\n"
    (made.units / "haproxy.service").write_text(f"[Service]\n{proxy}")
    _program(made, "systemctl", f'cd {repository.ROOT} && exec {sys.executable} -m tests.deployment.systemctl "$@"')
    _program(made, "python3", f'exec {Path(sys._base_executable).resolve()} "$@"')  # type: ignore[attr-defined]


def _program(made: Stand, name: str, line: str) -> None:
    place = made.root / "bin" / name
    place.write_text(f"#!/bin/sh\n{line}\n")
    place.chmod(0o755)


@contextmanager
def _database() -> Iterator[str]:
    """A database of its own on the tests' PostgreSQL."""
    name = f"nubabel_stand_{os.getpid()}"
    with _postgres() as (address, said):
        if not address:
            raise CannotRun(said)
        with psycopg.connect(address, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
            yield _with_database(address, name)
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _with_database(address: str, name: str) -> str:
    before, _, query = address.partition("?")
    return f"{before.rpartition('/')[0]}/{name}{'?' + query if query else ''}"


@contextmanager
def _redis(root: Path) -> Iterator[str]:
    """A server of its own, as docs/deploy.md wants it."""
    port = free_port()
    wanted = ("--maxmemory-policy", "noeviction", "--appendonly", "yes", "--dir", str(root), "--port", str(port))
    server = subprocess.Popen(["redis-server", *wanted, "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _until_it_answers(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def _until_it_answers(url: str) -> None:
    with redis.Redis.from_url(url) as client:

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        if not within(20, answers, every=0.05):
            raise CannotRun(f"{url} does not answer")

"""`manage.py serve` from an empty folder, as a stranger would use it. Real processes; nothing is patched."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nubabel import valkey
from nubabel.valkey_paths import place_in

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
pytestmark = pytest.mark.faults


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as once:
        return int(once.getsockname()[1])


class Serve:
    """One run of the command, and what it has said so far."""

    def __init__(self, home: Path, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.home = home
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        places = {"ENV_FILE": str(home / "env"), "DATA_DIR": str(home / "data")}
        ports = {"PORT": str(self.port), "SIMULATOR_PORT": str(free_port())}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "serve"],
            cwd=home,
            env=kept | places | ports,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said = ""

    def until(self, pattern: str) -> re.Match[str]:
        """Read until it says so."""
        assert self.process.stdout is not None
        end = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.said)):
            left = end - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, left))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert chunk, f"it never said {pattern!r}, but: {self.said}"
            self.said += chunk.decode()
        return match

    def ask(self, message: str) -> dict[str, object]:
        """What the printed curl does."""
        key = (self.home / "data" / "access-key").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/orchestrator/execute",
            data=json.dumps({"message": message}).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.load(answer))

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def child(self, program: str) -> int:
        """The process of one service."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and program in (stat.parent / "cmdline").read_text():
                    return int(stat.parent.name)
            except OSError:
                continue
        return 0

    def stop(self) -> int:
        """Press Ctrl-C and give the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Wait for the end and give the exit code."""
        try:
            return self.process.wait(timeout=PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def serve(home: Path) -> Iterator[Serve]:
    it = Serve(home)
    yield it
    it.stop()
    valkey.stop(home / "data")


def test_a_stranger_gets_a_served_request_from_one_command(serve: Serve) -> None:
    serve.until("Stop +Ctrl-C")
    assert "DEMO POOL" in serve.said
    answer = serve.ask("Say hello.")
    assert "simulated" in str(answer["output"])
    assert answer["attempts"] == 1


def test_ctrl_c_stops_everything_and_a_second_start_reuses_it(serve: Serve, home: Path) -> None:
    password = serve.until(r"Log in +admin / (\S+)")[1]
    serve.until("Stop +Ctrl-C")
    key = (home / "data" / "access-key").read_text()
    assert serve.stop() == 0
    assert not place_in(home / "data").socket.exists()
    again = Serve(home)
    try:
        again.until("Stop +Ctrl-C")
        assert password not in again.said
        assert "changepassword admin" in again.said
        assert (home / "data" / "access-key").read_text() == key
        assert again.ask("Say hello.")["attempts"] == 1
    finally:
        again.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_whatever_is_killed_comes_back(serve: Serve, home: Path) -> None:
    serve.until("Stop +Ctrl-C")
    for program in ("run_worker", "simulator", "manage.py\0web"):
        os.kill(serve.child(program), signal.SIGKILL)
    os.kill(valkey.ensure(home / "data").pid, signal.SIGKILL)
    for said in (r"worker 1 ended .*SIGKILL", r"simulator ended .*SIGKILL", r"web ended .*SIGKILL", "Valkey was gone"):
        serve.until(said)
    wait_for(serve.ready)
    assert serve.ask("Are you back?")["attempts"]


def wait_for(true: Callable[[], bool]) -> None:
    """Until another process is so far."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        select.select([], [], [], 0.1)


def test_a_second_one_beside_it_is_refused_with_advice(serve: Serve, home: Path) -> None:
    serve.until("store")
    other = Serve(home)
    other.until("runs already here")
    assert other.end() == 1
    assert "Traceback" not in other.said


def test_a_taken_port_is_named_with_advice(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        refused = Serve(home, port=port)
        refused.until(f"Port {port} is taken.*PORT={port + 1}")
        assert refused.end() == 1
    assert "Traceback" not in refused.said

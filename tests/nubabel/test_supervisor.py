import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from nubabel.serve.supervisor import Service, Supervised, Supervisor

PATIENT = "import signal, time; time.sleep(3600)"
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(3600)"
)


class Said:
    """What the supervisor told the operator."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._more.set()

    async def something(self) -> str:
        await asyncio.wait_for(self._more.wait(), 20)
        self._more.clear()
        return self.lines[-1]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
async def supervisor(said: Said) -> AsyncIterator[Supervisor]:
    it = Supervisor(say=said)
    yield it
    it.hurry()
    await it.stop()


def service(code: str, *arguments: str, name: str = "thing", grace: float = 10.0) -> Service:
    return Service(name, (sys.executable, "-S", "-c", code, *arguments), os.environ, grace=grace)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - another process does what is waited for
            await asyncio.sleep(0.01)


async def alive(supervised: Supervised) -> int:
    await until(lambda: supervised.pid)
    assert supervised.pid is not None
    return supervised.pid


async def test_a_stopped_service_is_gone_and_not_started_again(supervisor: Supervisor) -> None:
    supervised = supervisor.start(service(PATIENT))
    pid = await alive(supervised)
    await supervisor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert supervised.pid is None


async def test_a_killed_service_is_said_and_started_again(supervisor: Supervisor, said: Said) -> None:
    supervised = supervisor.start(service(PATIENT, name="web"))
    first = await alive(supervised)
    os.kill(first, signal.SIGKILL)
    assert "web ended unexpectedly (signal SIGKILL)" in await said.something()
    await until(lambda: supervised.pid not in {None, first})


async def test_an_exit_code_is_told(supervisor: Supervisor, said: Said) -> None:
    supervisor.start(service("raise SystemExit(7)"))
    assert "(exit code 7)" in await said.something()


async def test_who_ignores_the_request_to_stop_is_killed_after_its_grace(
    supervisor: Supervisor, said: Said, tmp_path: Path
) -> None:
    deaf = tmp_path / "deaf"
    supervisor.start(service(STUBBORN, str(deaf), grace=0.05))
    await until(deaf.exists)
    await supervisor.stop()
    assert said.lines[-1] == "thing did not stop by itself; killing it"


async def test_a_second_ctrl_c_cuts_the_grace_short(supervisor: Supervisor, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    supervisor.start(service(STUBBORN, str(deaf), grace=3600))
    await until(deaf.exists)
    stopping = asyncio.create_task(supervisor.stop())
    supervisor.hurry()
    await asyncio.wait_for(stopping, 20)


async def test_a_program_that_does_not_exist_is_said_and_tried_again(supervisor: Supervisor, said: Said) -> None:
    supervisor.start(Service("ghost", ("/no/such/program",), os.environ))
    assert "ghost could not be started" in await said.something()


async def test_services_are_stopped_in_reverse_order(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nopen(sys.argv[1] + sys.argv[2], 'w')\ntime.sleep(3600)"
    )
    for name in "ab":
        supervisor.start(service(code, str(log), name))
        await until(Path(f"{log}{name}").exists)
    await supervisor.stop()
    assert log.read_text() == "ba"


def test_a_service_shows_no_environment() -> None:
    assert "hunter2" not in repr(Service("web", ("x",), {"SECRET": "hunter2"}))


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
async def test_a_killed_supervisor_leaves_nobody_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    code = (
        "import asyncio, os, sys\nfrom nubabel.serve.supervisor import *\n"
        "async def main():\n"
        f"    Supervisor(say=print).start(Service('x', (sys.executable, '-S', '-c', {child!r}), os.environ))\n"
        "    await asyncio.sleep(3600)\n"
        "asyncio.run(main())"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    await until(lambda: note.exists() and note.read_text())
    parent.kill()
    await parent.wait()
    pid = int(note.read_text())
    await until(lambda: not running(pid))


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

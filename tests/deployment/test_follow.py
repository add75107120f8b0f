"""A follower stops at the first thing that the document does not promise."""

import os
import sys
from pathlib import Path

import pytest

from tests.deployment.document import Command, File
from tests.deployment.follow import Differs, Follower
from tests.deployment.shell import Shell
from tests.deployment.systemctl import Unit, _wait_for


@pytest.fixture
def shell(tmp_path):
    with Shell(env={"PATH": os.environ["PATH"]}, cwd=tmp_path) as running:
        yield running


def follower(shell, tmp_path, **more):
    return Follower(shell, lambda text: text.replace("/etc", str(tmp_path)), **more)


def test_what_one_command_exports_the_next_one_knows(shell, tmp_path):
    follower(shell, tmp_path).follow(
        [Command("export A=1"), Command("mkdir x && cd x"), Command("echo $A $PWD", "1 …/x")]
    )


def test_files_are_written_with_this_machines_places_in_them(shell, tmp_path):
    follower(shell, tmp_path).follow([File("/etc/deep/file", "at /etc\n"), Command("cat /etc/deep/file", "at …")])
    assert (tmp_path / "deep/file").read_text() == f"at {tmp_path}\n"


def test_another_answer_than_the_promised_one_ends_it(shell, tmp_path):
    with pytest.raises(Differs, match="came:\ntwo"):
        follower(shell, tmp_path).follow([Command("echo two", "one"), Command("touch reached")])
    assert not (tmp_path / "reached").exists()


def test_a_failure_ends_it_whether_answers_count_or_not(shell, tmp_path):
    with pytest.raises(Differs, match="exit code 3"):
        follower(shell, tmp_path, compares=False).follow([Command("(exit 3)", "anything")])


def test_a_command_that_hangs_is_not_waited_for(shell):
    with pytest.raises(TimeoutError, match="sleep 60"):
        shell.run("sleep 60", within=0.05)


@pytest.fixture
def unit(tmp_path):
    text = f"""[Service]
WorkingDirectory={tmp_path}
EnvironmentFile={tmp_path}/env
Environment=GREETING=%i
ExecStart={sys.executable} program.py %i
TimeoutStopSec=20
"""
    (tmp_path / "pool@.service").write_text(text)
    (tmp_path / "env").write_text("# of the pool\nGREETING=none\nA=b=c\n")
    made = Unit("pool@7", tmp_path, tmp_path)
    yield made
    made.stop()


def program(tmp_path: Path, text: str) -> None:
    (tmp_path / "program.py").write_text(text)


STOPS_WITH_4 = (
    "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(4)); open('up', 'w').write('x'); time.sleep(60)"
)


def test_a_unit_ends_with_its_own_exit_code_when_told_to(unit, tmp_path):
    program(tmp_path, STOPS_WITH_4)
    unit.start()
    assert _wait_for(tmp_path / "up", seconds=20)
    unit.stop()
    assert unit.file("exit").read_text() == "4\n"


def test_a_unit_knows_its_file_its_variables_and_nothing_else(unit, tmp_path, monkeypatch):
    monkeypatch.setenv("OF_THE_TERMINAL", "1")
    assert {name: value for name, value in unit.environment.items() if name != "PATH"} == {"GREETING": "7", "A": "b=c"}


def test_a_unit_that_runs_is_not_started_twice(unit, tmp_path):
    program(tmp_path, STOPS_WITH_4)
    unit.start()
    first = unit.file("pid").read_text()
    unit.start()
    assert unit.file("pid").read_text() == first

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from nubabel import valkey
from nubabel.errors import StoreFailed, StoreNotFound
from nubabel.valkey_paths import place_in

Start = Callable[..., valkey.Running]


def client(running: valkey.Running) -> redis.Redis:
    return redis.Redis.from_url(running.url, decode_responses=True)


def kill(running: valkey.Running) -> None:
    os.kill(running.pid, signal.SIGKILL)
    while valkey.is_alive(running.pid):
        pass


def test_a_second_caller_joins_the_running_server(start_valkey: Start) -> None:
    first, second = start_valkey(), start_valkey()
    assert (first.started, second.started) == (True, False)
    assert first.pid == second.pid


def test_racing_threads_start_exactly_one(start_valkey: Start) -> None:
    with ThreadPoolExecutor(8) as crowd:
        runnings = list(crowd.map(lambda _: start_valkey(), range(8)))
    assert sum(running.started for running in runnings) == 1
    assert len({running.pid for running in runnings}) == 1


@pytest.mark.faults
def test_racing_processes_start_exactly_one(start_valkey: Start, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from nubabel import valkey; print(valkey.ensure(Path(sys.argv[1])))"
    racers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "own")], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [racer.communicate(timeout=60)[0] for racer in racers]
    assert sum("started=True" in words for words in said) == 1
    assert not start_valkey().started


def test_only_the_owner_can_reach_it(start_valkey: Start, tmp_path: Path) -> None:
    start_valkey()
    place = place_in(tmp_path / "own")
    assert stat.S_IMODE(place.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.socket.stat().st_mode) == 0o700


def test_it_listens_on_no_port_and_never_evicts(start_valkey: Start) -> None:
    with client(start_valkey()) as it:
        facts = it.config_get("port", "maxmemory-policy", "appendonly", "appendfsync")
    assert facts == {"port": "0", "maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}


@pytest.mark.faults
def test_kill_9_loses_nothing_that_was_acknowledged(start_valkey: Start) -> None:
    first = start_valkey()
    with client(first) as it:
        for number in range(500):
            it.set(f"key {number}", number)
    kill(first)
    second = start_valkey()
    assert second.started
    with client(second) as it:
        assert it.dbsize() == 500


def test_a_stop_and_a_new_start_keep_the_data(start_valkey: Start, tmp_path: Path) -> None:
    with client(start_valkey()) as it:
        it.set("kept", "yes")
    assert valkey.stop(tmp_path / "own")
    with client(start_valkey()) as it:
        assert it.get("kept") == "yes"


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    assert not valkey.stop(tmp_path / "nowhere")


def test_a_folder_too_deep_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 20)
    place = place_in(deep)
    assert len(os.fsencode(place.socket)) <= 100
    assert place == place_in(deep)
    try:
        assert valkey.ensure(deep, durable=False).started
        assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700
    finally:
        valkey.stop(deep)
        place.socket.parent.rmdir()


def test_a_borrowed_server_is_stopped_by_whoever_started_it(tmp_path: Path) -> None:
    with valkey.lent(tmp_path) as outer:
        with valkey.lent(tmp_path) as inner:
            assert not inner.started
        assert valkey.is_alive(outer.pid)
    assert not valkey.is_alive(outer.pid)


def test_a_borrowed_server_stays_while_somebody_else_uses_it(tmp_path: Path) -> None:
    try:
        with valkey.lent(tmp_path) as running:
            other = client(running)
            other.ping()
        assert valkey.is_alive(running.pid)
        other.close()
    finally:
        valkey.stop(tmp_path)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "valkey").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreFailed, match="not this user's own folder"):
        valkey.ensure(tmp_path)


def test_without_any_server_program_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "_packaged_program", lambda: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StoreNotFound, match="redis-server"):
        valkey.find_program()


def test_a_server_on_path_stands_in_for_the_packaged_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(valkey, "_packaged_program", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert valkey.find_program() == program


def test_a_program_that_refuses_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "refuser"
    program.write_text("#!/bin/sh\necho 'bad directive' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(valkey, "find_program", lambda: program)
    with pytest.raises(StoreFailed, match="bad directive"):
        valkey.ensure(tmp_path)

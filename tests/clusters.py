"""A real Redis Cluster of three nodes on this machine, for as long as a test module needs it."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from quota.engine.keys import pool_keys

SERVER, CLI = shutil.which("redis-server"), shutil.which("redis-cli")
needs_redis_server = pytest.mark.skipif(not (SERVER and CLI), reason="no redis-server here (Debian: redis-server)")


@dataclass
class Cluster:
    """Its nodes' ports; `url` is that of the first."""

    ports: list[int]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.ports[0]}/0"

    def node(self, port: int) -> redis.Redis:
        return redis.Redis(port=port)

    def home(self, pool: str) -> int:
        """The port of the node that keeps a pool, as the first node says."""
        slot = self.node(self.ports[0]).execute_command("CLUSTER", "KEYSLOT", pool_keys(pool)[0])
        for first, last, master, *_ in self.node(self.ports[0]).execute_command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return int(master[1])
        raise LookupError(pool)

    def move(self, pool: str, *, to: int, finish: bool = True) -> None:
        """Give a pool's slot to another node, as redis-cli --cluster reshard does; unfinished, the keys only move."""
        source = self.home(pool)
        slot = self.node(source).execute_command("CLUSTER", "KEYSLOT", pool_keys(pool)[0])
        ids = {port: self.node(port).execute_command("CLUSTER", "MYID").decode() for port in (source, to)}
        self.node(to).execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        self.node(source).execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
        while keys := self.node(source).execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            self.node(source).execute_command("MIGRATE", "127.0.0.1", to, "", 0, 5_000, "KEYS", *keys)
        for port in self.ports if finish else ():
            self.node(port).execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[to])


def _free_ports(count: int) -> list[int]:
    """Below the ephemeral range's end minus what the cluster bus adds."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        if port < 55_000 and port not in ports:
            ports.append(port)
    return ports


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Three masters, which share the slots; gone when the block ends."""
    ports = _free_ports(3)
    nodes = [_node(port, folder / str(port)) for port in ports]
    try:
        made = Cluster(ports)
        for port in ports:
            _until(lambda port=port: made.node(port).ping())
        addresses = [f"127.0.0.1:{port}" for port in ports]
        done = subprocess.run(
            [str(CLI), "--cluster", "create", *addresses, "--cluster-yes"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for port in ports:
            _until(lambda port=port: b"cluster_state:ok" in made.node(port).execute_command("CLUSTER", "INFO"))
        yield made
    finally:
        for node in nodes:
            node.kill()
            node.wait()


def _node(port: int, folder: Path) -> "subprocess.Popen[bytes]":
    folder.mkdir()
    options = {"port": str(port), "bind": "127.0.0.1", "cluster-enabled": "yes", "dir": str(folder), "save": ""}
    argv = [str(SERVER), *(part for name, value in options.items() for part in (f"--{name}", value))]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL)


def _until(holds: Any) -> None:
    due = time.monotonic() + 30
    while True:
        try:
            if holds():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < due, "the cluster did not come up"

"""rediss:// against a real server with a certificate of the test's own: whoever cannot prove to be it gets nothing."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from quota.engine.errors import EngineUnavailable
from quota.engine.facade import open_engine
from quota.metrics.pulse import Pulse
from quota.streams import open_client
from tests.engine.certificates import Authority

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


def _speaks_tls() -> bool:
    linked = subprocess.run(["ldd", str(SERVER)], capture_output=True, text=True, check=False).stdout
    return bool(SERVER) and "libssl" in linked


pytestmark = pytest.mark.skipif(not _speaks_tls(), reason="no redis-server with TLS here (Debian: redis-server)")


@dataclass
class Server:
    """Listens for TLS alone; its certificate is for localhost."""

    port: int
    authority: Authority

    def url(self, host: str = "localhost", *, trusted: Path | None = None) -> str:
        ca = f"?ssl_ca_certs={trusted}" if trusted else ""
        return f"rediss://:hunter2@{host}:{self.port}/0{ca}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    certificate, key = authority.certificate("localhost")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = {
        "port": "0",
        "tls-port": str(port),
        "bind": "127.0.0.1",
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
        "tls-ca-cert-file": str(authority.ca),
        "tls-auth-clients": "no",
        "requirepass": "hunter2",
        "save": "",
        "dir": str(folder),
    }
    argv = [str(SERVER), *(part for name, value in options.items() for part in (f"--{name}", value))]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    running = Server(port, authority)
    try:
        _wait_for(running)
        yield running
    finally:
        process.kill()
        process.wait()


def _wait_for(server: Server) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            redis.Redis.from_url(server.url(trusted=server.authority.ca)).ping()
        except redis.ConnectionError:
            continue
        return
    raise AssertionError("the server did not begin to listen")


async def ping(url: str) -> float:
    engine = open_engine(url, deadline=5.0)
    try:
        return await engine.ping()
    finally:
        await engine.close()


async def test_the_engine_speaks_tls_with_whom_its_authority_vouches_for(server: Server) -> None:
    assert await ping(server.url(trusted=server.authority.ca)) > 0


async def test_it_does_not_speak_with_whom_nobody_vouches_for(server: Server) -> None:
    with pytest.raises(EngineUnavailable):
        await ping(server.url())


async def test_nor_with_one_who_proves_to_be_somebody_else(server: Server) -> None:
    with pytest.raises(EngineUnavailable):
        await ping(server.url("127.0.0.1", trusted=server.authority.ca))


async def test_turning_the_check_off_in_the_address_turns_nothing_off(server: Server) -> None:
    with pytest.raises(EngineUnavailable):
        await ping(f"{server.url()}?ssl_cert_reqs=none")


async def test_what_is_refused_says_nothing_of_the_password(server: Server) -> None:
    with pytest.raises(EngineUnavailable) as refused:
        await ping(server.url())
    assert "hunter2" not in str(refused.value)


async def test_the_worker_and_the_metrics_speak_it_too(server: Server) -> None:
    url = server.url(trusted=server.authority.ca)
    client = open_client(url)
    assert await client.ping()
    await client.aclose()
    pulse = Pulse(url=url, role="web")
    await pulse.beat()
    await pulse.leave()


async def test_the_worker_checks_the_certificate_as_well(server: Server) -> None:
    client = open_client(server.url())
    with pytest.raises(redis.ConnectionError):
        await client.ping()
    await client.aclose()


async def test_many_calls_at_once_go_over_one_connection(server: Server) -> None:
    engine = open_engine(server.url(trusted=server.authority.ca), deadline=5.0)
    await asyncio.gather(*(engine.ping() for _ in range(100)))
    with redis.Redis.from_url(server.url(trusted=server.authority.ca)) as client:
        assert client.info("clients")["connected_clients"] == 2
    await engine.close()

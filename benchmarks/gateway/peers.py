"""What one would use in our place, each installed in a folder of its own under .data when it is first needed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.gateway.answers import MODEL
from benchmarks.gateway.pool import ACCOUNTS, account_key
from benchmarks.gateway.processes import free_port, running
from benchmarks.gateway.servers import LITELLM, PORTKEY, ROOT, Server, environment
from benchmarks.litellm_environment import NotMeasured
from benchmarks.litellm_environment import environment as litellm_environment

PORTKEY_VERSION: Final = "1.15.2"
PORTKEY_HOME: Final = ROOT / ".data" / "bench" / "portkey"
_PACKAGE: Final = {
    "name": "nubabel-bench-portkey",
    "version": "1.0.0",
    "private": True,
    "dependencies": {"@portkey-ai/gateway": PORTKEY_VERSION},
    # With what npm would choose today, its streams end in "TypeError: immutable".
    "overrides": {"@hono/node-server": "1.13.5", "hono": "4.9.7"},
}
_INSTALL_SECONDS: Final = 300.0
_MASTER_KEY: Final = "sk-bench-0f7f4c1e9a5a4f5d0d0c9f11"
_VERSION: Final = {"anthropic-version": "2023-06-01"}


@contextmanager
def portkey(folder: Path, *, upstream: int) -> Iterator[Server]:
    """Portkey's gateway, spreading requests over the same accounts. Raises NotMeasured, NotStarted."""
    start, port = _portkey_installed(), free_port()
    node = shutil.which("node") or ""
    env = environment(NODE_ENV="production", TRUSTED_CUSTOM_HOSTS="localhost,127.0.0.1")
    argv = (node, str(start), f"--port={port}", "--headless")
    with running(argv, port=port, env=env, cwd=PORTKEY_HOME, log=folder / "portkey.log") as pid:
        config = json.dumps(_portkey_config(upstream), separators=(",", ":"))
        yield Server(PORTKEY, port, pid, {"x-portkey-config": config, **_VERSION})


def _portkey_config(upstream: int) -> dict[str, object]:
    host = f"http://127.0.0.1:{upstream}/v1"
    targets = [
        {"provider": "anthropic", "custom_host": host, "api_key": account_key(number)} for number in range(ACCOUNTS)
    ]
    return {"strategy": {"mode": "loadbalance"}, "targets": targets}


def _portkey_installed() -> Path:
    start = PORTKEY_HOME / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if start.exists():
        return start
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotMeasured("Node.js and npm are needed. On Debian and Ubuntu: apt-get install nodejs npm")
    PORTKEY_HOME.mkdir(parents=True, exist_ok=True)
    (PORTKEY_HOME / "package.json").write_text(json.dumps(_PACKAGE, indent=1))
    _install((npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"))
    if not start.exists():
        raise NotMeasured(f"Portkey {PORTKEY_VERSION} could not be installed: npm left no {start.name}")
    return start


def _install(argv: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(
            argv, cwd=PORTKEY_HOME, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasured(f"Portkey {PORTKEY_VERSION} could not be installed: {error}") from None
    if done.returncode:
        raise NotMeasured(f"Portkey {PORTKEY_VERSION} could not be installed: {done.stderr.strip()[-300:]}")


@contextmanager
def litellm(folder: Path, *, upstream: int) -> Iterator[Server]:
    """LiteLLM's proxy with one worker, shuffling the same accounts. Raises NotMeasured, NotStarted."""
    program, port = litellm_environment(extra="proxy").python.with_name("litellm"), free_port()
    config = folder / "litellm.yaml"
    config.write_text(json.dumps(_litellm_config(upstream)))  # JSON is YAML
    env = environment(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR", LITELLM_MODE="PRODUCTION")
    ours = ("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False")
    argv = (str(program), "--config", str(config), *ours)
    with running(argv, port=port, env=env, cwd=folder, log=folder / "litellm.log") as pid:
        yield Server(LITELLM, port, pid, {"authorization": f"Bearer {_MASTER_KEY}", **_VERSION})


def _litellm_config(upstream: int) -> dict[str, object]:
    accounts = [
        {
            "model_name": MODEL,
            "litellm_params": {
                "model": f"anthropic/{MODEL}",
                "api_key": account_key(number),
                "api_base": f"http://127.0.0.1:{upstream}",
            },
        }
        for number in range(ACCOUNTS)
    ]
    return {
        "model_list": accounts,
        "router_settings": {"routing_strategy": "simple-shuffle", "num_retries": 0},
        "general_settings": {"master_key": _MASTER_KEY},
    }

"""Prometheus itself, started for the purpose: it scrapes, it evaluates the rules, it answers queries."""

import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.gateway.processes import free_port, running
from benchmarks.gateway.servers import environment
from benchmarks.monitoring.expressions import MONITORING

SCRAPE_SECONDS: Final = 5
RATE_INTERVAL: Final = "30s"
"""Grafana takes four scrapes and more."""
PATIENCE: Final = 30.0


class Refused(Exception):
    """Prometheus does not take an expression; the message is its own."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs and scrapes a pool."""

    url: str
    since: float

    def found(self, expression: str) -> int:
        """How many series it gave since the beginning. Raises Refused."""
        span = {"start": f"{self.since:.3f}", "end": f"{time.time():.3f}", "step": str(SCRAPE_SECONDS)}
        return len(self._get("query_range", query=expression, **span)["result"])

    def rules(self) -> dict[str, str]:
        """How each alert rule's last evaluation went: `ok`, or what Prometheus says."""
        groups = self._get("rules")["groups"]
        return {rule["name"]: rule.get("lastError") or rule["health"] for group in groups for rule in group["rules"]}

    def target(self) -> str:
        """How the last scrape went: `up`, or what Prometheus says."""
        targets = self._get("targets", state="active")["activeTargets"]
        return str(targets[0]["lastError"] or targets[0]["health"]) if targets else "no target"

    def _get(self, what: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        asked = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(str(json.load(error).get("error", error))) from None


def program() -> str | None:
    """Where Prometheus is: $PROMETHEUS, or the search path."""
    return os.environ.get("PROMETHEUS") or shutil.which("prometheus")


@contextmanager
def watching(base_url: str, token: str, *, folder: Path, executable: str) -> Iterator[Prometheus]:
    """A Prometheus that scrapes that pool for as long as the block runs. Raises NotStarted."""
    port, home = free_port(), folder / "prometheus"
    home.mkdir()
    (home / "token").touch(mode=0o600)
    (home / "token").write_text(token)
    (home / "prometheus.yml").write_text(json.dumps(configuration(base_url, home / "token")))  # JSON is YAML
    options = (f"--storage.tsdb.path={home / 'data'}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn")
    argv = (executable, f"--config.file={home / 'prometheus.yml'}", *options)
    since = time.time()
    with running(argv, port=port, env=environment(), cwd=home, log=folder / "prometheus.log"):
        yield Prometheus(f"http://127.0.0.1:{port}", since)


def configuration(base_url: str, token_file: Path) -> dict[str, Any]:
    """As monitoring/prometheus.yml has it, for this address."""
    where = urlsplit(base_url)
    every = f"{SCRAPE_SECONDS}s"
    job = {
        "job_name": "nubabel",
        "scheme": where.scheme,
        "metrics_path": "/metrics",
        "authorization": {"type": "Bearer", "credentials_file": str(token_file)},
        "static_configs": [{"targets": [where.netloc]}],
    }
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(MONITORING / "alert-rules.yml")],
        "scrape_configs": [job],
    }

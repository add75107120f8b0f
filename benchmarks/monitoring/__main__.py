"""`make check-monitoring BASE_URL=https://…`: does a running pool give the dashboard and the alert rules their data?

METRICS_TOKEN opens /metrics there: the variable, or an access key with the scope admin-read. Without Prometheus on this
machine (Debian: apt-get install prometheus), names and labels alone are compared. Exit code 0 if all is there.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.finding import Finding
from benchmarks.gateway.processes import NotStarted
from benchmarks.monitoring.checking import asked_of, without_prometheus
from benchmarks.monitoring.exposition import samples, scrape
from benchmarks.monitoring.expressions import expressions, panels, rules
from benchmarks.monitoring.prometheus import program, watching


def main(arguments: Sequence[str]) -> int:
    """Look, and tell."""
    options = _options(arguments)
    token = os.environ.get("METRICS_TOKEN", "")
    try:
        findings = _findings(options.base_url.rstrip("/"), token, seconds=options.seconds)
    except (OSError, NotStarted) as trouble:
        print(f"✗ {options.base_url}/metrics: {trouble}")
        return 1
    print("\n".join(f"{'✓' if one.holds else '✗'} {one.what:<36} {one.seen}" for one in findings))
    return 0 if all(one.holds for one in findings) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=about, epilog=more)
    parser.add_argument("--base-url", required=True, metavar="URL", help="e.g. https://pool.example.com")
    parser.add_argument("--seconds", type=float, default=30.0, help="to scrape before asking (default: %(default)g)")
    return parser.parse_args(arguments)


def _findings(base_url: str, token: str, *, seconds: float) -> list[Finding]:
    text = scrape(base_url, token)
    if (executable := program()) is None:
        return [without_prometheus(samples(text), expressions())]
    with (
        TemporaryDirectory(prefix="nubabel-monitoring-") as folder,
        watching(base_url, token, folder=Path(folder), executable=executable) as prometheus,
    ):
        time.sleep(seconds)
        return asked_of(prometheus, [rule["expr"] for rule in rules()], panels())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

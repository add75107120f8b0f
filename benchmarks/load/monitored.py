"""Whether a Prometheus that scrapes the pool meanwhile can answer the dashboard and evaluate the alert rules."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks.load.field import Field
from benchmarks.load.report import Outcome
from benchmarks.monitoring.checking import asked_of, without_prometheus
from benchmarks.monitoring.exposition import samples, scrape
from benchmarks.monitoring.expressions import expressions, panels, rules
from benchmarks.monitoring.prometheus import SCRAPE_SECONDS, program, watching

NAME: Final = "monitoring"
SAYS: Final = "a Prometheus that scraped all of it answers the dashboard's queries and evaluates the alert rules"


@contextmanager
def watched(field: Field, folder: Path) -> Iterator[Callable[[], Outcome]]:
    """Scrape while the block runs; what is given tells, when called, what was found. Raises NotStarted."""
    _knock(field.url)
    if (executable := program()) is None:
        yield lambda: _by_names(field)
        return
    with watching(field.url, field.metrics_token, folder=folder, executable=executable) as prometheus:

        def found() -> Outcome:
            time.sleep(2 * SCRAPE_SECONDS)  # what happened last must have been scraped
            return Outcome(NAME, SAYS, asked_of(prometheus, [rule["expr"] for rule in rules()], panels()))

        yield found


def _by_names(field: Field) -> Outcome:
    return Outcome(NAME, SAYS, [without_prometheus(samples(scrape(field.url, field.metrics_token)), expressions())])


def _knock(url: str) -> None:
    """Without a key nobody is let in, and that is counted, too."""
    request = urllib.request.Request(f"{url}/v1/messages", data=b"{}", headers={"content-type": "application/json"})
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=30)

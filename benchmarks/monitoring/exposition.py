"""`/metrics`, read: which series there are, with which labels."""

import urllib.request
from collections.abc import Iterator
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

PATIENCE: Final = 30.0


def scrape(base_url: str, token: str) -> str:
    """What `/metrics` tells. Raises OSError."""
    request = urllib.request.Request(f"{base_url}/metrics", headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


def samples(text: str) -> Iterator[Sample]:
    """Every sample of an exposition."""
    for family in text_string_to_metric_families(text):
        yield from family.samples


def total(text: str, series: str, **labels: str) -> float:
    """The sum of a series' samples that have these labels."""
    return sum(one.value for one in samples(text) if one.name == series and labels.items() <= one.labels.items())

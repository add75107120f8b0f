"""The journeys in a real browser: pytest in a process of its own, and its report read."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET  # of a file that we have just had written
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nubabel.smoke.running import Mark, Result
from qa.config import Config

JOURNEYS: Final = Path(__file__).parent / "journeys"
LONGEST: Final = 900.0
SAID: Final = 300


def journeys(config: Config) -> list[Result]:
    """Walk them all; each is bounded by itself, and all of them by `LONGEST` seconds."""
    with tempfile.TemporaryDirectory(prefix="nubabel-qa-") as folder:
        report = Path(folder) / "journeys.xml"
        config.screenshots.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(_command(report), env=_environment(config), timeout=LONGEST, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            return [Result("browser", Mark.BAD, f"the journeys had not ended after {LONGEST:.0f} s", LONGEST)]
        results = list(read(report.read_text())) if report.exists() else []
    if not results or (done.returncode and all(one.mark is Mark.GOOD for one in results)):
        results.append(
            Result("browser", Mark.BAD, f"the journeys could not be walked (pytest ended with {done.returncode})")
        )
    return results


def read(report: str) -> Iterator[Result]:
    """The results in a JUnit report."""
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314
        name = case.get("name", "").removeprefix("test_").replace("_", " ")
        trouble = next((part for part in case if part.tag in {"failure", "error", "skipped"}), None)
        mark = Mark.GOOD if trouble is None else Mark.NOT_ASKED if trouble.tag == "skipped" else Mark.BAD
        said = name if trouble is None else f"{name}: {_first_line(trouble.get('message', ''))}"
        yield Result("browser", mark, said, float(case.get("time", 0)))


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:SAID]


def _command(report: Path) -> list[str]:
    settings = ("-c", str(JOURNEYS / "pytest.ini"), "--rootdir", str(JOURNEYS))
    return [sys.executable, "-m", "pytest", "-q", *settings, "-p", "no:django", f"--junit-xml={report}", str(JOURNEYS)]


def _environment(config: Config) -> dict[str, str]:
    return os.environ | {
        "BASE_URL": config.base_url,
        "SMOKE_TEST_ACCESS_KEY": config.key,
        "QA_USERNAME": config.username,
        "QA_PASSWORD": config.password,
        "QA_MODEL": config.model,
        "QA_CA_FILE": config.ca_file,
        "SCREENSHOTS": str(config.screenshots.absolute()),
    }

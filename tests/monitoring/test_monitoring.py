"""The alert rules and the dashboard load, and read nothing that does not exist."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.monitoring.expressions import MONITORING, dashboard, expressions, matchers_in, names_in, rules
from quota.metrics.accounts import STATES
from quota.metrics.catalogue import ALL, BY_NAME, Kind, Metric

OPERATIONS = MONITORING.parent / "docs" / "operations.md"
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool (Debian: apt-get install prometheus) is not here")
ENOUGH = 5
"""Words: fewer explain nothing."""
PARTS = ("_bucket", "_sum", "_count")
WORDS = {
    "state": set(STATES),
    "role": {"web", "worker"},
    "window": {"minute", "day", "month"},
    "metric": {"requests", "tokens", "cost"},
    "result": {"delivered", "lost", "refused", "dropped"},
}


def metric_of(series: str) -> Metric:
    """Raises KeyError."""
    if series in BY_NAME:
        return BY_NAME[series]
    whole = BY_NAME[re.sub(r"_(bucket|sum|count)$", "", series)]
    assert whole.kind is Kind.HISTOGRAM, series
    return whole


@pytest.mark.parametrize("expression", expressions())
def test_every_series_that_is_read_exists(expression: str) -> None:
    assert names_in(expression)
    for series in names_in(expression):
        assert metric_of(series).kind is not Kind.HISTOGRAM or series.endswith(PARTS)


@pytest.mark.parametrize("expression", expressions())
def test_every_label_that_is_matched_exists_and_can_have_that_value(expression: str) -> None:
    for series, label, value in matchers_in(expression):
        assert label in metric_of(series).labels
        if label in WORDS:
            assert set(value.split("|")) <= WORDS[label]


@pytest.mark.parametrize("expression", expressions())
def test_parentheses_and_brackets_close(expression: str) -> None:
    for pair in ("()", "[]", "{}"):
        assert expression.count(pair[0]) == expression.count(pair[1])


@pytest.mark.parametrize("expression", expressions())
def test_a_counter_is_read_as_a_rate(expression: str) -> None:
    for series in names_in(expression):
        if series.endswith(("_total", "_bucket")):
            assert re.search(rf"(rate|increase)\({series}(\{{[^}}]*\}})?\[", expression)


def test_every_metric_is_shown_or_watched() -> None:
    read = {metric_of(series).name for expression in expressions() for series in names_in(expression)}
    left_out = {metric.name for metric in ALL} - read
    assert left_out <= {"nubabel_limit_reserved"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_and_the_handbook_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]
    section = re.search(rf"^### {rule['alert']}\n(.*?)^#", OPERATIONS.read_text(), re.MULTILINE | re.DOTALL)
    assert section, "the handbook has no section for it"
    said = re.split(r"\*\*(Meaning|Cause|Do)\.\*\* ", section[1])
    assert said[1::2] == ["Meaning", "Cause", "Do"]
    assert all(len(text.split()) >= ENOUGH for text in said[2::2])


def test_the_handbook_explains_no_rule_that_does_not_exist() -> None:
    explained = set(re.findall(r"^### (Nubabel\w+)$", OPERATIONS.read_text(), re.MULTILINE))
    assert explained == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_the_handbook_says_what_a_metric_tells(metric: Metric) -> None:
    assert f"| `{metric.name}` " in OPERATIONS.read_text()


def test_the_dashboard_gives_each_panel_an_id_and_a_place_of_its_own() -> None:
    panels = dashboard()["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len({panel["id"] for panel in panels}) == len(set(places)) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_the_scrape_example_names_our_rules() -> None:
    example = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    assert all((MONITORING / name).exists() for name in example["rule_files"])
    assert example["scrape_configs"][0]["metrics_path"] == "/metrics"


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    checked = promtool("check", "rules", str(MONITORING / "alert-rules.yml"))
    assert f"{len(rules())} rules found" in checked.stdout + checked.stderr


@needs_promtool
def test_the_rules_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", str(Path(__file__).with_name("alerts_fire.yml")))


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Raises AssertionError with what it said."""
    done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done

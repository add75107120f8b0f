"""Every expression of the alert rules and the dashboard, and what each says it reads."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
_NAME = re.compile(r"\bnubabel_[a-z_]+")
_SELECTOR = re.compile(r"\b(nubabel_[a-z_]+)\{([^}]*)\}")
_MATCHER = re.compile(r'([a-z_]+)(=~|!~|!=|=)"([^"]*)"')


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((MONITORING / "alert-rules.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    return read


def expressions() -> list[str]:
    """Of the rules, of the panels, and of the dashboard's variables."""
    shown = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    asked = [one["definition"] for one in dashboard()["templating"]["list"] if one["type"] == "query"]
    return [*(rule["expr"] for rule in rules()), *shown, *asked]


def names_in(expression: str) -> set[str]:
    """The series that it reads."""
    return set(_NAME.findall(expression))


def matchers_in(expression: str) -> Iterator[tuple[str, str, str]]:
    """Series, label, and the values that it is compared with."""
    for series, inside in _SELECTOR.findall(expression):
        for label, _, value in _MATCHER.findall(inside):
            yield series, label, value


def panels() -> list[str]:
    """Of the dashboard alone, its variables among them."""
    ruled = {rule["expr"] for rule in rules()}
    return [one for one in expressions() if one not in ruled]


def filled_in(expression: str, *, rate_interval: str) -> str:
    """As Grafana sends it: all pools, and its own variables replaced."""
    asked = re.sub(r"label_values\((\w+), \w+\)", r"\1", expression)
    return asked.replace("$__rate_interval", rate_interval).replace("$pool", ".*")

"""What is written about the product is complete."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.log_lines import Line
from gateway.snippets import Snippet, snippets
from notifications.webhook import signature
from nubabel.variables import VARIABLES, Variable

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
APPS = ("accounts", "gateway", "notifications", "nubabel", "quota", "simulator")
THE_SYSTEM_S = {"SUDO_USER", "XDG_RUNTIME_DIR"}
"""Nobody sets these for our sake."""
NAMES = [variable.name for variable in VARIABLES]


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_each_variable(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", NAMES)
def test_the_example_has_a_line_for_each_variable(name: str) -> None:
    assert re.search(rf"^#? ?{name}=", EXAMPLE, re.MULTILINE)


def test_the_example_names_no_variable_that_does_not_exist() -> None:
    assert set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", EXAMPLE, re.MULTILINE)) <= set(NAMES)


@pytest.mark.parametrize("variable", [variable for variable in VARIABLES if variable.default], ids=lambda it: it.name)
def test_the_example_shows_the_real_default(variable: Variable) -> None:
    assert re.search(rf"^# {variable.name}={re.escape(variable.default)}$", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("snippet", snippets("http://127.0.0.1:8000"), ids=lambda snippet: snippet.title)
def test_the_readme_shows_what_the_admin_site_shows(snippet: Snippet) -> None:
    assert f"```{snippet.language}\n{snippet.text}\n```" in README


def variables_read() -> set[str]:
    """Names that the product reads from the environment by itself, beside `nubabel.env`."""
    reads = r"os\.(?:environ\.get\(|environ\[|getenv\()\s*\"([A-Z_]+)\""
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    return {name for path in sources for name in re.findall(reads, path.read_text())}


def test_a_variable_that_is_read_elsewhere_is_documented_too() -> None:
    documents = "\n".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))) + EXAMPLE
    assert variables_read()
    assert {name for name in variables_read() - THE_SYSTEM_S if name not in documents} == set()


@pytest.mark.parametrize("field", ["timestamp", "level", "logger", "message", *Line.__struct_fields__, "exception"])
def test_the_manual_explains_each_field_of_a_log_line(field: str) -> None:
    section = re.search(r"^## Logs\n(.*?)^## ", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert section
    assert f"`{field}`" in section[1] or f'"{field}"' in section[1]


def test_the_example_holds_no_secret() -> None:
    secrets = {variable.name for variable in VARIABLES if variable.secret}
    set_there = dict(re.findall(r"^([A-Z_]+)=(.+)$", EXAMPLE, re.MULTILINE))
    assert not secrets & set_there.keys()


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert phony == described


def test_every_pinned_requirement_says_why_it_is_there() -> None:
    for name in ("requirements.in", "requirements-tracing.in"):
        for line in (ROOT / name).read_text().splitlines():
            assert not line.strip() or "#" in line, line


@pytest.mark.parametrize(
    "words", ["used", "out (", "invalid key", "circuit open", "few accounts serve", "no account serves"]
)
def test_the_operations_manual_has_a_row_for_each_kind_of_alert(words: str) -> None:
    rows = [line.split("|")[1] for line in OPERATIONS.splitlines() if line.startswith("| *")]
    assert any(words in row for row in rows)


def test_the_signature_that_the_manual_checks_is_the_one_that_is_sent() -> None:
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", OPERATIONS, re.DOTALL)[1], names)  # type: ignore[index]
    sent = signature("secret", timestamp=12, body=b"{}")
    assert names["genuine"]("secret", "12", b"{}", sent)
    assert not names["genuine"]("secret", "13", b"{}", sent)

"""`docs/api.md` on the management API: complete, and its examples work."""

import re
import shlex
from pathlib import Path

import pytest

from accounts.access import issue_access_key
from tests.accounts.cast import DELTA_KEY
from tests.rest import callers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
SECTION = PAGE.partition("## The management API")[2].partition("\n## ")[0]
BLOCKS = "".join(re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL))
EXAMPLES = [line for line in BLOCKS.replace("\\\n", " ").split("curl -s ") if line.strip()]


@pytest.fixture
def caller(settings):
    return callers.key("admin-read", "admin-write")


def test_each_operation_is_documented(caller):
    schema = caller.get("/api/schema/").json()
    for path, methods in schema["paths"].items():
        for method in methods:
            named = path if "{" in path else f"`{path}`"
            shown = re.search(rf"{re.escape(named)}|{re.escape(path.removesuffix('{id}/'))}", SECTION)
            assert shown, (method, path)
            action = path.rstrip("/").rpartition("/")[2]
            assert "{" in action or f"{action}" in SECTION


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split('"')[1].removeprefix("$URL"))
def test_each_example_works(caller, alpha, example):
    _, named = issue_access_key(name="named", scopes=["admin-read"])
    values = {"URL": "", "KEY": "", "POOL": alpha.pool_id, "ACCOUNT": alpha.pk, "ANTHROPIC_KEY": DELTA_KEY}
    values["ACCESS_KEY"] = named.pk
    text = re.sub(r"\$([A-Z_]+)", lambda name: str(values[name[1]]), example.replace("\n", " "))
    method, path, body, headers = asked(shlex.split(text))
    answer = caller.call(method, path, body, **headers)
    assert 200 <= answer.status_code < 300, answer.content


def asked(words):
    """What curl would send."""
    method, path, body, headers = "GET", "", None, {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "-X":
            method = following
        elif word == "-H" and not following.startswith("Authorization"):
            name, _, value = following.partition(": ")
            headers[name] = value
        elif word == "-d":
            method, body = ("POST" if method == "GET" else method), following.encode()
        elif word.startswith("/api/"):
            path = word
    return method, path, body, headers


def test_every_code_of_the_documents_is_one_that_is_answered():
    from nubabel.api_errors import _CODES

    documented = set(re.findall(r"^\| [\d, ]+ \| (.*?) \|", SECTION, re.MULTILINE))
    named = {code for cell in documented for code in re.findall(r"`(\w+)`", cell)}
    assert set(_CODES.values()) - {"conflict", "precondition_failed"} <= named

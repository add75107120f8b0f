"""The workflow that asks after each deployment: started by one, pinned, without a secret in it."""

import re
from pathlib import Path

import pytest
import yaml

from qa.config import NEEDED

TEXT = (Path(__file__).resolve().parents[2] / ".github/workflows/qa.yml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
JOB = WORKFLOW["jobs"]["qa"]


def test_each_deployment_starts_it_and_its_own_job_is_none():
    assert "deployment_status" in WORKFLOW[True]  # `on`, as YAML 1.1 reads it
    assert "environment" not in JOB


def test_it_runs_make_qa_with_everything_that_needs():
    assert any(step.get("run") == "make qa" for step in JOB["steps"])
    assert set(NEEDED) <= set(JOB["env"])


@pytest.mark.parametrize("name", ["SMOKE_TEST_ACCESS_KEY", "QA_PASSWORD", "SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL"])
def test_secrets_come_from_where_secrets_are_kept(name):
    assert JOB["env"][name] == f"${{{{ secrets.{name} }}}}"


def test_it_may_read_the_code_and_nothing_else():
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_what_it_uses_is_pinned_to_one_commit():
    used = [step["uses"] for step in JOB["steps"] if "uses" in step]
    assert used
    assert all(re.search(r"@[0-9a-f]{40}$", one) for one in used)


def test_nothing_that_strangers_write_gets_into_a_shell():
    assert not any("${{" in step.get("run", "") for step in JOB["steps"])

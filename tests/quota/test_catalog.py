"""Models that share a limit share a group."""

import pytest

from quota.catalog import group_of, undated


@pytest.mark.parametrize(
    ("model", "group"),
    [
        ("claude-fable-5", "fable-5"),
        ("claude-fable-5-2", "fable-5"),
        ("claude-mythos-5-1", "mythos-5"),
        ("claude-opus-4-5-20251101", "opus-4"),
        ("claude-opus-4-8", "opus-4"),
        ("claude-opus-5", "opus-5"),
        ("claude-opus-5-5", "opus-5-5"),
        ("claude-sonnet-4-6", "sonnet-4"),
        ("claude-sonnet-5-5", "sonnet-5-5"),
        ("claude-haiku-4-5-20251001", "haiku-4-5"),
        ("claude-haiku-5-5", "haiku-5-5"),
    ],
)
def test_a_model_counts_in_its_group(model: str, group: str) -> None:
    assert group_of(model) == group


def test_an_unknown_model_is_a_group_of_its_own() -> None:
    assert group_of("something-new") == "something-new"


@pytest.mark.parametrize("name", ["claude-haiku-4-5-20251001", "claude-haiku-4-5-latest", " Claude-Haiku-4-5"])
def test_the_date_of_a_snapshot_does_not_matter(name: str) -> None:
    assert undated(name) == "claude-haiku-4-5"

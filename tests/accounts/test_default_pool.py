from dataclasses import dataclass

import pytest

from accounts.default_pool import default_of


@dataclass(frozen=True)
class Named:
    name: str


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (["default"], "default"),
        (["demo"], "demo"),
        (["blue", "default", "green"], "default"),
        (["blue", "green"], None),
        ([], None),
    ],
)
def test_where_no_pool_is_named_the_default_or_the_only_one_is_meant(names, meant):
    found = default_of(map(Named, names))
    assert (found and found.name) == meant

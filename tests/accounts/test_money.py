from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.money import from_nano, to_nano


@given(st.integers(min_value=0, max_value=1 << 53))
def test_nano_dollars_survive_the_way_to_dollars_and_back(nano):
    assert to_nano(from_nano(nano)) == nano


def test_a_dollar_is_a_billion_nano_dollars():
    assert to_nano(Decimal("12.5")) == 12_500_000_000


@pytest.mark.parametrize("dollars", ["0.0000000001", "NaN", "Infinity"])
def test_what_is_no_whole_number_of_nano_dollars_is_refused(dollars):
    with pytest.raises(ValueError, match="nano-dollars"):
        to_nano(Decimal(dollars))

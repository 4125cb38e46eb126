"""Budget: one upload's use of members and bytes."""

import pytest

from gateway.content.reading import Budget
from gateway.errors import LimitError
from gateway.limits import Limits


def test_budget_counts_up_to_the_limit_and_no_further():
    limits = Limits(max_members=2, max_unpacked_bytes=10)
    budget = Budget()
    budget.take_member(limits)
    budget.take_member(limits)
    budget.take_bytes(10, limits)
    assert (budget.members, budget.unpacked_bytes) == (2, 10)
    with pytest.raises(LimitError) as caught:
        budget.take_member(limits)
    assert (caught.value.limit, caught.value.allowed, caught.value.actual) == ("max_members", 2, 3)
    with pytest.raises(LimitError) as caught:
        budget.take_bytes(1, limits)
    assert (caught.value.limit, caught.value.allowed, caught.value.actual) == ("max_unpacked_bytes", 10, 11)

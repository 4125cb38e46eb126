from dataclasses import FrozenInstanceError, fields

import pytest

from gateway import limits
from gateway.limits import KIB, MIB, Limits


def test_units():
    assert (KIB, MIB) == (1024, 1_048_576)


def test_defaults_hold_together():
    defaults = Limits()

    assert defaults.max_body_bytes <= defaults.max_decoded_bytes
    assert defaults.max_member_bytes <= defaults.max_unpacked_bytes
    assert defaults.max_part_header_bytes < defaults.max_body_bytes
    assert defaults.max_body_bytes > 50 * 1000 * 1000  # the largest file that policy lets into a chat


@pytest.mark.parametrize("field", fields(Limits), ids=lambda field: field.name)
def test_every_bound_is_positive_and_says_its_unit(field):
    assert field.default > 0
    assert field.name.startswith("max_") or field.name.endswith(("_s", "_bytes"))


@pytest.mark.parametrize("field", fields(Limits), ids=lambda field: field.name)
def test_every_bound_says_why(field):
    with open(limits.__file__, encoding="utf-8") as file:
        after = file.read().partition(f"    {field.name}: ")[2].splitlines()

    assert after[1].strip().startswith('"""')
    assert len(after[1]) > 20


def test_nobody_changes_a_limit_on_the_way():
    with pytest.raises(FrozenInstanceError):
        Limits().max_depth = 99

import dataclasses

import pytest

from gateway.detect.match import Match


def test_a_match_is_a_frozen_value():
    match = Match("x.y", 1, 3, "ab", 0.5)
    assert (match.person, match.location, match.view) == ("", "", -1)
    assert match == Match("x.y", 1, 3, "ab", 0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        match.value = "cd"

import re

import pytest

from gateway.detect.identifiers.bins import BARE, is_chinese, is_known


@pytest.mark.parametrize(
    ("number", "chinese", "known"),
    [
        pytest.param("6222021234567894", True, True, id="prefix of a bank"),
        pytest.param("6299991234567894", True, False, id="prefix not listed"),
        pytest.param("622202123456789", False, True, id="fifteen digits"),
        pytest.param("62220212345678901234", False, True, id="twenty digits"),
        pytest.param("9558807585582260975", True, True, id="before UnionPay"),
        pytest.param("955880758558226", False, True, id="before UnionPay, wrong length"),
        pytest.param("4111111111111111", False, True, id="international"),
        pytest.param("4367421873580558831", True, True, id="19 digits tell it from an international card"),
    ],
)
def test_prefix(number, chinese, known):
    assert is_chinese(number) is chinese
    assert is_known(number) is known
    assert bool(re.fullmatch(BARE, number)) is chinese

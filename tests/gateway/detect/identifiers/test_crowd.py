import pytest

from gateway.detect.identifiers.cards import PAYMENT_CARD
from tests.samples.detection import values

GOOD, BAD = "4111111111111111", "4111111111111112"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([GOOD], {GOOD}, id="alone"),
        pytest.param([GOOD, BAD], {GOOD}, id="as many pass as fail"),
        pytest.param([GOOD, BAD, BAD], set(), id="most fail"),
        pytest.param(["card " + GOOD, BAD, BAD], {GOOD}, id="most fail, context"),
        pytest.param([BAD, BAD], set(), id="all fail"),
        pytest.param([], set(), id="none"),
    ],
)
def test_crowd(lines, expected):
    assert values(PAYMENT_CARD, "\n\n\n".join(f"{line}{' ' * 60}" for line in lines)) == expected

import random

import pytest

from gateway.detect.identifiers.companies import UsccDetector
from tests.samples import identifiers as samples
from tests.samples.detection import values

USCC = UsccDetector()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("91110000600037341L", {"91110000600037341L"}, id="company"),
        pytest.param("税号:91110000600037341l", {"91110000600037341L"}, id="lower case with context"),
        pytest.param("51310000HD5C68K97W", {"51310000HD5C68K97W"}, id="association"),
        pytest.param("91110000600037341l", set(), id="lower case without context"),
        pytest.param("91110000600037341K", set(), id="check character"),
        pytest.param("91110000600037342L", set(), id="organisation code"),
        pytest.param("91990000600037341L", set(), id="region"),
        pytest.param("B1110000600037341L", set(), id="authority"),
        pytest.param("91110000600037341LA", set(), id="longer"),
        pytest.param("", set(), id="empty"),
    ],
)
def test_uscc(text, expected):
    assert values(USCC, text) == expected


def test_central_bodies_have_no_province():
    code = samples.uscc(random.Random(7), department="11", region="100000")
    assert values(USCC, code) == {code}


def test_generated_codes_are_all_found():
    rng = random.Random(8)
    codes = {samples.uscc(rng) for _ in range(200)}
    assert values(USCC, " ".join(sorted(codes))) == codes


def test_order_numbers_are_no_codes():
    rng = random.Random(9)
    assert values(USCC, "\n".join("91" + samples.digits(rng, 16) for _ in range(5000))) == set()

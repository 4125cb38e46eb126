import random

import pytest

from gateway.detect.identifiers.abroad import IBAN, SSN
from tests.samples import identifiers as samples
from tests.samples.detection import odds, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("GB82WEST12345698765432", {"GB82WEST12345698765432"}, id="compact"),
        pytest.param("GB82 WEST 1234 5698 7654 32", {"GB82WEST12345698765432"}, id="groups"),
        pytest.param("GB82 WEST 1234 5698 7654 32 IS OURS", {"GB82WEST12345698765432"}, id="words behind"),
        pytest.param("NO9386011117947", {"NO9386011117947"}, id="shortest"),
        pytest.param("MT84MALT011000012345MTLCAST001S", {"MT84MALT011000012345MTLCAST001S"}, id="longest of them"),
        pytest.param("GB83WEST12345698765432", set(), id="check digits"),
        pytest.param("GB82WEST1234569876543", set(), id="too short"),
        pytest.param("GB82WEST123456987654321", set(), id="too long"),
        pytest.param("XX82WEST12345698765432", set(), id="no such country"),
        pytest.param("AGB82WEST12345698765432", set(), id="letter in front"),
        pytest.param("gb82west12345698765432", set(), id="lower case"),
    ],
)
def test_iban(text, expected):
    assert values(IBAN, text) == expected


def test_generated_accounts_are_all_found():
    rng = random.Random(11)
    accounts = {samples.iban(rng) for _ in range(100)}
    assert values(IBAN, ",".join(sorted(accounts))) == accounts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("078-05-1120", {"078051120"}, id="hyphens"),
        pytest.param("ssn 078051120", {"078051120"}, id="bare with context"),
        pytest.param("social security: 078 05 1120", {"078051120"}, id="spaces with context"),
        pytest.param("078051120", set(), id="bare"),
        pytest.param("078 05 1120", set(), id="spaces"),
        pytest.param("000-05-1120", set(), id="area 000"),
        pytest.param("666-05-1120", set(), id="area 666"),
        pytest.param("900-05-1120", set(), id="taxpayer number"),
        pytest.param("078-00-1120", set(), id="group 00"),
        pytest.param("078-05-0000", set(), id="serial 0000"),
        pytest.param("1-078-05-1120", set(), id="longer in front"),
        pytest.param("078-05-1120-4", set(), id="longer behind"),
        pytest.param("phone 078-05-1120", set(), id="context against"),
    ],
)
def test_ssn(text, expected):
    assert values(SSN, text) == expected


def test_ssn_in_context_is_surer():
    assert odds(SSN, "078-05-1120") == 0.6
    assert odds(SSN, "SSN 078-05-1120") == 0.95


def test_generated_ssns_are_all_found():
    rng = random.Random(12)
    numbers = {samples.ssn(rng) for _ in range(100)}
    assert values(SSN, "\n".join(sorted(numbers))) == {number.replace("-", "") for number in numbers}

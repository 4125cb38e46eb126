import random
from datetime import date

import pytest
from stdnum import iban, luhn
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

from gateway.detect.identifiers import checks
from tests.samples import identifiers as samples


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        pytest.param("4111111111111111", True, id="sixteen"),
        pytest.param("79927398713", True, id="odd length"),
        pytest.param("4111111111111112", False, id="check digit off by one"),
        pytest.param("1411111111111111", False, id="neighbours swapped"),
        pytest.param("0", True, id="zero"),
    ],
)
def test_luhn(digits, valid):
    assert checks.luhn(digits) is valid


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        pytest.param("11010519491231002X", True, id="the standard's sample"),
        pytest.param("440524188001010014", True, id="the standard's second sample"),
        pytest.param("360426199101010071", True, id="digit"),
        pytest.param("110105194912310021", False, id="digit for X"),
        pytest.param("11010519491231020X", False, id="neighbours swapped"),
    ],
)
def test_resident_id(number, valid):
    assert checks.resident_id(number) is valid


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        pytest.param("20240229", date(2024, 2, 29), id="leap day"),
        pytest.param("20230229", None, id="no leap year"),
        pytest.param("20231301", None, id="month 13"),
        pytest.param("00000101", None, id="year 0"),
    ],
)
def test_day(digits, expected):
    assert checks.day(digits) == expected


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        pytest.param("91110000600037341L", True, id="company"),
        pytest.param("91110000600037341K", False, id="own check"),
        pytest.param("91110000600037342L", False, id="organisation code's check"),
        pytest.param("9111000060003734IL", False, id="letter that is not used"),
    ],
)
def test_uscc(code, valid):
    assert checks.uscc(code) is valid


@pytest.mark.parametrize(
    ("code", "valid"),
    [
        pytest.param("WEST12345698765432GB82", True, id="rearranged account"),
        pytest.param("WEST12345698765432GB83", False, id="check digits"),
    ],
)
def test_mod_97(code, valid):
    assert checks.mod_97(code) is valid


def test_agrees_with_stdnum():
    rng = random.Random(1)
    for _ in range(2000):
        number = samples.digits(rng, rng.randrange(13, 20))
        assert checks.luhn(number) == luhn.is_valid(number)
        number = samples.digits(rng, 18)
        assert checks.resident_id(number) == mod_11_2.is_valid(number)
        account = f"DE{samples.digits(rng, 20)}"
        assert checks.mod_97(account[4:] + account[:4]) == iban.is_valid(account)
        code = samples.uscc(rng)
        assert checks.uscc(code)
        assert uscc.is_valid(code)
        bad = code[:10] + ("1" if code[10] != "1" else "2") + code[11:]
        assert checks.uscc(bad) == uscc.is_valid(bad)

import random

import pytest

from gateway.detect.identifiers.phones import LANDLINE, MOBILE
from tests.samples import identifiers as samples
from tests.samples.detection import odds, values


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("13800138000", id="bare"),
        pytest.param("138-0013-8000", id="hyphens"),
        pytest.param("138 0013 8000", id="spaces"),
        pytest.param("138.0013.8000", id="dots"),
        pytest.param("1380013 8000", id="seven and four"),
        pytest.param("13800 138000", id="five and six"),
        pytest.param("138001 38000", id="six and five"),
        pytest.param("138 001 38000", id="three, three, five"),
        pytest.param("+8613800138000", id="country"),
        pytest.param("+86-138-0013-8000", id="country and hyphens"),
        pytest.param("0086 13800138000", id="international prefix"),
        pytest.param("8613800138000", id="country without plus"),
        pytest.param("(+86) 13800138000", id="brackets"),
        pytest.param("张三13800138000。", id="in Chinese"),
        pytest.param("138–0013–8000", id="en dashes"),
        pytest.param("138　0013　8000", id="ideographic spaces"),
        pytest.param("①③⑧⓪⓪①③⑧⓪⓪⓪", id="ringed digits"),
        pytest.param("١٣٨٠٠١٣٨٠٠٠", id="Arabic-Indic digits"),
        pytest.param("tel 1 3 8 0 0 1 3 8 0 0 0", id="one by one with context"),
        pytest.param("电话幺三八零零幺三八零零零", id="numerals as spoken"),
    ],
)
def test_mobile(text):
    assert values(MOBILE, text) == {"13800138000"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("12800138000", id="prefix 128"),
        pytest.param("15400138000", id="prefix 154 is not given out"),
        pytest.param("138001380001", id="twelve digits"),
        pytest.param("1380013800", id="ten digits"),
        pytest.param("x13800138000", id="letter in front"),
        pytest.param("13800138000x", id="letter behind"),
        pytest.param("3.13800138000", id="decimals"),
        pytest.param("2024-13800138000", id="part of a longer number"),
        pytest.param("ab4f-13800138000", id="part of a UUID"),
        pytest.param("13800138000-1", id="number behind"),
        pytest.param("order 13800138000", id="context against"),
        pytest.param("17179869184", id="16 GiB"),
        pytest.param("0 0 190 5180 5180", id="drawing"),
        pytest.param("viewBox -190 5180 5180", id="negative number"),
        pytest.param("138 0013 8000 22", id="row of numbers"),
        pytest.param("1 3 8 0 0 1 3 8 0 0 0", id="one by one without context"),
    ],
)
def test_no_mobile(text):
    assert values(MOBILE, text) == set()


def test_mobile_in_context_is_surer():
    assert odds(MOBILE, "13800138000") == 0.6
    assert odds(MOBILE, "手机：13800138000") == 0.95
    assert odds(MOBILE, "phone 17179869184") == 0.95


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("13800138000\n23800138000\n23800138001", set(), id="most are other numbers"),
        pytest.param("13800138000\n23800138000", {"13800138000"}, id="half of them"),
        pytest.param("23800138000\n23800138001\n手机 13800138000", {"13800138000"}, id="context"),
        pytest.param("13800138000\n2380013800012\n2380013800112", {"13800138000"}, id="others of another length"),
        pytest.param("8613800138000\n2380013800012\n2380013800112", set(), id="country, among its like"),
        pytest.param("138-0013-8000\n23800138000\n23800138001", {"13800138000"}, id="grouped ones are no column"),
    ],
)
def test_mobile_among_other_numbers(text, expected):
    assert values(MOBILE, text) == expected


def test_generated_mobiles_are_all_found():
    rng = random.Random(4)
    numbers = {samples.mobile(rng) for _ in range(300)}
    assert values(MOBILE, ";".join(sorted(numbers))) == numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("010-62345678", "01062345678", id="Beijing"),
        pytest.param("0755 26345678", "075526345678", id="space"),
        pytest.param("（021）62345678", "02162345678", id="full-width brackets"),
        pytest.param("+86-10-62345678", "01062345678", id="country"),
        pytest.param("0086 755 26345678", "075526345678", id="international prefix"),
        pytest.param("0571-8765 4321", "057187654321", id="two halves"),
        pytest.param("传真 02162345678", "02162345678", id="bare with context"),
        pytest.param("010-62345678-8001", "01062345678", id="extension"),
    ],
)
def test_landline(text, value):
    assert values(LANDLINE, text) == {value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("02162345678", id="bare"),
        pytest.param("2021-62345678", id="year"),
        pytest.param("010-12345678", id="no exchange with 1"),
        pytest.param("a21-010-62345678", id="part of a UUID"),
        pytest.param("010-623456789", id="one digit too many"),
        pytest.param("062-62345678", id="no such area"),
        pytest.param("1234 0755 2634 5678", id="row of groups, last"),
        pytest.param("0755-2634-5678-1234", id="row of groups, first"),
    ],
)
def test_no_landline(text):
    assert values(LANDLINE, text) == set()

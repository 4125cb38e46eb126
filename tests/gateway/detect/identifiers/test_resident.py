import random

import pytest

from gateway.detect.identifiers.resident import ResidentIdDetector
from tests.samples import identifiers as samples
from tests.samples.detection import matches, odds, values

DETECTOR = ResidentIdDetector()
SAMPLE = "11010519491231002X"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SAMPLE, id="bare"),
        pytest.param("11010519491231002x", id="lower-case x"),
        pytest.param("11010519491231002×", id="multiplication sign"),
        pytest.param("11010519491231002Х", id="Cyrillic letter"),
        pytest.param("11010519491231002Ｘ", id="full-width x"),
        pytest.param("11010519491231002Ⅹ", id="Roman ten"),
        pytest.param("１１０１０５１９４９１２３１００２Ｘ", id="full-width"),
        pytest.param("110105 19491231 002X", id="spaced"),
        pytest.param("110105-1949-1231-002X", id="hyphens"),
        pytest.param("110 105 1949 1231 002X", id="threes and fours"),
        pytest.param("1101 0519 4912 3100 2X", id="fours"),
        pytest.param("1 1 0 1 0 5 1 9 4 9 1 2 3 1 0 0 2 X", id="one by one"),
        pytest.param("一一零一零五一九四九一二三一零零二X", id="numerals"),
        pytest.param("1101051949\u200b1231002X", id="zero-width space"),
        pytest.param("ID_11010519491231002X_copy.jpg", id="underscores"),
        pytest.param("编号11010519491231002X身份证", id="context against and for"),
        pytest.param("%31%31%30105%31949%31%32%331002X", id="percent"),
        pytest.param("&#49;&#49;010519491231002X", id="entities"),
        pytest.param("\\u0031\\u003110519491231002X 11010519491231002X", id="backslash"),
        pytest.param("MTEwMTA1MTk0OTEyMzEwMDJYIGlzIHRoZSBudW1iZXI=", id="base64"),
        pytest.param("证件号码 110105491231002", id="15 digits with context"),
    ],
)
def test_finds(text):
    assert values(DETECTOR, text) == {SAMPLE}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("110105194912310021", id="check character"),
        pytest.param("110105194902310024", id="31 February"),
        pytest.param("990105194912310028", id="region"),
        pytest.param("110105194912310029", id="check digit"),
        pytest.param("0.11010519491231002X", id="decimals"),
        pytest.param("a11010519491231002X", id="letter in front"),
        pytest.param("11010519491231002Xa", id="letter behind"),
        pytest.param("111010519491231002X", id="digit in front"),
        pytest.param("11010519491231002X.5", id="decimals behind"),
        pytest.param("110105491231002", id="15 digits without context"),
        pytest.param("身份证 110105490231002", id="15 digits, 31 February"),
        pytest.param("身份证 990105491231002", id="15 digits, region"),
        pytest.param("order no 11010519491231002X", id="context against"),
        pytest.param("440524188001010014", id="born in 1880, no context"),
        pytest.param("", id="empty"),
    ],
)
def test_ignores(text):
    assert values(DETECTOR, text) == set()


def test_future_birth_is_no_number():
    front = "11010520991231"
    numbers = [f"{front}00{last}{check}" for last in range(10) for check in "0123456789X"]
    assert values(DETECTOR, "身份证\n" + "\n".join(numbers)) == set()


def test_old_birth_counts_with_context():
    assert values(DETECTOR, "身份证 440524188001010014") == {"440524188001010014"}


def test_context_decides_the_odds():
    assert odds(DETECTOR, SAMPLE) == 0.8
    assert odds(DETECTOR, f"身份证号：{SAMPLE}") == 0.98
    assert odds(DETECTOR, f"姓名,身份证号\n张三,{SAMPLE}") == 0.98


def test_each_number_is_a_person():
    (match,) = matches(DETECTOR, f"x {SAMPLE}")
    assert (match.person, match.start, match.end) == (f"id:{SAMPLE}", 2, 20)


def test_generated_numbers_are_all_found():
    rng = random.Random(2)
    numbers = {samples.resident_id(rng) for _ in range(300)}
    assert values(DETECTOR, "\n".join(sorted(numbers))) == numbers


def test_numbers_that_mostly_fail_need_context():
    rng = random.Random(3)
    rows = [f"11010520240101{rng.randrange(10_000):04d}" for _ in range(500)]
    assert values(DETECTOR, "\n".join(rows)) == set()
    assert SAMPLE in values(DETECTOR, "\n".join((*rows, f"身份证 {SAMPLE}")))


@pytest.mark.parametrize("gap", [" ", "\n", "\r\n", "\r\n  ", "\t", ",", "/", "、", "|"], ids=repr)
def test_one_break_anywhere(gap):
    number = "11010519491231002X"
    for at in range(1, 18):
        assert number in values(DETECTOR, f"客户 {number[:at]}{gap}{number[at:]} 已核对"), at


def test_columns_of_numbers_are_no_broken_ones():
    rows = "\n".join(f"{110105 + n},{194901010000 + n * 7919:012d}" for n in range(3000))
    assert len(values(DETECTOR, rows)) == 0

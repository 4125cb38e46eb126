import random

import pytest

from gateway.detect.identifiers.cards import BANK_CARD, PAYMENT_CARD
from tests.samples import identifiers as samples
from tests.samples.detection import matches, odds, values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("4111111111111111", "4111111111111111", id="Visa"),
        pytest.param("4111-1111-1111-1111", "4111111111111111", id="hyphens"),
        pytest.param("4111 1111 1111 1111.", "4111111111111111", id="spaces"),
        pytest.param("5555555555554444", "5555555555554444", id="Mastercard"),
        pytest.param("2221142395606428", "2221142395606428", id="Mastercard 2-series"),
        pytest.param("378282246310005", "378282246310005", id="American Express"),
        pytest.param("3782 822463 10005", "378282246310005", id="American Express, grouped"),
        pytest.param("6011783516383499", "6011783516383499", id="Discover"),
        pytest.param("3530667622158664", "3530667622158664", id="JCB"),
        pytest.param("36453268423695", "36453268423695", id="Diners"),
        pytest.param("3645 326842 3695", "36453268423695", id="Diners, grouped"),
        pytest.param("pan=4111111111111111&x", "4111111111111111", id="query"),
        pytest.param('"4111111111111111"', "4111111111111111", id="quoted"),
        pytest.param("visa 4222222222222", "4222222222222", id="thirteen digits with context"),
        pytest.param("card: 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111111111111111", id="one by one with context"),
    ],
)
def test_payment_card(text, value):
    assert values(PAYMENT_CARD, text) == {value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("4111111111111112", id="check digit"),
        pytest.param("411111111111116", id="length 15 for Visa"),
        pytest.param("9111111111111116", id="issuer"),
        pytest.param("4222222222222", id="thirteen digits without context"),
        pytest.param("0000000000000000", id="zeros"),
        pytest.param("4111111111111111x", id="letter behind"),
        pytest.param("x4111111111111111", id="letter in front"),
        pytest.param("41111111111111111", id="one digit more"),
        pytest.param("0.4111111111111111", id="decimals"),
        pytest.param("[.4111111111111111]", id="decimals without zero"),
        pytest.param("4111111111111111.0", id="float"),
        pytest.param("00a1-4111111111111111", id="part of a UUID"),
        pytest.param("4111111111111111-a0", id="part of a UUID, front"),
        pytest.param("1234 4111 1111 1111 1111", id="more groups in front"),
        pytest.param("4111 1111 1111 1111 1234", id="more groups behind"),
        pytest.param("order 4111111111111111", id="context against"),
        pytest.param("6222028297957156833", id="a Chinese bank's"),
        pytest.param("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", id="one by one without context"),
    ],
)
def test_no_payment_card(text):
    assert values(PAYMENT_CARD, text) == set()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("6222028297957156833", "6222028297957156833", id="nineteen"),
        pytest.param("6225 8806 4574 7107", "6225880645747107", id="sixteen in fours"),
        pytest.param("6228 4804 7201 1878 130", "6228480472011878130", id="nineteen in fours"),
        pytest.param("622848 0472011878130", "6228480472011878130", id="prefix and rest"),
        pytest.param("9558807585582260975", "9558807585582260975", id="before UnionPay"),
        pytest.param("4367421873580558831", "4367421873580558831", id="before UnionPay, looks like Visa"),
        pytest.param("6299997113264851", "6299997113264851", id="unlisted prefix"),
    ],
)
def test_bank_card(text, value):
    assert values(BANK_CARD, text) == {value}
    assert values(PAYMENT_CARD, text) == set()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("6222028297957156834", id="check digit"),
        pytest.param("622202829795715", id="fifteen digits"),
        pytest.param("运单 6222028297957156833", id="context against"),
        pytest.param("4111111111111111", id="international"),
        pytest.param("6222 0282 9795 7156 8331", id="twenty digits"),
    ],
)
def test_no_bank_card(text):
    assert values(BANK_CARD, text) == set()


def test_unlisted_prefix_is_less_sure():
    assert odds(BANK_CARD, "6222028297957156833") == 0.65
    assert odds(BANK_CARD, "6299997113264851") == pytest.approx(0.4875)
    assert odds(BANK_CARD, "卡号 6299997113264851") == 0.95


@pytest.mark.parametrize(("prefix", "length"), [("4", 16), ("53", 16), ("34", 15), ("65", 16), ("3589", 16)])
def test_generated_cards_are_all_found(prefix, length):
    rng = random.Random(5)
    numbers = {samples.card(rng, prefix, length) for _ in range(100)}
    assert values(PAYMENT_CARD, "\n".join(sorted(numbers))) == numbers


def test_random_numbers_are_no_cards():
    rng = random.Random(6)
    numbers = "\n".join(f"{samples.digits(rng, 16)},{samples.digits(rng, 19)}" for _ in range(5000))
    assert values(PAYMENT_CARD, numbers) == set()
    assert values(BANK_CARD, numbers) == set()


def test_runs_in_bytes_need_context():
    noise = bytes(range(128, 256))
    assert matches(PAYMENT_CARD, data=noise + b"version 4111111111111111 of it" + noise) == []
    (match,) = matches(PAYMENT_CARD, data=noise + b"card no 4111111111111111 of it" + noise)
    assert match.value == "4111111111111111"

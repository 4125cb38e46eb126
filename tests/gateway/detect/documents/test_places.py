"""Where terms stand."""

import time

import pytest

from gateway.detect.documents.places import Places


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("合同", "合同与合同书", [(0, 2), (3, 5)]),
        ("合同", "协议", []),
        ("合同", "", []),
        ("甲 方", "甲方 甲  方 甲乙方", [(0, 2), (3, 7)]),
        ("甲方(盖章)", "甲方 甲方（盖章）", [(3, 9)]),
        ("Party A", "party a, PARTY\tA, partya", [(0, 7), (9, 16)]),
        ("Contract", "contractor Contract", [(11, 19)]),
        ("Agreement", "İ agreement", [(2, 11)]),
        ("11", "111 11", [(0, 2), (4, 6)]),
    ],
)
def test_places_of_a_term(term: str, text: str, expected: list[tuple[int, int]]) -> None:
    assert list(Places(text).of(term)) == expected


def test_several_english_terms_in_one_text() -> None:
    places = Places("Buyer and Seller")
    assert [list(places.of(term)) for term in ("seller", "buyer")] == [[(10, 16)], [(0, 5)]]


@pytest.mark.parametrize(
    ("terms", "text", "expected"),
    [
        (("秘密", "商业秘密"), "商业秘密，秘密", [(0, 4, "商业秘密"), (5, 7, "秘密")]),
        (("ab甲", "甲乙"), "ab甲乙", [(0, 3, "ab甲")]),
        (("甲", "乙"), "乙甲", [(0, 1, "乙"), (1, 2, "甲")]),
        (("甲", "乙"), "丙", []),
        ((), "甲", []),
    ],
)
def test_merged_places_rise_and_do_not_overlap(
    terms: tuple[str, ...], text: str, expected: list[tuple[int, int, str]]
) -> None:
    assert list(Places(text).merged(terms)) == expected


@pytest.mark.parametrize("text", ["甲" * 400_000, "甲 " * 200_000, "a" * 400_000, "合" * 400_000])
def test_hostile_texts_take_linear_time(text: str) -> None:
    begin = time.process_time()
    for term in ("甲 方", "aaaa b", "合同"):
        assert list(Places(text).of(term)) == []
    assert time.process_time() - begin < 5

"""Words of signature files as triggers and patterns."""

import pytest

from gateway.detect.detector import Document, View
from gateway.detect.documents.terms import (
    any_of,
    canonical,
    compiled,
    fold,
    present,
    readable,
    term_pattern,
    trigger,
    triggers,
    woken_by,
)
from gateway.detect.matcher import Matcher
from gateway.parts import Part

PART = Part("a", "a", 0, "", "", "text/plain", b"")


@pytest.mark.parametrize(
    ("term", "text", "matches"),
    [
        ("合同", "采购合同书", True),
        ("合同", "合　同", False),
        ("甲 方", "甲方：", True),
        ("甲 方", "甲 　 方：", True),
        ("甲 方", "甲     方", False),
        ("Party A", "PARTY  A:", True),
        ("Party A", "PartyA", False),
        ("甲方(盖章):", "甲方（盖章）：", True),
        ("甲方（盖章）：", "甲方(盖章):", True),
        ("C++", "c++ source", True),
        ("a.b", "axb", False),
    ],
)
def test_a_term_means_the_same_to_the_fast_pass_and_to_the_second_look(term: str, text: str, matches: bool) -> None:
    assert bool(Matcher([trigger(term)]).scan_text(text).ends) is matches
    assert (compiled(term_pattern(fold(term))).search(text) is not None) is matches


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("Contract", "the contract.", "contract"),
        ("Contract", "contract_no", "contract"),
        ("Contract", "CONTRACTOR", None),
        ("Contract", "Contractor", None),
        ("Contract", "subcontract", None),
        ("Address", "billingAddress2", "Address"),
        ("Name", "customerNameList", "Name"),
        ("Name", "rename", None),
        ("电话", "联系电话1", "电话"),
    ],
)
def test_english_terms_are_whole_words_also_in_names_of_columns(term: str, text: str, expected: str | None) -> None:
    hit = compiled(any_of((term,))).search(text)
    assert (hit and hit[0]) == expected


def test_the_longest_of_several_terms_is_taken() -> None:
    assert compiled(any_of(("秘密", "商业秘密"))).findall("商业秘密、秘密") == ["商业秘密", "秘密"]


@pytest.mark.parametrize(("text", "expected"), [("Party  A", "partya"), ("甲　方", "甲方"), ("", "")])
def test_canonical(text: str, expected: str) -> None:
    assert canonical(text) == expected


def test_present_terms_keep_their_order() -> None:
    terms = ("甲方", "乙方", "丙方")
    assert present(terms, {trigger("丙方"), trigger("甲方"), trigger("不在")}) == ["甲方", "丙方"]
    assert present((), {trigger("甲方")}) == []


def test_triggers_of_all_groups() -> None:
    assert list(triggers({"a": ["甲方"], "b": ["乙方", "甲 方"]})) == [
        trigger("甲方"),
        trigger("乙方"),
        trigger("甲 方"),
    ]


def test_base64_and_bytes_are_read_other_readings_are_not() -> None:
    views = [View("page", hits={trigger("甲"): [1]})]
    extras = [
        View("x", kind=kind, hits={trigger(kind): [1]}) for kind in ("raw", "base64", "joined", "bytes", "decoded")
    ]
    document = Document(PART, tuple(views), tuple(extras))
    assert [(index, view.kind) for index, view in readable(document)] == [(0, "text"), (2, "base64"), (4, "bytes")]
    assert woken_by(document) == {trigger("甲"), trigger("base64"), trigger("bytes")}


def test_a_document_without_readings_wakes_nothing() -> None:
    assert woken_by(Document(PART, ())) == set()

"""Documents by weighted evidence."""

import time

import pytest

from gateway.detect.documents.evidence import EvidenceDetector
from tests.samples.cases import cases_of
from tests.samples.documents import found, made_up, shipped

DETECTOR = EvidenceDetector()
KINDS = ("doc.contract", "doc.strategy", "doc.resume", "doc.hr-file")
TERMS = {
    "title": ["协议", "补充协议"],
    "labels": ["甲 方", "乙 方"],
    "defined": ["Buyer"],
    "headings": ["付款"],
    "phrases": ["各执一份"],
    "against": ["示例"],
    "blank": ["某公司"],
}
WEIGHTS = {"title": 4, "labels": 2, "defined": 2, "headings": 1, "phrases": 1, "against": -3, "score": 4}


@pytest.mark.parametrize(("name", "text", "count"), cases_of(*KINDS))
def test_cases_of_the_shipped_signatures(name: str, text: str, count: int) -> None:
    assert len({match.value for match in found(DETECTOR, shipped()[name], text)}) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # confidence: 0.5 at a score of 4, 0.9 from 6 on
        ("协议", 0.5),
        ("补充协议", 0.5),
        ("协议\n各执一份", 0.7),
        ("协议\n一、付款 三十日", 0.7),
        ("协议\n甲方：远航公司", 0.9),
        ("甲方：远航公司　乙方：青禾公司", 0.5),
        ("甲 方\t远航公司\n乙 方\t青禾公司", 0.5),
        ("甲方（章）：\n远航公司\n乙方=青禾公司", 0.5),
        ('{"甲方": "远航公司", "乙方": "青禾公司"}', 0.5),
        ('Quarry Tools (hereinafter the "Buyer")\n甲方：远航公司', 0.5),
        ("协议\n示例", None),
        ("按照协议，我们明天到。", None),
        ("  " * 800 + "协议", None),
        ("甲方：____　乙方：____", None),
        ("甲方：某公司　乙方：青禾公司", None),
        ("甲方：　　　　乙方：", None),
        ("甲方：\n乙方：", None),
        ("甲方：\n第一条 付款\n乙方：\n1. 交货", None),
        ('____ ("Buyer")\n甲方：远航公司', None),
        ("Buyer 甲方：远航公司", None),
        ("先付款 各执一份 甲方", None),
        ("", None),
    ],
)
def test_what_counts_as_evidence(text: str, expected: float | None) -> None:
    matches = found(DETECTOR, made_up(DETECTOR.key, TERMS, WEIGHTS), text)
    assert [match.confidence for match in matches] == ([] if expected is None else [expected])


def test_evidence_adds_up_over_pages_and_the_title_is_the_place() -> None:
    signature = made_up(DETECTOR.key, TERMS, WEIGHTS | {"need.filled": 2, "need.title": 1})
    matches = found(DETECTOR, signature, "甲方：远航公司", "乙方：青禾公司\n\n", "封面\n补充协议\n")
    assert [(m.start, m.end, m.view, m.value) for m in matches] == [
        (3, 7, 2, "test.signature|补充协议|远航公司|青禾公司")
    ]
    assert found(DETECTOR, signature, "甲方：远航公司", "封面\n补充协议\n付款\n各执一份") == []
    assert found(DETECTOR, signature, "甲方：远航公司", "乙方：青禾公司", "付款\n各执一份") == []


def test_two_documents_of_a_kind_are_two_values() -> None:
    texts = ("甲方：远航公司　乙方：青禾公司", "甲方：远航公司　乙方：松岭公司")
    values = {match.value for text in texts for match in found(DETECTOR, made_up(DETECTOR.key, TERMS, WEIGHTS), text)}
    assert len(values) == 2


def test_few_of_many_filled_values_are_kept() -> None:
    labels = [f"标签{char}" for char in "甲乙丙丁戊己"]
    signature = made_up(DETECTOR.key, {"labels": labels}, {"labels": 1, "score": 6})
    matches = found(DETECTOR, signature, "\n".join(f"{label}：第{label[-1]}值" for label in labels))
    assert [match.value for match in matches] == ["test.signature|第甲值|第乙值|第丙值|第丁值"]


def test_base64_is_a_page_too() -> None:
    signature = made_up(DETECTOR.key, TERMS, WEIGHTS)
    assert [m.view for m in found(DETECTOR, signature, "无", extras=(("joined", "协议"), ("base64", "协议")))] == [2]


@pytest.mark.parametrize(
    ("terms", "thresholds", "message"),
    [
        ({"words": ["甲"]}, {"words": 1, "score": 1}, "terms.words is not one of title, labels"),
        ({"labels": ["甲"]}, {"score": 1}, "thresholds.labels .* is missing"),
        ({"labels": ["甲"]}, {"labels": 1}, "thresholds.score is missing or not over 0"),
        ({"labels": ["甲"]}, {"labels": 1, "score": 0}, "thresholds.score is missing or not over 0"),
    ],
)
def test_a_signature_with_data_that_means_nothing_is_refused(
    terms: dict[str, list[str]], thresholds: dict[str, float], message: str
) -> None:
    signature = made_up(DETECTOR.key, terms, thresholds)
    with pytest.raises(ValueError, match=message):
        list(DETECTOR.triggers({signature.name: signature}))


@pytest.mark.parametrize(
    "unit", ["甲方:ab 乙方:", "合同编号:\n", "(以下简称", "甲方(", "第一条", "合同 ", "(hereinafter Buyer "], ids=repr
)
def test_hostile_texts_take_linear_time(unit: str) -> None:
    text = "采购合同\n合同编号 甲方 乙方 违约责任 争议解决 本合同 各执一份 " + unit * (60_000 // len(unit))
    begin = time.process_time()
    found(DETECTOR, shipped()["doc.contract"], text)
    assert time.process_time() - begin < 5

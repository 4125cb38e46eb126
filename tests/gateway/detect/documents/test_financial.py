"""Unpublished figures."""

import time

import pytest

from gateway.detect.documents.financial import FinancialDetector
from tests.samples.cases import cases_of
from tests.samples.documents import found, made_up, shipped

DETECTOR = FinancialDetector()
TERMS = {
    "title": ["利润表"],
    "items": ["营业收入", "净利润", "存 货"],
    "unpublished": ["未公布", "草案"],
    "published": ["证券代码", "公告编号"],
}
WEIGHTS = {"title": 2, "rows": 2, "figures": 1, "unpublished": 3, "published": -4, "score": 4, "items": 2}


@pytest.mark.parametrize(("name", "text", "count"), cases_of("doc.financial"))
def test_cases_of_the_shipped_signature(name: str, text: str, count: int) -> None:
    assert len({match.value for match in found(DETECTOR, shipped()[name], text)}) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # confidence: 0.5 at a score of 4, 0.9 from 8 on
        ("营业收入\t120,000\n净利润\t8,000", 0.5),
        ("营业收入 120000\n净利润 8000", None),
        ("一、营业收入,120000.5\n减：存货|12345", 0.5),
        ("1. 营业收入 (2024 年) 8.5 亿元\n其中：净利润 3 万", 0.5),
        ("利润表\n营业收入\t120,000\n净利润\t8,000", 0.7),
        ("未公布：公司全年营业收入 8.5 亿元，净利润 3200 万元。", 0.6),
        ("公司全年营业收入 8.5 亿元，净利润 3200 万元。", None),
        ("未公布 草案\n证券代码 公告编号\n营业收入\t120,000\n净利润\t8,000", 0.7),
        ("利润表\n证券代码\n营业收入\t120,000\n净利润\t8,000", None),
        ("利润表 未公布\n营业收入\t120,000", None),
        ("利润表 未公布\n营业收入\t120,000\n营业收入\t130,000\n净利润", None),
        ("利润表\n营业收入\n净利润\n存货\n", None),
        ("说了很久很久很久很久很久很久很久很久很久很久很久很久很久的营业收入 120,000 和净利润 8,000", None),
        ("", None),
    ],
)
def test_what_counts(text: str, expected: float | None) -> None:
    matches = found(DETECTOR, made_up(DETECTOR.key, TERMS, WEIGHTS), text)
    assert [match.confidence for match in matches] == ([] if expected is None else [expected])


def test_items_add_up_over_pages_and_the_first_is_the_place() -> None:
    signature = made_up(DETECTOR.key, TERMS, WEIGHTS)
    matches = found(
        DETECTOR, signature, "无", "净利润\t8,000", "营业收入\t1,000\n营业收入\t2,000\n营业收入\t3,000\n存货\t4,000"
    )
    assert [(m.start, m.end, m.view, m.value) for m in matches] == [(0, 3, 1, "test.signature|8,000|1,000|2,000|3,000")]


@pytest.mark.parametrize(
    ("terms", "thresholds", "message"),
    [
        ({**TERMS, "items": []}, WEIGHTS, "terms.items missing"),
        (TERMS, {"score": 1}, "thresholds.title, thresholds.rows, .* missing"),
    ],
)
def test_incomplete_data_is_refused(terms: dict[str, list[str]], thresholds: dict[str, float], message: str) -> None:
    signature = made_up(DETECTOR.key, terms, thresholds)
    with pytest.raises(ValueError, match=message):
        list(DETECTOR.triggers({signature.name: signature}))


@pytest.mark.parametrize("unit", ["净利润 ", "净利润" + " " * 39, "1,234", "净利润 2024 ", "一、", "净利润1"], ids=repr)
def test_hostile_texts_take_linear_time(unit: str) -> None:
    text = "利润表 营业收入 净利润 存货 资产总计 " + unit * (60_000 // len(unit))
    begin = time.process_time()
    found(DETECTOR, shipped()["doc.financial"], text)
    assert time.process_time() - begin < 5

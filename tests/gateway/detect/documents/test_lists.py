"""Lists of persons and companies."""

import time

import pytest

from gateway.detect.documents.lists import ListDetector
from tests.samples.cases import cases_of
from tests.samples.documents import found, made_up, shipped

DETECTOR = ListDetector()
KINDS = ("doc.customer-list", "doc.payroll", "doc.staff-list")
TERMS = {
    "none": ["客户数"],
    "phone": ["电话"],
    "email": ["邮箱"],
    "address": ["地址"],
    "date": ["日期"],
    "amount-pay": ["金额"],
    "customer": ["客户"],
    "facts": ["等级"],
}
WEIGHTS = {
    "phone": 2,
    "email": 2,
    "address": 2,
    "date": 1,
    "amount-pay": 1,
    "customer": 3,
    "facts": 1,
    "score": 5,
    "rows": 2,
}
ROW = "远航,13900010001\n青禾,13900010002"


@pytest.mark.parametrize(("name", "text", "count"), cases_of(*KINDS))
def test_cases_of_the_shipped_signatures(name: str, text: str, count: int) -> None:
    assert len({match.value for match in found(DETECTOR, shipped()[name], text)}) == count


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (f"客户,电话\n{ROW}", 2),
        (f"客户,电话\n{ROW}\n远航,13900010001", 2),
        (f"客户,电话\n---,---\n\n{ROW}", 2),
        (f"客户,电话\n{ROW}\n\n\n\n汉拓,13900010003", 2),
        (f"客户,电话\n{ROW}\n一句话\n两句话\n三句话\n汉拓,13900010003", 2),
        (f"客户,电话\n{ROW}\n客户,电话\n汉拓,13900010003\n北辰,13900010004", 4),
        ("客户,备注,电话\n远航,,13900010001\n青禾,新,13900010002", 2),
        ("客户,邮箱\n远航,a@b.example\n青禾,c@d.example", 2),
        ("客户,地址\n远航,工业路 8 号\n青禾,港口路 12 号", 2),
        ("客户,日期,金额\n远航,2025-01-02,12.50\n青禾,2025年1月3日,¥1,200", 2),
        ("客户;日期;金额\n远航;2025-01-02;12.50\n青禾;2025年1月3日;¥1,200 元", 2),
        ("客户 电话\n远航 13900010001\n青禾 13900010002", 2),
        ("客户 金额 日期\n远航 12.5 2025-01-02\n青禾 8.0 2025-01-03", 2),
        ("客户 金额 日期\n远航 请看 附件\n青禾 请看 附件", 0),
        (f"客户,电话\n{ROW.splitlines()[0]}", 0),
        ("客户,电话\n,13900010001\n,13900010002", 0),
        ("客户,电话\n远航,无\n青禾,无", 0),
        ("客户,邮箱\n远航,@\n青禾,无", 0),
        ("客户,地址\n远航,123456\n青禾,无", 0),
        (f"客户数,电话\n{ROW}", 0),
        (f"电话,邮箱,地址\n{ROW}", 0),
        (f"客户,这一格里的话太长了所以它不会是电话这一列的名字而是一句话电话\n{ROW}", 0),
        ("客户,电话," + "x" * 2000 + f"\n{ROW}", 0),
        ("客户：远航 电话：13900010001\n客户：青禾 电话：13900010002", 2),
        ("客户：远航\n客户：青禾\n电话：13900010001\n电话：无", 0),
        ("客户：远航 电话：13900010001", 0),
        ("客户：远航 电话：13900010001 等级：甲等\n客户：青禾 电话：13900010002 等级：乙等", 2),
        ("客户数：120 电话：13900010001\n客户数：130 电话：13900010002", 0),
        ("客户等级：甲 等级：乙\n电话：13900010001 电话：13900010002", 0),
        ("客户 电话", 0),
        ("", 0),
    ],
)
def test_rows_that_count(text: str, rows: int) -> None:
    matches = found(DETECTOR, made_up(DETECTOR.key, TERMS, WEIGHTS), text)
    assert len({match.value for match in matches}) == len(matches)
    assert len(matches) == rows


def test_a_table_is_surer_than_records_and_knows_its_lines() -> None:
    signature = made_up(DETECTOR.key, TERMS, WEIGHTS)
    table = found(DETECTOR, signature, "无", f"客户,电话\n{ROW}")
    assert [(m.start, m.end, m.view, m.value, m.confidence) for m in table] == [
        (6, 20, 1, "远航|13900010001", 0.9),
        (21, 35, 1, "青禾|13900010002", 0.9),
    ]
    records = found(DETECTOR, signature, "客户：远航 电话：13900010001\n客户：青禾 电话：13900010002")
    assert [(m.start, m.end, m.value, m.confidence) for m in records] == [(3, 5, "远航", 0.5), (24, 26, "青禾", 0.5)]


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN:VCARD\nFN:A. Reed\nTEL;TYPE=CELL:+44 20 7946 0001\nEND:VCARD\nBEGIN:VCARD\nFN:B. Holm\nTEL;TYPE=CELL:+44 20 7946 0002\nEND:VCARD",
        "<row><Name>A. Reed</Name><Tel>+44 20 7946 0001</Tel></row><row><Name>B. Holm</Name><Tel>+44 20 7946 0002</Tel></row>",
        'customerName = "A. Reed"; customerTel = "2079460001";\ncustomerName = "B. Holm"; customerTel = "2079460002";',
    ],
    ids=["vcard", "xml", "camel case"],
)
def test_records_of_other_formats(text: str) -> None:
    terms = {"phone": ["Tel"], "who": ["FN", "Name"]}
    signature = made_up(DETECTOR.key, terms, {"phone": 2, "who": 3, "score": 5, "rows": 2})
    assert [match.value for match in found(DETECTOR, signature, text)] == ["a.reed", "b.holm"]


@pytest.mark.parametrize("missing", ["phone", "score", "rows"])
def test_a_signature_without_a_threshold_is_refused(missing: str) -> None:
    thresholds = {"phone": 1.0, "score": 1.0, "rows": 1.0}
    del thresholds[missing]
    signature = made_up(DETECTOR.key, {"phone": ["电话"]}, thresholds)
    with pytest.raises(ValueError, match=f"thresholds.{missing} is missing"):
        list(DETECTOR.triggers({signature.name: signature}))


@pytest.mark.parametrize(
    "unit",
    ["客户,电话\n", "客户 电话 ", "客户:电话:", '客户,"电话",', "客户,电话\n\n", "电话：1390001", "客户\n"],
    ids=repr,
)
def test_hostile_texts_take_linear_time(unit: str) -> None:
    text = "客户,电话,邮箱,地址\n" + unit * (60_000 // len(unit))
    begin = time.process_time()
    found(DETECTOR, shipped()["doc.customer-list"], text)
    assert time.process_time() - begin < 5


APART = "x = 1\n" * 100
"""More than a record is long."""
LABELS = [f"客户: 远航{n}号\n" for n in range(2)], [f"电话: 1390001000{n}\n" for n in range(2)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("".join(a + b for a, b in zip(*LABELS, strict=True)), 2, id="one record behind the other"),
        pytest.param("".join(b + a for a, b in zip(*LABELS, strict=True)), 2, id="the subject last"),
        pytest.param(APART.join([*LABELS[0], *LABELS[1]]), 0, id="labels that stand alone, as in a program"),
        pytest.param("".join(LABELS[1]) + APART.join(["", *LABELS[0]]), 0, id="values of nobody"),
    ],
)
def test_a_record_holds_its_values_together(text: str, rows: int) -> None:
    signature = made_up("x", TERMS, WEIGHTS)
    assert len(found(DETECTOR, signature, text)) == rows

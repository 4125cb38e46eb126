"""Technical drawings."""

import time

import pytest

from gateway.detect.documents.drawing import DrawingDetector, format_of
from tests.samples.cases import cases_of
from tests.samples.documents import found, made_up, shipped

DETECTOR = DrawingDetector()
SHEET = "图号 A-1\n比例 1:2\n设计\n审核\n批准"


@pytest.mark.parametrize(("name", "text", "count"), cases_of("doc.technical-drawing"))
def test_cases_of_the_shipped_signature(name: str, text: str, count: int) -> None:
    assert len({match.value for match in found(DETECTOR, shipped()[name], text, data=text.encode())}) == count


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"AC1032\x00\x00", "dwg"),
        (b"AC1009\x00", "dwg"),
        (b"AC1032 text", ""),
        (b"AC1099\x00", ""),
        (b" AC1032\x00", ""),
        (b"AutoCAD Binary DXF\r\n\x1a\x00rest", "dxf"),
        (b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n", "dxf"),
        (b"\xef\xbb\xbf0\nSECTION\n2\nENTITIES\n", "dxf"),
        (b"999\nmade by a tool\n  0\nSECTION\n", "dxf"),
        (b"0\nSECTIONS\n", ""),
        (b"ISO-10303-21;\nHEADER;", "step"),
        (b"\xef\xbb\xbf\n ISO-10303-21;", "step"),
        (b"see ISO-10303-21;", ""),
        (b"Start of the file".ljust(72) + b"S      1\n", "iges"),
        (b"Start of the file".ljust(72) + b"G      1\n", ""),
        (b"**ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz**", "parasolid"),
        (b"Version 9.5 JT  DM 7.2", "jt"),
        (b"Version 9.5 of the manual", ""),
        (b"", ""),
    ],
)
def test_formats(data: bytes, expected: str) -> None:
    assert format_of(data) == expected
    assert format_of(memoryview(data)) == expected


def test_every_cut_of_a_file_is_read() -> None:
    data = b"AC1032\x00\x00\x00"
    assert [format_of(data[:length]) for length in range(len(data) + 1)] == [""] * 7 + ["dwg"] * 3


def test_a_file_without_text_is_a_drawing() -> None:
    matches = found(DETECTOR, shipped()["doc.technical-drawing"], data=b"AC1032\x00")
    assert [(m.value, m.confidence, m.start, m.end) for m in matches] == [("dwg:" + "0" * 64, 0.95, 0, 0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # confidence: 0.5 with either a note or many fields, 0.9 with both
        (SHEET, 0.5),
        (SHEET + "\n去毛刺", 0.9),
        ("图号 A-1\n比例 1:2\n设计\n去毛刺", 0.5),
        ("图号 A-1\n比例 1:2\n设计", None),
        ("图号 A-1\n比例\n设计\n审核\n批准", None),
        ("比例 1:2\n设计\n审核\n批准\n校核\n去毛刺", None),
        (SHEET + "\n" + "说明" * 10_000, None),
        ("图号、比例1:2、设计、审核、批准", None),
    ],
)
def test_sheets_by_their_title_block(text: str, expected: float | None) -> None:
    terms = {"anchors": ["图号"], "block": ["图 号", "比 例", "设计", "审核", "批准", "校核"], "notes": ["去毛刺"]}
    signature = made_up(DETECTOR.key, terms, {"block": 5, "noted": 3})
    assert [match.confidence for match in found(DETECTOR, signature, "无", text)] == (
        [] if expected is None else [expected]
    )


@pytest.mark.parametrize(
    ("terms", "thresholds", "message"),
    [
        ({"anchors": ["图号"], "block": ["图号"]}, {"block": 1, "noted": 1}, "terms.notes missing"),
        ({"anchors": ["图号"], "block": ["图号"], "notes": ["x"]}, {"block": 1}, "thresholds.noted missing"),
    ],
)
def test_incomplete_data_is_refused(terms: dict[str, list[str]], thresholds: dict[str, float], message: str) -> None:
    signature = made_up(DETECTOR.key, terms, thresholds)
    with pytest.raises(ValueError, match=message):
        DETECTOR.triggers({signature.name: signature})


@pytest.mark.parametrize("unit", [b"999\n\n", b" ", b"\t0\n", b"0\n"], ids=repr)
def test_hostile_heads_take_bounded_time(unit: bytes) -> None:
    begin = time.process_time()
    assert format_of(unit * 1_000_000) == ""
    assert time.process_time() - begin < 1

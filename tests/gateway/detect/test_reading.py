import pytest

from gateway.detect.detector import Trigger
from gateway.detect.reading import NAME, Reader
from gateway.parts import Part, Text
from tests.samples.detection import TODAY, part

NUMBER, MARK = Trigger(r"(?:^|[^0-9])[0-9]{11}(?:[^0-9]|\z)"), Trigger("机密")
READER = Reader([NUMBER, MARK])
ENCODED = "MTM4MDAxMzgwMDAgaXMgaGlzIG51bWJlcg=="


def document(*texts, data=b"", name="file.bin"):
    return READER.document(part(*texts, data=data, name=name), today=TODAY)[0]


@pytest.mark.parametrize(
    ("text", "kinds", "numbers"),
    [
        pytest.param("plain 13800138000", ["text"], [17], id="plain"),
        pytest.param("１３８００１３８０００", ["text"], [11], id="folded"),
        pytest.param("1380013\u200b8000", ["text", "raw"], [11], id="invisible"),
        pytest.param("long enough, tel %3138%300138000", ["text", "decoded"], [28], id="decoded"),
        pytest.param("%31%33%38%30%30%31%33%38%30%30%30", ["text", "decoded"], [11], id="mostly escaped"),
        pytest.param(f"see {ENCODED}", ["text", "base64"], [12], id="base64"),
        pytest.param("1 3 8 0 0 1 3 8 0 0 0", ["text", "joined"], [12], id="joined"),
        pytest.param("一三八零零一三八零零零", ["text", "joined"], [12], id="numerals"),
        pytest.param("100%25", ["text", "decoded"], [], id="nothing in it"),
        pytest.param("themagicbrownfoxjumpsoverthelazydog", ["text"], [], id="no base64 after all"),
        pytest.param("c &amp d; %4 \\x4", ["text"], [], id="no escapes after all"),
    ],
)
def test_views(text, kinds, numbers):
    seen = document(text)
    views = [view for view in seen.views if view.location != NAME]
    assert sorted(view.kind for view in views) == sorted(kinds)
    assert [end for view in views for end in view.ends(NUMBER)] == numbers


def test_mostly_escaped_text_is_judged_decoded():
    seen = document("\\u673a\\u5bc6\\u6587\\u4ef6")
    assert [(view.kind, view.text) for view in seen.views][:1] == [("decoded", "机密文件")]
    assert seen.pages[0].has(MARK)
    assert seen.extras[0].kind == "text"


def test_offsets_lead_back_through_two_readings():
    (page, _), (raw, decoded) = (
        document("a\u200bb, and further text: %31%32").pages,
        document("a\u200bb, and further text: %31%32").extras,
    )
    assert (page.text, raw.kind, decoded.text) == ("ab, and further text: %31%32", "raw", "ab, and further text: 12")
    assert decoded.source(22, 24) == (23, 29)
    assert decoded.source(0, 2) == (0, 3)


def test_the_name_is_a_page_unless_it_is_among_the_texts():
    assert [(view.text, view.location) for view in document("x", name="机密.txt").pages] == [
        ("x", ""),
        ("机密.txt", NAME),
    ]
    named = Part("p", "file", 1, "", "", "", b"x", (Text("file", NAME), Text("x")))
    assert [view.location for view in READER.document(named, today=TODAY)[0].pages] == [NAME, ""]


@pytest.mark.parametrize(
    ("texts", "data", "kinds"),
    [
        pytest.param((), b"\x00\x00call 13800138000 now\x00", ["text", "bytes"], id="no text"),
        pytest.param(("",), b"\x00\x00call 13800138000 now\x00", ["text", "text", "bytes"], id="empty text"),
        pytest.param((), b"\x00\x00nothing in this run\x00", ["text"], id="no text, nothing found"),
        pytest.param(("text",), b"\x00\x00call 13800138000 now\x00", ["text", "text"], id="text"),
    ],
)
def test_bytes_are_read_where_there_is_no_text(texts, data, kinds):
    assert [view.kind for view in document(*texts, data=data).views] == kinds


def test_day_is_passed_on():
    assert document("x").today == TODAY


def test_too_many_places_are_told(monkeypatch):
    monkeypatch.setattr("gateway.detect.matcher.MAX_PLACES", 1)
    reader = Reader([NUMBER, MARK])
    assert reader.document(part("机密 机密"), today=TODAY)[1] == {MARK}

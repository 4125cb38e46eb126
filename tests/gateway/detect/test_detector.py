import re

import pytest

from gateway.detect.detector import Detector, Document, Trigger, View, literal_pattern, words
from gateway.detect.identifiers.phones import MOBILE
from tests.samples.detection import TODAY, part

NUMBER = Trigger("[0-9]")
PATTERN = re.compile("[0-9]+")


def view(text, ends):
    return View(text, hits={NUMBER: ends})


@pytest.mark.parametrize(
    ("literals", "pattern"),
    [
        pytest.param(("合同",), "(?:合同)", id="Han"),
        pytest.param(("a.b", "c|d"), r"(?:a\.b|c\|d)", id="signs"),
    ],
)
def test_words(literals, pattern):
    assert words(*literals) == Trigger(pattern, caseless=True, once=True)
    assert not words(*literals, caseless=False).caseless


def test_literal_pattern_means_the_literal():
    literal = "".join(map(chr, range(32, 127))) + "密"
    assert re.fullmatch(literal_pattern(literal), literal)


def test_view_knows_its_places():
    seen = view("a1", (2,))
    assert seen.ends(NUMBER) == (2,)
    assert seen.ends(Trigger("x")) == ()
    assert seen.has(Trigger("x"), NUMBER)
    assert not seen.has(Trigger("x"))


def test_around_stops_at_the_text():
    assert view("abcdef", ()).around(2, 3, before=5, after=2) == "abcde"


@pytest.mark.parametrize(
    ("text", "above", "header"),
    [
        pytest.param("姓名,电话\n张三,1", 6, "姓名,电话", id="cells"),
        pytest.param("姓名,电话\n张三,1", 5, "", id="at its end"),
        pytest.param("姓名,电话\n张三,1", 3, "", id="inside of it"),
        pytest.param("\ufeff\n\n护照号\nE1", 8, "护照号", id="one column, BOM and blank lines"),
        pytest.param("这是一句话" * 8 + "\n1", 42, "", id="a sentence"),
        pytest.param("a," * 600 + "\n1", 1202, "", id="too long"),
        pytest.param("", 0, "", id="empty"),
    ],
)
def test_header(text, above, header):
    assert View(text).header(above=above) == header


@pytest.mark.parametrize(
    ("text", "ends", "reach", "found"),
    [
        pytest.param("a1b22c", (2, 4, 5), 3, ["1", "22"], id="each once"),
        pytest.param("1" + "a" * 50 + "2", (1, 52), 4, ["1", "2"], id="windows apart"),
        pytest.param("a", (), 4, [], id="no place"),
        pytest.param("1" * 20, (2,), 4, [], id="cut by the window's end"),
        pytest.param("aaa1", (4,), 9, ["1"], id="at the text's end"),
    ],
)
def test_candidates(text, ends, reach, found):
    assert [match[0] for match in view(text, ends).candidates(NUMBER, PATTERN, reach=reach)] == found


@pytest.mark.parametrize(
    ("origin", "span", "expected"),
    [
        pytest.param((), (1, 3), (1, 3), id="same text"),
        pytest.param(((0, 0), (2, 2), (2, 3)), (0, 2), (0, 2), id="before a dropped character"),
        pytest.param(((0, 0), (2, 2), (2, 3)), (1, 3), (1, 4), id="around a dropped character"),
        pytest.param(((0, 0), (2, 2), (2, 3)), (2, 4), (3, 5), id="behind a dropped character"),
        pytest.param(((0, 0), (2, 2), (3, 5)), (0, 2), (0, 2), id="before an escape"),
        pytest.param(((0, 0), (2, 2), (3, 5)), (2, 3), (2, 5), id="an escape"),
        pytest.param(((0, 0), (2, 2), (5, 11)), (3, 4), (2, 11), id="inside a run of escapes"),
        pytest.param(((0, 0), (2, 2), (5, 11)), (5, 7), (11, 13), id="behind escapes"),
        pytest.param(((0, 4), (3, 9)), (0, 2), (4, 9), id="text that starts elsewhere"),
    ],
)
def test_source(origin, span, expected):
    assert View("x" * 9, origin=origin).source(*span) == expected


def test_document_gives_pages_before_extras():
    page, extra = View("a"), View("b", kind="raw")
    assert Document(part(), (page,), (extra,), TODAY).views == (page, extra)


def test_protocol_is_what_detectors_have():
    assert isinstance(MOBILE, Detector)
    assert not isinstance("text", Detector)

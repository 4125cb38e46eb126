import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detect import fold
from gateway.detect.matcher import Matcher

MATCHER = Matcher(fold.TRIGGERS)


@pytest.mark.parametrize(
    ("text", "folded", "trigger"),
    [
        pytest.param("１３８", "138", fold.WIDE, id="full-width digits"),
        pytest.param("ＡＫＩＡ＠ａ．ｃｏ", "AKIA@a.co", fold.WIDE, id="full-width letters and signs"),
        pytest.param("١٣٨", "138", fold.FOREIGN, id="Arabic-Indic"),
        pytest.param("१३८", "138", fold.FOREIGN, id="Devanagari"),
        pytest.param("𝟏𝟑𝟖𝐗", "138X", fold.FOREIGN, id="mathematical"),
        pytest.param("①③⑧⓪", "1380", fold.RINGED, id="ringed"),
        pytest.param("¹³⁸⁰", "1380", fold.RINGED, id="raised"),
        pytest.param("138–0013", "138-0013", fold.ODD_SEPARATOR, id="en dash"),
        pytest.param("138\u00a00013", "138 0013", fold.ODD_SEPARATOR, id="no-break space"),
        pytest.param("138·0013", "138.0013", fold.ODD_SEPARATOR, id="middle dot"),
    ],
)
def test_folds(text, folded, trigger):
    assert fold.fold(text) == folded
    assert trigger in MATCHER.scan_text(text).ends


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("plain text 123-456", id="ASCII"),
        pytest.param("中文，标点：（全角）——保留。", id="punctuation of prose"),
        pytest.param("脚注① 和②", id="single ringed digits"),
        pytest.param("x²", id="single raised digit"),
        pytest.param("一–二", id="dash between words"),
        pytest.param("", id="empty"),
    ],
)
def test_leaves_alone(text):
    assert fold.fold(text) == text
    assert MATCHER.scan_text(text).ends == {}


def test_other_scripts_can_be_skipped():
    assert fold.fold("١１", foreign=False) == "١1"


@pytest.mark.parametrize(
    ("text", "plain", "origin"),
    [
        pytest.param("13\u200b8", "138", ((0, 0), (2, 2), (2, 3)), id="zero-width space"),
        pytest.param("a\u00ad\u2060b\ufeff", "ab", ((0, 0), (1, 1), (1, 3), (2, 4), (2, 5)), id="runs"),
        pytest.param("abc", "abc", (), id="none"),
    ],
)
def test_drop_invisible(text, plain, origin):
    assert fold.drop_invisible(text) == (plain, origin)


@pytest.mark.parametrize("gap", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\ufe0f", "\u200d"])
@pytest.mark.parametrize("sides", [("13", "8"), ("机", "密"), ("Ａ", "１")])
def test_invisible_characters_wake_the_fold(gap, sides):
    assert fold.HIDDEN in MATCHER.scan_text(gap.join(sides)).ends


@given(st.text())
def test_folding_keeps_the_length_and_is_done_once(text):
    folded = fold.fold(text)
    assert len(folded) == len(text)
    assert fold.fold(folded) == folded


@given(st.text(alphabet="1a中１①\u00b7\u2013\u200b\u0661 "))
def test_a_text_that_changes_wakes_the_fold(text):
    if fold.fold(text) != text:
        assert MATCHER.scan_text(text).ends

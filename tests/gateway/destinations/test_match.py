import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.destinations.match import NO_MATCH, Pattern, loose_path, loose_query, plain_path
from gateway.transfer import Category

param = pytest.param


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        param("/v[12]/files", "/v2/files", True, id="whole"),
        param("/v[12]/files", "/v2/files/x", False, id="not a part of it"),
        param("/v[12]/files", "x/v2/files", False, id="not the end of it"),
        param("/a|/b", "/b", True, id="alternatives are grouped"),
        param("/a|/b", "/bc", False, id="alternatives are whole"),
        param("/API/x", "/api/X", True, id="case is ignored"),
        param("/a.*b", "/a\nb", True, id="line breaks are characters"),
        param("/ab", "/ab\n", False, id="no line break at the end"),
        param("/.+", "/\udc80", False, id="half a surrogate never fits"),
        param("/.+", "/文件", True, id="Chinese"),
    ],
)
def test_pattern(source, text, expected):
    assert Pattern(source).matches(text) is expected


def test_a_pattern_that_need_not_be_whole():
    assert Pattern("(^|&)uploads(=|&|$)", whole=False).matches("a=1&uploads")
    assert not Pattern("(^|&)uploads(=|&|$)", whole=False).matches("a=uploads")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        param("(a", "unclosed group", id="open group"),
        param("a)|(.*", "unopened group", id="a parenthesis that reaches out"),
        param("(?=a)", "look-around, including look-ahead and look-behind, is not supported", id="look-ahead"),
        param(r"(a)\1", "backreferences are not supported", id="backreference"),
        param("((a{1,1000}){1,1000}){1,1000}", "too large", id="too large"),
    ],
)
def test_pattern_refused(source, reason):
    with pytest.raises(ValueError) as caught:
        Pattern(source)

    assert str(caught.value) == f"not a regular expression of the linear kind: {reason}"


def test_matching_takes_linear_time():
    pattern = Pattern("(/?.*a)*(.*a)*b")
    begun = time.perf_counter()

    assert not pattern.matches("a" * 100_000)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        param("/a/b", "/a/b", id="plain"),
        param("/root%3A/a%20b%3a/c", "/root:/a b:/c", id="decoded"),
        param("/a%252Fb", "/a%2Fb", id="decoded once"),
        param("//a///b//", "/a/b/", id="doubled slashes"),
        param("/a%2F%2Fb", "/a/b", id="doubled slashes in disguise"),
        param("/%E6%96%87", "/文", id="UTF-8"),
        param("/%ff", "/\ufffd", id="not UTF-8"),
        param("/\udcff", "/?", id="half a surrogate"),
        param("*", "*", id="no path"),
        param("", "", id="empty"),
    ],
)
def test_plain_path(path, expected):
    assert plain_path(path) == expected


@given(st.text())
def test_plain_path_never_raises(path):
    plain_path(path).encode()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        param("/a/b", "/a/b", id="plain"),
        param("/a/b/", "/a/b", id="last slash"),
        param("/a/b;x=1", "/a/b", id="parameter"),
        param("/a;x=1/b", "/a/b", id="parameter in the middle"),
        param("/a/./b", "/a/b", id="dot"),
        param("/a/%2e/b", "/a/b", id="dot in disguise"),
        param("/x/../a/b", "/a/b", id="two dots"),
        param("/../../a/b", "/a/b", id="above the top"),
        param("/..;/a/b", "/a/b", id="two dots and a parameter"),
        param("/a%255fb", "/a_b", id="encoded twice"),
        param("/a\\b", "/a/b", id="backslash"),
        param("/a%5cb", "/a/b", id="backslash in disguise"),
        param("/a/b%00c", "/a/b", id="NUL"),
        param("/a/b%20", "/a/b", id="blank"),
        param("/a/b%09", "/a/b", id="tab"),
        param("/", "/", id="top"),
        param("*", "*", id="no path"),
        param("", "", id="empty"),
    ],
)
def test_loose_path(path, expected):
    assert loose_path(path) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        param("a=1&b=2", "a=1&b=2", id="plain"),
        param("upload%49d=U", "uploadId=U", id="name encoded"),
        param("x=1;uploadId=U", "x=1&uploadId=U", id="semicolon"),
        param("a=%26uploadId%3DU", "a=%26uploadId=U", id="no name out of a value"),
        param("a=%ff\udcff", "a=\ufffd?", id="no text"),
        param("", "", id="empty"),
    ],
)
def test_loose_query(query, expected):
    assert loose_query(query) == expected


@given(st.text())
def test_loose_readings_never_raise(text):
    loose_path(text).encode()
    loose_query(text).encode()


def test_nothing_known():
    assert NO_MATCH.category is Category.OTHER
    assert not any(getattr(NO_MATCH, name) for name in ("service", "endpoint", "jurisdiction", "tenant", "kind"))

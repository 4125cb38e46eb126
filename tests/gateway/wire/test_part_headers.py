"""Part headers: one reading or none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import MalformedError
from gateway.wire.part_headers import parse_part_headers

CRLF = b"\r\n"
LF = b"\n"


@pytest.mark.parametrize(
    ("block", "newline", "may_fold", "expected"),
    [
        pytest.param(b"", CRLF, False, {}, id="no headers"),
        pytest.param(b"A: 1\r\nb-c:2", CRLF, False, {"a": b"1", "b-c": b"2"}, id="two"),
        pytest.param(b"A:\t 1 \t", CRLF, False, {"a": b"1"}, id="blanks around the value"),
        pytest.param(b"A:", CRLF, False, {"a": b""}, id="empty value"),
        pytest.param(b"A: x:y\tz", CRLF, False, {"a": b"x:y\tz"}, id="colon and tab in the value"),
        pytest.param(b"A: \xba\xcf", CRLF, False, {"a": b"\xba\xcf"}, id="raw bytes"),
        pytest.param(b"A: 1\r\n  2\r\nB: 3", CRLF, True, {"a": b"1 2", "b": b"3"}, id="folded"),
        pytest.param(b"A: 1\nB: 2", LF, True, {"a": b"1", "b": b"2"}, id="LF"),
        pytest.param(b"A: 1\n\t2", LF, True, {"a": b"1 2"}, id="LF, folded"),
    ],
)
def test_parse(block: bytes, newline: bytes, expected: dict[str, bytes], *, may_fold: bool) -> None:
    assert parse_part_headers(block, newline=newline, may_fold=may_fold) == expected


@pytest.mark.parametrize(
    ("block", "newline", "may_fold"),
    [
        pytest.param(b"A: 1\nB: 2", CRLF, True, id="lone line feed"),
        pytest.param(b"A: 1\rB: 2", CRLF, True, id="lone carriage return"),
        pytest.param(b"A: 1\r\n\nB: 2", CRLF, True, id="line feed beside a proper end"),
        pytest.param(b"A: 1\r\nB: 2", LF, True, id="CR LF among LF"),
        pytest.param(b"A: 1\r\n 2", CRLF, False, id="folded in a form"),
        pytest.param(b" A: 1", CRLF, False, id="blank before the name"),
        pytest.param(b"A : 1", CRLF, False, id="blank after the name"),
        pytest.param(b"A 1", CRLF, False, id="no colon"),
        pytest.param(b": 1", CRLF, False, id="no name"),
        pytest.param(b"A: 1\r\n", CRLF, False, id="empty line"),
        pytest.param(b"A: \x00", CRLF, False, id="control character"),
        pytest.param(b"A: 1\r\na: 1", CRLF, False, id="twice"),
        pytest.param(b"A: \r\na: ", CRLF, False, id="twice empty"),
        pytest.param("名: 1".encode(), CRLF, False, id="name of other characters"),
    ],
)
def test_refused(block: bytes, newline: bytes, *, may_fold: bool) -> None:
    with pytest.raises(MalformedError):
        parse_part_headers(block, newline=newline, may_fold=may_fold)


@settings(deadline=None)
@given(st.binary(max_size=60), st.booleans(), st.sampled_from([CRLF, LF]))
def test_only_malformed_is_raised(block: bytes, may_fold: bool, newline: bytes) -> None:
    try:
        headers = parse_part_headers(block, newline=newline, may_fold=may_fold)
    except MalformedError:
        return
    assert all(b"\n" not in value for value in headers.values())

"""Urlencoded bodies: forms give fields, files under that label stay files, and nothing hides between."""

from __future__ import annotations

import random
from base64 import b64encode
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ContentError, LimitError
from gateway.limits import MIB, Limits
from gateway.wire.form import is_plain_form, read_doubtful_form, read_form, read_seven_bits

NOTE = "这是一份劳动合同，甲方与乙方约定如下条款。".encode() * 2
RANDOM = random.Random(9).randbytes(200_000)


def form(body: bytes, limits: Limits | None = None) -> list[tuple[str, str, bool, bytes]]:
    found = read_form(memoryview(body), limits=limits or Limits())
    return [(piece.field, piece.name, piece.is_file, bytes(piece.data)) for piece in found]


def doubtful(body: bytes, limits: Limits | None = None) -> list[tuple[str, str, bool, bytes]]:
    found = read_doubtful_form(memoryview(body), limits=limits or Limits())
    return [(piece.field, piece.name, piece.is_file, bytes(piece.data)) for piece in found]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"a=1", True, id="form"),
        pytest.param(b"a=%E4%BD%A0&b=x+y", True, id="escapes"),
        pytest.param(b"x" * 255 + b"=1", True, id="long first name"),
        pytest.param(b"x" * 256 + b"=1", False, id="too long first name"),
        pytest.param(b"abc", False, id="no equals sign"),
        pytest.param(b"", False, id="empty"),
        pytest.param(b"a=1\n", False, id="line end"),
        pytest.param(b"a=one two", False, id="blank"),
        pytest.param("a=你".encode(), False, id="raw UTF-8"),
        pytest.param(b"a=\x00", False, id="NUL"),
    ],
)
def test_is_plain_form(body: bytes, *, expected: bool) -> None:
    assert is_plain_form(memoryview(body)) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"a=1&b=2", [("a", "", False, b"1"), ("b", "", False, b"2")], id="two"),
        pytest.param(b"&a=1&&b&", [("a", "", False, b"1"), ("b", "", False, b"")], id="empty pairs, no value"),
        pytest.param(b"a=1=2", [("a", "", False, b"1=2")], id="equals sign in the value"),
        pytest.param(
            b"a+b=x+%2B%20y", [("a b", "", False, b"x + y"), ("names", "", False, b"a b")], id="plus and percent"
        ),
        pytest.param(b"a=%E4%BD%A0", [("a", "", False, "你".encode())], id="UTF-8"),
        pytest.param(b"a=%C4%E3", [("a", "", False, b"\xc4\xe3")], id="GBK stays as it is"),
        pytest.param(b"a=%zz%4", [("a", "", False, b"%zz%4")], id="damaged escapes"),
        pytest.param(b"%61=1", [("a", "", False, b"1")], id="escaped name"),
        pytest.param(b"a=1&a=2", [("a", "", False, b"1"), ("a", "", False, b"2")], id="twice"),
        pytest.param(b"f=%00%01", [("f", "f", True, b"\0\1")], id="binary"),
        pytest.param(
            b"f=data:text/plain;base64,a+//&file_name=a.txt",
            [
                ("f", "", False, b"data:text/plain;base64,a //"),
                ("f", "a.txt", True, b"k\xef\xff"),
                ("file_name", "", False, b"a.txt"),
            ],
            id="data URL whose plus is not escaped",
        ),
        pytest.param(
            b"payload=%7B%22text%22%3A%22x%22%7D",
            [("payload", "", False, b'{"text":"x"}'), ("json", "", False, b"text: x\n")],
            id="JSON, as Slack hooks send",
        ),
    ],
)
def test_fields(body: bytes, expected: list[tuple[str, str, bool, bytes]]) -> None:
    assert form(body) == expected


def test_fields_are_counted() -> None:
    limits = Limits(max_fields=3)
    assert len(form(b"a=1&b=2&c=3&", limits)) == 3
    with pytest.raises(LimitError) as caught:
        form(b"a=1&b=2&c=3&d=4", limits)
    assert (caught.value.limit, caught.value.allowed) == ("max_fields", 3)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(b"just a text & no form = at all", [], id="decoding would change nothing"),
        pytest.param(RANDOM, [], id="file, as slack_sdk sends"),
        pytest.param(
            b"a note\nid=%31%31", [("a note\nid", "", False, b"11"), ("names", "", False, b"a note\nid")], id="text"
        ),
        pytest.param(b"\x00&a=%31%31&b=0123456", [("form", "", False, b"&a=11&b=0123456\n")], id="binary with escapes"),
        pytest.param(
            b"\x00&x%41=" + b64encode(NOTE) + b"&b=1",
            [("xA", "xA", False, NOTE), ("form", "", False, b"&xA=" + b64encode(NOTE).replace(b"+", b" ") + b"&b=1\n")],
            id="binary with a file",
        ),
        pytest.param(b"&a \n" * 101 + b"b=%31" * 4, [("form", "", False, b"b=1" * 4 + b"\n")], id="many fields"),
        pytest.param(
            b"\x00&f=" + b"%00%01%02%03" * 6,
            [("f", "f", True, b"\0\1\2\3" * 6), ("form", "", False, b"&f=" + b"\0\1\2\3" * 6 + b"\n")],
            id="binary with a percent-encoded file",
        ),
        pytest.param(b"\x00 short=%31", [], id="run too short to tell"),
    ],
)
def test_doubtful(body: bytes, expected: list[tuple[str, str, bool, bytes]]) -> None:
    assert doubtful(body) == expected


def test_files_in_a_doubtful_body_are_counted() -> None:
    body = b"\x00" + b"&a=" + b64encode(NOTE) + b"&b=" + b64encode(NOTE)
    assert len(doubtful(body, Limits(max_fields=2))) == 2
    with pytest.raises(LimitError) as caught:
        doubtful(body, Limits(max_fields=1))
    assert caught.value.limit == "max_fields"


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=6))
def test_what_a_client_builds_is_read_back(pairs: list[tuple[str, str]]) -> None:
    body = urlencode(
        [(name.encode(errors="replace"), value.encode(errors="replace")) for name, value in pairs]
    ).encode()
    theirs = [value.encode() for _, value in parse_qsl(body.decode(), keep_blank_values=True)]
    ours = [data for field, _, _, data in form(body) if field not in {"json", "names"}]
    assert [value for value in theirs if value not in ours] == []


@settings(deadline=None)
@given(st.binary(max_size=120) | st.text("a=&%41+ \n\x00;", max_size=120).map(str.encode))
def test_never_raises_anything_else(body: bytes) -> None:
    for reader in (form, doubtful):
        try:
            reader(body)
        except ContentError as error:
            assert isinstance(error, LimitError)  # noqa: PT017 - the property itself


def test_a_large_file_in_disguise_is_not_read_in_seven_bits() -> None:
    png = b"\x89PNG\r\n=" + bytes([0xFF]) * (MIB + 1)
    assert list(read_seven_bits(memoryview(png), limits=Limits())) == []
    assert [piece.field for piece in read_seven_bits(memoryview(png[:-9]), limits=Limits())] == ["form"]
    form = b"a=" + bytes([0xB1]) * (MIB + 1)
    assert next(read_seven_bits(memoryview(form), limits=Limits())).data == b"a=" + b"1" * (MIB + 1)


@pytest.mark.parametrize("body", [b"a=1", b"\xb1 without a name"])
def test_nothing_to_read_in_seven_bits(body: bytes) -> None:
    assert list(read_seven_bits(memoryview(body), limits=Limits())) == []

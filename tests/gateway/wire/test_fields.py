"""Fields of a form: which is a file, what it is called, what lies inside."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from gateway.parts import Piece
from gateway.wire.fields import Field, field_pieces, is_binary, marked

BINARY = b"PK\x03\x04\x00\x00"
LONG = ("字" * 21_845).encode() + b"ab"  # 64 KiB and one byte
NOTE = "这是一份劳动合同，甲方与乙方约定如下条款。".encode() * 2
LONG64 = b64encode(bytes(range(256)) * 3)


def pieces(*fields: Field, limits: Limits | None = None) -> list[tuple[str, str, bool, bytes]]:
    found = list(field_pieces(fields, limits=limits or Limits()))
    assert all(isinstance(piece, Piece) for piece in found)
    return [(piece.field, piece.name, piece.is_file, bytes(piece.data)) for piece in found]


def plain(name: str, value: bytes) -> Field:
    return Field(name, (value,))


@pytest.mark.parametrize(
    ("field", "name", "is_file"),
    [
        pytest.param(plain("a", b"1"), "", False, id="plain text"),
        pytest.param(plain("file", b"text"), "", False, id="name of a file field alone"),
        pytest.param(Field("f", (b"1",), "a.txt"), "a.txt", True, id="file name"),
        pytest.param(Field("f", (b"1",), ""), "f", True, id="empty file name, as box sends"),
        pytest.param(Field("f", (b"1",), declared_type="image/png"), "f", True, id="type that is no text"),
        pytest.param(Field("f", (b"1",), declared_type="text/csv"), "", False, id="text type"),
        pytest.param(Field("f", (b"1",), declared_type="application/json"), "", False, id="JSON type"),
        pytest.param(Field("f", (b"1",), declared_type="application/vnd.api+json"), "", False, id="JSON suffix"),
        pytest.param(Field("f", (b"1",), is_file=True), "f", True, id="by the framing"),
        pytest.param(plain("f", BINARY), "f", True, id="binary"),
        pytest.param(plain("f", LONG), "f", True, id="long"),
        pytest.param(plain("f", LONG[:-1]), "", False, id="not that long"),
        pytest.param(Field("f", (LONG,), is_container=True), "", False, id="separated further"),
        pytest.param(Field("", (BINARY,)), "", True, id="no field name"),
    ],
)
def test_is_file(field: Field, name: str, *, is_file: bool) -> None:
    assert pieces(field) == [(field.name, name, is_file, bytes(field.readings[0]))]


@pytest.mark.parametrize(
    ("beside", "name"),
    [
        pytest.param(plain("file_name", "合同.txt".encode()), "合同.txt", id="file_name, as lark-oapi sends"),
        pytest.param(plain("filename", "合同.txt".encode("gbk")), "合同.txt", id="GBK"),
        pytest.param(plain("name", b"C:\\x\\a.txt "), "a.txt", id="path"),
        pytest.param(plain("attributes", b'{"name": "q.txt", "parent": {"id": "0"}}'), "q.txt", id="Box attributes"),
        pytest.param(Field("", (b'{"name": "q.txt"}',), declared_type="application/json"), "q.txt", id="JSON part"),
    ],
)
def test_named_by_a_neighbour(beside: Field, name: str) -> None:
    assert pieces(plain("file", b"text"), beside)[0] == ("file", name, True, b"text")
    assert pieces(beside, Field("x", (b"text",), ""))[-1] == ("x", name, True, b"text")


@pytest.mark.parametrize(
    "beside",
    [
        pytest.param(plain("file_name", b""), id="empty"),
        pytest.param(plain("file_name", b"x" * 1025), id="too long"),
        pytest.param(plain("file_name", b"\x00\x01"), id="binary"),
        pytest.param(plain("title", b"a.txt"), id="other field"),
        pytest.param(plain("attributes", b'{"id": 1}'), id="JSON without a name"),
        pytest.param(plain("attributes", b'{"name": "a'), id="damaged JSON"),
    ],
)
def test_not_named(beside: Field) -> None:
    assert pieces(plain("file", b"text"), beside)[0] == ("file", "", False, b"text")


def test_its_own_name_goes_first() -> None:
    found = pieces(plain("name", b"n.txt"), Field("filename", (b"text",), "own.txt"), plain("other", b"text"))
    assert found == [
        ("name", "", False, b"n.txt"),
        ("filename", "own.txt", True, b"text"),
        ("other", "", False, b"text"),
    ]


def test_best_name_field_goes_first() -> None:
    found = pieces(plain("name", b"n"), plain("file_name", b"f"), plain("media", b"x"))
    assert found[-1] == ("media", "f", True, b"x")


def test_every_reading_is_a_piece() -> None:
    assert pieces(Field("f", (b"YQ==", b"a"), "x")) == [("f", "x", True, b"YQ=="), ("f", "x", True, b"a")]


@pytest.mark.parametrize(
    ("field", "inside"),
    [
        pytest.param(plain("payload", b'{"text": "\\u5408"}'), ("json", "", False, "text: 合\n".encode()), id="JSON"),
        pytest.param(plain("x", b64encode(NOTE)), ("x", "", False, NOTE), id="base64 text"),
        pytest.param(plain("file", b64encode(NOTE)), ("file", "file", True, NOTE), id="base64 text in a file field"),
        pytest.param(plain("x", LONG64), ("x", "x", True, bytes(range(256)) * 3), id="long base64"),
        pytest.param(plain("x", b"data:,hi"), ("x", "x", True, b"hi"), id="data URL"),
        pytest.param(Field("x", (b"a b",), inner=b"DATA:,a+b"), ("x", "x", True, b"a+b"), id="other reading for files"),
    ],
)
def test_inside_a_plain_field(field: Field, inside: tuple[str, str, bool, bytes]) -> None:
    value = (field.name, "", False, bytes(field.readings[0]))
    assert pieces(field) == [value, inside]


def test_very_long_base64_is_text_around_a_file() -> None:
    data = bytes(range(256)) * 300
    assert pieces(plain("x", b64encode(data))) == [("x", "", False, b64encode(data)), ("x", "x", True, data)]


def test_embedded_file_is_named_by_a_neighbour() -> None:
    assert pieces(plain("x", LONG64), plain("filename", b"a.bin"))[1][:3] == ("x", "a.bin", True)


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        pytest.param("file_name", False, id="word"),
        pytest.param("items[0].id", False, id="index"),
        pytest.param("", False, id="none"),
        pytest.param("13800138000", True, id="digits"),
        pytest.param("身份证", True, id="other script"),
        pytest.param("two words", True, id="blank"),
        pytest.param("x" * 65, True, id="long"),
    ],
)
def test_names_that_may_carry_content_are_a_piece(name: str, *, is_told: bool) -> None:
    expected = [("names", "", False, name.encode())] if is_told else []
    assert pieces(plain("a", b"1"), plain(name, b"1"))[2:] == expected


def test_no_fields() -> None:
    assert pieces() == []


def test_limits_of_json_hold() -> None:
    with pytest.raises(LimitError):
        pieces(plain("x", json.dumps([[[]]]).encode()), limits=Limits(max_json_depth=2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"", False, id="empty"),
        pytest.param(b"a\tb\r\n\x1b[0m", False, id="text with terminal colours"),
        pytest.param(NOTE, False, id="UTF-8"),
        pytest.param(b"\x00", True, id="NUL"),
        pytest.param(b"x" * 4095 + b"\x00", True, id="NUL at 4 KiB"),
        pytest.param(b"x" * 4096 + b"\x00", False, id="NUL after 4 KiB"),
    ],
)
def test_is_binary(value: bytes, *, expected: bool) -> None:
    assert is_binary(value) is expected
    assert is_binary(memoryview(value)) is expected


@pytest.mark.parametrize(
    ("field", "content", "data"),
    [
        pytest.param(plain("file", b"hi"), "field:file", b"hi", id="as it stands"),
        pytest.param(plain("file", b"aGk="), "base64:field:file", b"hi", id="base64"),
        pytest.param(plain("file", b"hi"), "field:other", None, id="another field"),
        pytest.param(plain("file", b"hi"), "body", None, id="the body"),
        pytest.param(plain("file", b"hi"), "", None, id="no slice"),
    ],
)
def test_a_slice_of_a_file_is_marked(field: Field, content: str, data: bytes | None) -> None:
    found = marked(field, content)
    assert found.is_fragment is (data is not None)
    assert found.readings == ((data,) if data else field.readings)


def test_a_slice_that_is_no_base64() -> None:
    with pytest.raises(MalformedError):
        marked(plain("file", b"a?"), "base64:field:file")


def test_nothing_is_looked_for_inside_a_slice() -> None:
    slice_ = marked(plain("d", b'{"file_name": "x.zip", "data": "' + LONG64 + b'"}'), "field:d")
    assert pieces(slice_, plain("n", b"1")) == [("d", "d", True, slice_.readings[0]), ("n", "", False, b"1")]
    assert [piece.is_fragment for piece in field_pieces([slice_, plain("n", b"1")], limits=Limits())] == [True, False]

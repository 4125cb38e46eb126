"""JSON bodies: every string is text with its key beside it, every encoded file is a piece."""

from __future__ import annotations

import json
import random
import tracemalloc
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ContentError, LimitError
from gateway.limits import MIB, Limits
from gateway.wire.jsonbody import JsonReading, read_json

NOTE = "这是一份劳动合同，甲方与乙方约定如下条款。".encode() * 2
NOTE64 = b64encode(NOTE).decode()
RANDOM = random.Random(5).randbytes(1000)
RANDOM64 = b64encode(RANDOM).decode()


def read(body: bytes | str | object, **limits: int) -> JsonReading:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reading = read_json(raw, limits=Limits(**limits))
    assert reading is not None
    return reading


def text(reading: JsonReading) -> str:
    return b"".join(bytes(piece.data) for piece in reading.pieces if piece.field == "json").decode()


def files(reading: JsonReading) -> list[tuple[str, str, bool, bytes]]:
    return [(p.field, p.name, p.is_file, bytes(p.data)) for p in reading.pieces if p.field != "json"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{}", "", id="empty object"),
        pytest.param(b" \r\n\t[]", "", id="blanks before"),
        pytest.param(b'{"a": "x"}', "a: x\n", id="one"),
        pytest.param(b'["x", "y"]', "x\ny\n", id="array without key"),
        pytest.param(b'{"a": ["x", "y"]}', "a: x\na: y\n", id="array under a key"),
        pytest.param(b'{"a": {"b": "x"}, "c": "y"}', "b: x\nc: y\n", id="nested"),
        pytest.param(b'{"a": {}, "b": [{"c": "x"}, "y"]}', "c: x\nb: y\n", id="key of the array comes back"),
        pytest.param(b'{"a": "x", "a": "y"}', "a: x\na: y\n", id="duplicate keys"),
        pytest.param(b'{"id": 110105, "b": true, "f": -1.5e3}', "id: 110105\nf: -1.5e3\n", id="numbers"),
        pytest.param(b'{"a": ""}', "", id="empty string"),
        pytest.param(rb'{"\u624b\u673a": 138}', "手机: 138\n手机\n", id="escaped key"),
        pytest.param(rb'{"a": "\u4e2d\n\"x\""}', 'a: 中\n"x"\n', id="escapes"),
        pytest.param(b'{"a":"x"}\n{"a":"y"}\n', "a: x\na: y\n", id="JSON lines"),
        pytest.param(b'\xef\xbb\xbf{"a":"x"}', "a: x\n", id="byte order mark"),
        pytest.param('{"a":"中"}'.encode("utf-16"), "a: 中\n", id="UTF-16"),
        pytest.param('{"a":"中"}'.encode("utf-16-be"), "a: 中\n", id="UTF-16 without mark"),
        pytest.param('{"a":"中"}'.encode("utf-32-le"), "a: 中\n", id="UTF-32"),
        pytest.param(b'{"a": NaN, "b": Infinity, "c": null, "d": false}', "", id="no strings"),
        pytest.param(b'{"' + b"k" * 70 + b'": "x"}', "k" * 70 + "\n" + "k" * 64 + ": x\n", id="long key"),
        pytest.param(
            json.dumps({"content": json.dumps({"text": "合同"})}).encode(),
            'text: 合同\ncontent: {"text": "\\u5408\\u540c"}\n',
            id="JSON in a string, as Feishu sends",
        ),
    ],
)
def test_text(body: bytes, expected: str) -> None:
    reading = read(body)
    assert text(reading) == expected
    assert reading.is_sound
    assert files(reading) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"   ", id="blanks"),
        pytest.param(b"text", id="text"),
        pytest.param(b'"a string"', id="lone string"),
        pytest.param(b"PK\x03\x04{", id="binary"),
        pytest.param(b"\xff\xfe\x00", id="damaged UTF-16"),
    ],
)
def test_no_json(body: bytes) -> None:
    assert read_json(body, limits=Limits()) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"a": "x"', "a: x\n", id="cut after a string"),
        pytest.param(b'{"a": "x', "", id="cut in a string"),
        pytest.param(b'{"a": "x"}}', "a: x\n", id="bracket too many"),
        pytest.param(b"[section]\nname=value\n", "", id="INI file"),
        pytest.param(rb"{\rtf1 text}", "", id="RTF"),
        pytest.param(rb"{'a': '\u4e2d'}", "{'a': '中'}", id="single quotes"),
        pytest.param(rb'{/*"*/"a":"\u4e2d"}', '*/\n:\n{/*"*/"a":"中"}', id="comment that shifts the quotes"),
        pytest.param(rb'{"a": "\x41"}', "a: \\x41\n", id="unknown escape"),
        pytest.param(b'{"a": "x", truth}', "a: x\n", id="unknown word"),
    ],
)
def test_unsound_is_still_read(body: bytes, expected: str) -> None:
    reading = read(body)
    assert not reading.is_sound
    assert text(reading) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            {"file_name": "a.docx", "file_base64_content": RANDOM64},
            [("file_base64_content", "a.docx", True, RANDOM)],
            id="WeDrive",
        ),
        pytest.param({"raw": RANDOM64}, [("raw", "", True, RANDOM)], id="no name"),
        pytest.param({"name": "ab", "token": NOTE64}, [("token", "ab", False, NOTE)], id="short value beside a name"),
        pytest.param({"filename": "a", "x": NOTE64}, [("x", "a", True, NOTE)], id="short value beside a file name"),
        pytest.param({"content": NOTE64}, [("content", "", True, NOTE)], id="short value under a key of files"),
        pytest.param(
            {"attachments": [{"contentBytes": RANDOM64, "name": "/x/a.pdf"}, {"contentBytes": NOTE64}]},
            [("attachments.contentBytes", "a.pdf", True, RANDOM), ("attachments.contentBytes", "", True, NOTE)],
            id="Graph mail, name after the bytes",
        ),
        pytest.param(
            {"title": "t", "name": "n", "filename": "f", "data": RANDOM64},
            [("data", "f", True, RANDOM)],
            id="best name",
        ),
        pytest.param({"name": "n", "file": {"d": RANDOM64}}, [("file.d", "n", True, RANDOM)], id="name one level out"),
        pytest.param(
            {"name": "n", "a": {"b": {"c": {"d": RANDOM64}}}}, [("a.b.c.d", "", True, RANDOM)], id="name too far out"
        ),
        pytest.param({"name": "", "data": RANDOM64}, [("data", "", True, RANDOM)], id="empty name"),
        pytest.param({"u": "data:text/csv;base64,YSxi"}, [("u", "", True, b"a,b")], id="data URL"),
        pytest.param(
            {"content": json.dumps({"file": {"data": RANDOM64}})},
            [("content.file.data", "", True, RANDOM)],
            id="JSON in a string",
        ),
    ],
)
def test_files(body: object, expected: list[tuple[str, str, bool, bytes]]) -> None:
    assert files(read(body)) == expected


def test_files_between_strings_of_what_is_no_json() -> None:
    body = b'{/*"*/"data":"' + RANDOM64.encode() + b'"}'
    assert files(read(body)) == [("", "", True, RANDOM)]


def test_declared_type_of_a_data_url() -> None:
    assert read({"u": "data:Text/CSV;base64,YSxi"}).pieces[-1].declared_type == "text/csv"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"name": "x.bin", "parent": {"name": "p"}}, "x.bin", id="inner object ends first"),
        pytest.param({"name": "x.bin", "parent": {"id": "0"}}, "x.bin", id="Box attributes"),
        pytest.param({"id": "0"}, "", id="none"),
        pytest.param([{"name": "x"}], "", id="array"),
    ],
)
def test_name(body: object, expected: str) -> None:
    assert read(body).name == expected


def test_long_file_is_not_repeated_as_text_unless_escaped() -> None:
    assert RANDOM64 not in text(read({"d": RANDOM64}))
    escaped = json.dumps({"d": RANDOM64}).replace("A", "\\u0041").encode()
    assert RANDOM64 in text(read(escaped))
    assert RANDOM64 in text(read(json.dumps({"d": RANDOM64}).encode("utf-16")))
    assert NOTE64 in text(read({"d": NOTE64}))


def test_keys_are_not_multiplied_without_end() -> None:
    body = json.dumps({"k" * 60: ["ab"] * 50_000}).encode()
    assert len(text(read(body))) < 3 * len(body)


@pytest.mark.parametrize(
    ("body", "limits", "limit"),
    [
        pytest.param(b"[" * 101 + b"]" * 101, {}, "max_json_depth", id="depth"),
        pytest.param(b'{"a":[[["x"]]]}', {"max_json_depth": 3}, "max_json_depth", id="depth over a lower limit"),
        pytest.param({"a": NOTE64, "b": NOTE64}, {"max_fields": 1}, "max_fields", id="files"),
        pytest.param({"a": json.dumps({"b": "{}"})}, {"max_depth": 1}, "max_depth", id="JSON in strings"),
    ],
)
def test_limits(body: object, limits: dict[str, int], limit: str) -> None:
    with pytest.raises(LimitError) as caught:
        read(body, **limits)
    assert caught.value.limit == limit


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        pytest.param(b"[" * 100 + b"]" * 100, {}, id="depth"),
        pytest.param(b"[=" + b"[" * 200, {}, id="depth of what is no JSON"),
        pytest.param({"a": NOTE64, "b": NOTE64}, {"max_fields": 2}, id="files"),
        pytest.param({"a": json.dumps({"b": "{}"})}, {"max_depth": 2}, id="JSON in strings"),
    ],
)
def test_within_limits(body: object, limits: dict[str, int]) -> None:
    assert read(body, **limits) is not None


def test_large_file_needs_little_memory() -> None:
    body = json.dumps({"file_name": "x", "data": b64encode(bytes(range(256)) * 48 * 1024).decode()}).encode()
    tracemalloc.start()
    try:
        reading = read(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(reading.pieces[1].data) == 12 * MIB
    assert peak < 2 * len(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"' + b'\\"' * 500_000, id="escaped quotes without end"),
        pytest.param(b'["' + b"\\\\" * 500_000 + b'"]', id="backslashes"),
        pytest.param(b'["' + b"data:" * 200_000 + b'"]', id="starts of data URLs"),
        pytest.param(b"{" + b'"' * 100_001, id="quotes"),
        pytest.param(b"[" + b"[]," * 200_000 + b"1]", id="brackets"),
        pytest.param(b"[=" + b"]" * 500_000, id="closing brackets"),
    ],
)
@pytest.mark.timeout(20)
def test_hostile_bodies_take_linear_time(body: bytes) -> None:
    assert read(body) is not None


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abnm合", max_size=4), inner, max_size=4),
    max_leaves=12,
)


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [found for item in value for found in strings(item)]
    return [found for item in value.values() for found in strings(item)] if isinstance(value, dict) else []


@settings(deadline=None)
@given(st.lists(JSON_VALUES, max_size=4), st.booleans())
def test_every_string_is_in_the_text(value: list[object], ascii_only: bool) -> None:
    reading = read(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert reading.is_sound
    assert all(found in text(reading) for found in strings(value))


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text('{}[]",:\\u012 \n', max_size=80).map(str.encode))
def test_never_raises_anything_else(body: bytes) -> None:
    try:
        reading = read_json(b"{" + body, limits=Limits(max_json_depth=4))
    except ContentError:
        return
    assert reading is not None


def test_bytes_as_numbers_are_a_file() -> None:
    content = b"PK\x03\x04" + bytes(range(200))
    for body in (json.dumps({"name": "a.zip", "data": list(content)}), json.dumps({"text": json.dumps(list(content))})):
        found = read_json(body.encode(), limits=Limits())
        assert found is not None
        assert [(bytes(piece.data), piece.is_file) for piece in found.pieces if piece.field != "json"] == [
            (content, True)
        ]

"""Messages without their schema: all texts and files come out, at any depth, and what is no message is told."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LimitError
from gateway.limits import Limits
from gateway.wire.protobuf import MAX_NESTING, Message, is_text, message_pieces, read_protobuf
from tests.samples.messages import message, varint

ID = b"11010519491231002X"
ZIP = b"PK\x03\x04" + bytes(range(256)) * 2


def read(data: bytes, **limits: int) -> Message | None:
    return read_protobuf(memoryview(data), limits=Limits(**limits))


@pytest.mark.parametrize(
    ("data", "texts", "files", "numbers"),
    [
        pytest.param(b"", [], [], [], id="nothing"),
        pytest.param(message((1, b"hi"), (2, 5)), [b"hi"], [], [], id="text and number"),
        pytest.param(message((1, message((2, message((3, ID)))))), [ID], [], [], id="nested"),
        pytest.param(message((1, b"a"), (1, b"b"), (1, b"")), [b"a", b"b"], [], [], id="repeated, one empty"),
        pytest.param(message((1, "合同".encode())), ["合同".encode()], [], [], id="Chinese"),
        pytest.param(message((1, ID), (536870911, b"z")), [ID, b"z"], [], [], id="text that reads as a message, highest field"),
        pytest.param(message((1, ZIP)), [], [(ZIP, "")], [], id="file"),
        pytest.param(message((1, b"a b.zip"), (2, ZIP)), [b"a b.zip"], [(ZIP, "a b.zip")], [], id="file and its name"),
        pytest.param(
            message((1, b"C:\\x\\a.zip"), (2, message((1, ZIP)))), [b"C:\\x\\a.zip"], [(ZIP, "a.zip")], [], id="name outside"
        ),
        pytest.param(
            message((1, b"a.zip"), (2, message((1, ZIP), (2, b"b.zip")))),
            [b"a.zip", b"b.zip"],
            [(ZIP, "b.zip")],
            [],
            id="nearest name",
        ),
        pytest.param(message((1, b"\0" * 20)), [], [], [], id="short bytes"),
        pytest.param(message((1, message((1, 2)) * 40)), [], [(message((1, 2)) * 40, "")], [], id="numbers or bytes"),
        pytest.param(message((1, 13800138000), (2, 4111111111111111)), [], [], [13800138000, 4111111111111111], id="numbers"),
        pytest.param(b"\x09" + (13800138000).to_bytes(8, "little") + b"\x0d\1\2\3\4", [], [], [13800138000], id="fixed"),
        pytest.param(b"\x0b" + message((1, ID)) + b"\x0c", [ID], [], [], id="group"),
    ],
)  # fmt: skip
def test_read(data: bytes, texts: list[bytes], files: list[tuple[bytes, str]], numbers: list[int]) -> None:
    found = read(data)
    assert found is not None
    assert (found.texts, [(bytes(one), name) for one, name in found.files], found.numbers) == (texts, files, numbers)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ZIP, id="zip"),
        pytest.param(b"no words", id="words"),
        pytest.param(message((1, b"hi"))[:-1], id="text cut"),
        pytest.param(b"\x00\x01", id="field 0"),
        pytest.param(varint(536870912 << 3) + b"\0", id="field too high"),
        pytest.param(b"\x08" + b"\x80" * 10 + b"\1", id="number too long"),
        pytest.param(b"\x08", id="number missing"),
        pytest.param(b"\x09\1", id="fixed64 cut"),
        pytest.param(b"\x0d\1", id="fixed32 cut"),
        pytest.param(b"\x0e\1", id="kind 6"),
        pytest.param(b"\x0c", id="group never opened"),
        pytest.param(b"\x0b", id="group never closed"),
        pytest.param(b"\x0b\x14", id="group closed by another"),
        pytest.param(b"\x0b" * 40 + b"\x0c" * 40, id="too many groups"),
        pytest.param(message((1, b"hi")) + b"\xff", id="bytes behind"),
    ],
)
def test_is_none(data: bytes) -> None:
    assert read(data) is None


def test_what_a_broken_part_held_is_forgotten() -> None:
    broken = message((1, b"gone"), (2, 13800138000), (3, ZIP)) + b"\xff"
    found = read(message((1, b"kept"), (2, broken)))
    assert found is not None
    assert (found.texts, [bytes(one) for one, _ in found.files], found.numbers) == ([b"kept"], [broken], [])


def test_nesting_is_limited() -> None:
    data = b"\0\1"
    for _ in range(MAX_NESTING - 1):
        data = message((1, data + b"\x08\0" if data == b"\0\1" else data))
    assert read(message((1, b"\x08\0"))) is not None
    deep = b"\x08\0"
    for _ in range(MAX_NESTING + 1):
        deep = message((1, deep))
    with pytest.raises(LimitError):
        read(deep)


def test_fields_are_limited() -> None:
    assert read(message((1, 1)) * 20, max_fields=1) is not None
    with pytest.raises(LimitError):
        read(message((1, 1)) * 21, max_fields=1)


def pieces(*fields: tuple[int, bytes | int]) -> list[tuple[str, bool, bytes]]:
    found = read(message(*fields))
    assert found is not None
    return [(one.name, one.is_file, bytes(one.data)) for one in message_pieces(found, "protobuf", limits=Limits())]


def test_pieces() -> None:
    secret = base64.b64encode(ZIP)
    assert pieces((1, b"to"), (2, 13800138000), (3, b"a.zip"), (4, ZIP)) == [
        ("", False, b"to\na.zip\n13800138000"),
        ("a.zip", True, ZIP),
    ]
    assert pieces((1, secret)) == [("", False, secret), ("", False, ZIP)]
    assert pieces((1, b"data:,x%20y")) == [("", False, b"data:,x%20y"), ("", True, b"x y")]
    assert pieces((1, b'{"a": "b"}')) == [("", False, b'{"a": "b"}'), ("", False, b"a: b\n")]
    assert pieces((1, b"{" + b" " * 70_000)) == [("", True, b"{" + b" " * 70_000)]
    assert pieces((1, 5)) == []


def test_values_cut_up_are_put_together() -> None:
    shreds = [(1, ID[index : index + 2]) for index in range(0, len(ID), 2)]
    assert pieces(*shreds)[0][2].endswith(b"\n" + ID)
    assert pieces((1, b"a"), (1, b"b"), (1, b"a word"), (1, b"c")) == [("", False, b"a\nb\na word\nc")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"", True, id="empty"),
        pytest.param("合同\t\r\n😀".encode(), True, id="text"),
        pytest.param(b"a\0", False, id="NUL"),
        pytest.param(b"\xc3", False, id="cut character"),
        pytest.param("合".encode("gbk"), False, id="GBK"),
        pytest.param(b"a" * 5000 + b"\x01", False, id="control character late"),
    ],
)
def test_is_text(value: bytes, expected: bool) -> None:
    assert is_text(memoryview(value)) is expected


TREES = st.recursive(
    st.one_of(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40), st.integers(0, 2**63)),
    lambda inner: st.lists(inner, min_size=1, max_size=4),
    max_leaves=20,
)


def encoded(tree: object) -> bytes:
    if isinstance(tree, list):
        return b"".join(message((2, encoded(one))) if isinstance(one, list) else encoded(one) for one in tree)
    return message((1, tree if isinstance(tree, int) else str(tree).encode()))


def leaves(tree: object) -> list[bytes]:
    if isinstance(tree, list):
        return [leaf for one in tree for leaf in leaves(one)]
    return [] if isinstance(tree, int) else [str(tree).encode()]


@given(TREES)
def test_every_text_is_found(tree: object) -> None:
    found = read(encoded(tree))
    assert found is not None
    # Printable bytes that are a message too are given out as the one text that they are.
    everything = b"\n".join(found.texts)
    assert all(leaf in everything for leaf in leaves(tree))


@given(st.binary(max_size=200))
def test_never_raises(data: bytes) -> None:
    found = read(data)
    assert found is None or list(message_pieces(found, "protobuf", limits=Limits())) is not None


def test_is_linear() -> None:
    data = message(*[(1, ID)] * 150_000)
    start = time.perf_counter()
    assert read(data) is not None
    assert time.perf_counter() - start < 5

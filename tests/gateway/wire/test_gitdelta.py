"""Deltas of git: applied to their base, or what they add; anything git would not read is refused."""

from __future__ import annotations

import pytest

from gateway.errors import LimitError, MalformedError
from gateway.wire.gitdelta import applied, inserted, size

BASE = bytes(range(256)) * 300


@pytest.mark.parametrize(
    ("delta", "base", "result"),
    [
        pytest.param(b"\0\0", b"", b"", id="nothing"),
        pytest.param(b"\3\2\2de", b"abc", b"de", id="added only"),
        pytest.param(b"\3\5\x90\3\2de", b"abc", b"abcde", id="copied from the start"),
        pytest.param(b"\3\2\x91\1\2", b"abc", b"bc", id="copied from an offset"),
        pytest.param(b"\x80\xd8\4\x80\x80\4\x80", BASE, BASE[:65536], id="copied without a length"),
        pytest.param(b"\x80\xd8\4\x80\2\xb3\0\1\0\1", BASE, BASE[256:512], id="offset and length of two bytes"),
    ],
)
def test_applied(delta: bytes, base: bytes, result: bytes) -> None:
    assert applied(memoryview(delta), base, max_bytes=100_000) == result


@pytest.mark.parametrize(
    "delta",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x80" * 9 + b"\1", id="size too long"),
        pytest.param(b"\2\1\1x", id="for another base"),
        pytest.param(b"\3\2\1x", id="result too short"),
        pytest.param(b"\3\1\2xy", id="result too long"),
        pytest.param(b"\3\2\2x", id="addition cut"),
        pytest.param(b"\3\1\0", id="code 0"),
        pytest.param(b"\3\1\x91\1", id="copy cut"),
        pytest.param(b"\3\2\x91\2\2", id="copy behind the base"),
        pytest.param(b"\3\0\x91\4\x00", id="copy of nothing there"),
    ],
)
def test_refused(delta: bytes) -> None:
    with pytest.raises(MalformedError):
        applied(memoryview(delta), b"abc", max_bytes=100)


def test_result_is_limited() -> None:
    with pytest.raises(LimitError):
        applied(memoryview(b"\3\x0b\x90\3"), b"abc", max_bytes=10)


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        pytest.param(b"\3\3\x90\3", b"", id="nothing added"),
        pytest.param(b"\3\7\1d\x90\3\2ef\1g", b"d\nefg", id="two additions"),
        pytest.param(b"\3\5\2d\n\x90\3", b"d\n", id="line end is there"),
    ],
)
def test_inserted(delta: bytes, text: bytes) -> None:
    assert inserted(memoryview(delta)) == text


def test_inserted_refused() -> None:
    with pytest.raises(MalformedError):
        inserted(memoryview(b"\3\3\5ab"))


def test_size() -> None:
    assert size(memoryview(b"x\x85\1"), 1) == (133, 3)

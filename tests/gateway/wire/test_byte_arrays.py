"""Files written as numbers in JSON are bytes again; lists of other numbers are not."""

from __future__ import annotations

import json
import time

import pytest

from gateway.wire.byte_arrays import byte_arrays

ZIP = b"PK\x03\x04" + bytes(range(256))


def read(text: str) -> list[bytes]:
    return list(byte_arrays(memoryview(text.encode())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(json.dumps(list(ZIP)), [ZIP], id="array"),
        pytest.param(json.dumps(list(ZIP), indent=2), [ZIP], id="over lines"),
        pytest.param(json.dumps({"type": "Buffer", "data": list(ZIP)}), [ZIP], id="Node's Buffer"),
        pytest.param(json.dumps([byte - 256 if byte > 127 else byte for byte in ZIP]), [ZIP], id="Java's bytes"),
        pytest.param(json.dumps({str(at): byte for at, byte in enumerate(ZIP)}), [ZIP], id="typed array"),
        pytest.param(json.dumps([list(ZIP), list(ZIP[:64])]), [ZIP, ZIP[:64]], id="two"),
        pytest.param(json.dumps(list(ZIP[:63])), [], id="short"),
        pytest.param(json.dumps([*ZIP, 256]), [], id="too large"),
        pytest.param(json.dumps([*ZIP, -129]), [], id="too small"),
        pytest.param(json.dumps([*ZIP, 1.5]), [], id="no bytes"),
        pytest.param(json.dumps([*ZIP, "a"]), [], id="a text among them"),
        pytest.param(json.dumps(list(ZIP))[:-1], [], id="not closed"),
        pytest.param(json.dumps({str(at): 300 for at in range(100)}), [], id="typed array of large numbers"),
    ],
)
def test_byte_arrays(text: str, expected: list[bytes]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize("text", ["[" * 200_000, "[1," * 100_000, "[" + "1," * 500_000, '{"1":1,' * 100_000])
def test_is_linear(text: str) -> None:
    start = time.perf_counter()
    assert read(text) == []
    assert time.perf_counter() - start < 3

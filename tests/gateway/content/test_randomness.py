"""Ciphertext or not."""

import hashlib
import zlib

import pytest

from gateway.content.randomness import looks_like_volume, looks_random

RANDOM = b"".join(hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(4096))
TEXT = b"contract no. 4711, party A and party B agree\n" * 4000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(RANDOM, True, id="128 KiB of hashes"),
        pytest.param(RANDOM[:512], True, id="512 bytes of hashes"),
        pytest.param(RANDOM[:40], True, id="40 bytes of hashes"),
        pytest.param(b"short", True, id="too short to say"),
        pytest.param(TEXT, False, id="text"),
        pytest.param(TEXT[:100], False, id="short text"),
        pytest.param(bytes(4096), False, id="zeros"),
        pytest.param(bytes(range(256)) * 8, True, id="every byte as often"),
        pytest.param("客户名单与合同金额".encode() * 100, False, id="Chinese text"),
        pytest.param(zlib.compress(RANDOM), True, id="packed: cannot be told apart"),
        pytest.param(memoryview(TEXT), False, id="a view"),
    ],
)
def test_looks_random(data, expected):
    assert looks_random(data) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(RANDOM * 4, True, id="512 KiB"),
        pytest.param(RANDOM * 2, True, id="256 KiB, the least"),
        pytest.param(RANDOM, False, id="too small"),
        pytest.param(RANDOM * 4 + b"x", False, id="not whole sectors"),
        pytest.param(RANDOM * 3 + bytes(131072), False, id="zeros at the end"),
        pytest.param(zlib.compress(TEXT * 3000)[:262144].ljust(262144, b"x"), False, id="packed text"),
    ],
)
def test_looks_like_volume(data, expected):
    assert looks_like_volume(data) is expected

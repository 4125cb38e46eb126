"""Decoded output stops at its limits, at the first chunk over them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.errors import LimitError
from gateway.limits import MIB, Limits
from gateway.wire.growth import collect


def test_chunks_become_one_read_only_buffer() -> None:
    output = collect([b"ab", b"", b"c"], encoded_bytes=3, limits=Limits())
    assert bytes(output) == b"abc"
    assert memoryview(output).readonly


@pytest.mark.parametrize(
    ("limits", "encoded_bytes", "chunks", "taken"),
    [
        pytest.param(Limits(max_decoded_bytes=4), 100, [b"abcd"], 1, id="exactly max_decoded_bytes"),
        pytest.param(Limits(max_decode_ratio=2), 1, [bytes(MIB)], 1, id="any ratio up to the floor"),
        pytest.param(Limits(max_decode_ratio=2), MIB, [bytes(MIB), bytes(MIB)], 2, id="exactly max_decode_ratio"),
    ],
)
def test_within(limits: Limits, encoded_bytes: int, chunks: list[bytes], taken: int) -> None:
    assert len(collect(chunks, encoded_bytes=encoded_bytes, limits=limits)) == sum(map(len, chunks[:taken]))


@pytest.mark.parametrize(
    ("limits", "encoded_bytes", "chunk", "limit", "taken"),
    [
        pytest.param(Limits(max_decoded_bytes=4), 100, b"abc", "max_decoded_bytes", 2, id="max_decoded_bytes"),
        pytest.param(Limits(max_decode_ratio=2), 1, bytes(MIB), "max_decode_ratio", 2, id="floor and ratio"),
        pytest.param(Limits(max_decode_ratio=3), MIB, bytes(MIB), "max_decode_ratio", 4, id="ratio"),
    ],
)
def test_over(limits: Limits, encoded_bytes: int, chunk: bytes, limit: str, taken: int) -> None:
    asked = 0

    def endless() -> Iterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield chunk

    with pytest.raises(LimitError) as caught:
        collect(endless(), encoded_bytes=encoded_bytes, limits=limits)
    assert caught.value.limit == limit
    assert asked == taken

"""Content-Encodings: every coding and stack is undone exactly, or refused."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.limits import MIB, Limits
from gateway.transfer import Buffer
from gateway.wire.encodings import undo_encodings
from tests.samples.wire_samples import aws_chunks

TEXT = "劳动合同 contract ".encode() * 50


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(data) + coder.flush()


def gzip_with(flag: int, field: bytes) -> bytes:
    plain = gzip.compress(TEXT)
    return plain[:3] + bytes([flag]) + plain[4:10] + field + plain[10:]


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=5)),
    "zstd": zstandard.compress,
}


def undo(encoding: str, body: Buffer, limits: Limits | None = None) -> bytes:
    return bytes(undo_encodings({"content-encoding": encoding}, body, limits=limits or Limits()))


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        pytest.param("gzip", gzip.compress(TEXT), TEXT, id="gzip"),
        pytest.param("X-GZIP", gzip.compress(TEXT), TEXT, id="x-gzip, upper case"),
        pytest.param("gzip", gzip.compress(b"one ") + gzip.compress(b"two"), b"one two", id="gzip members"),
        pytest.param("gzip", gzip.compress(b""), b"", id="gzip of nothing"),
        pytest.param("gzip", gzip_with(0x08, b"name.txt\0"), TEXT, id="gzip with a file name, as gzip(1) writes"),
        pytest.param("deflate", zlib.compress(TEXT), TEXT, id="deflate, zlib"),
        pytest.param("deflate", raw_deflate(TEXT), TEXT, id="deflate, raw"),
        pytest.param("deflate", b"\x03\x00", b"", id="deflate, raw, nothing"),
        pytest.param("br", brotli.compress(TEXT), TEXT, id="br"),
        pytest.param("zstd", zstandard.compress(TEXT), TEXT, id="zstd"),
        pytest.param("zstd", zstandard.compress(b"one ") + zstandard.compress(b"two"), b"one two", id="zstd frames"),
        pytest.param("gzip, br", brotli.compress(gzip.compress(TEXT)), TEXT, id="stacked, last one outermost"),
        pytest.param("br,identity , gzip", gzip.compress(brotli.compress(TEXT)), TEXT, id="identity between"),
        pytest.param("identity", TEXT, TEXT, id="identity"),
        pytest.param("", TEXT, TEXT, id="empty header"),
        pytest.param("gzip", b"", b"", id="empty body"),
        pytest.param("aws-chunked", aws_chunks(TEXT), TEXT, id="aws-chunked"),
        pytest.param("aws-chunked,gzip", aws_chunks(gzip.compress(TEXT)), TEXT, id="aws-chunked is always outermost"),
        pytest.param("gzip, aws-chunked", aws_chunks(gzip.compress(TEXT)), TEXT, id="aws-chunked named last"),
    ],
)
def test_undone(encoding: str, body: bytes, expected: bytes) -> None:
    assert undo(encoding, body) == expected
    assert undo(encoding, memoryview(body)) == expected


@pytest.mark.parametrize(
    ("encoding", "body", "error"),
    [
        pytest.param("compress", b"\x1f\x9d", UnsupportedError, id="no decoder"),
        pytest.param("4111111111111111", b"x", UnsupportedError, id="unknown word"),
        pytest.param("gzip", b"plain", MalformedError, id="gzip, not at all"),
        pytest.param("gzip", gzip.compress(TEXT)[:-1], MalformedError, id="gzip, ends early"),
        pytest.param("gzip", gzip.compress(TEXT) + b"junk", MalformedError, id="gzip, bytes follow"),
        pytest.param("gzip", gzip.compress(TEXT) + bytes(8), MalformedError, id="gzip, zeros follow"),
        pytest.param("gzip", gzip.compress(TEXT)[:-8] + bytes(8), MalformedError, id="gzip, wrong check sum"),
        pytest.param("gzip", gzip_with(0x10, b"comment\0"), MalformedError, id="gzip, comment"),
        pytest.param("gzip", gzip_with(0x04, b"\x03\0abc"), MalformedError, id="gzip, extra field"),
        pytest.param("deflate", zlib.compress(TEXT) + b"x", MalformedError, id="deflate, byte follows"),
        pytest.param("deflate", zlib.compress(TEXT)[:-1], MalformedError, id="deflate, ends early"),
        pytest.param("deflate", b"\xff", MalformedError, id="deflate, one byte"),
        pytest.param("br", brotli.compress(TEXT) + b"x", MalformedError, id="br, byte follows"),
        pytest.param("br", brotli.compress(TEXT)[:-1], MalformedError, id="br, ends early"),
        pytest.param("zstd", zstandard.compress(TEXT) + b"x", MalformedError, id="zstd, byte follows"),
        pytest.param("zstd", zstandard.compress(TEXT)[:-1], MalformedError, id="zstd, ends early"),
        pytest.param("zstd", b"\x50\x2a\x4d\x18\x03\0\0\0abc", MalformedError, id="zstd, skippable frame"),
        pytest.param("zstd", b"\x28\xb5\x2f\xfd\x00\xff", MalformedError, id="zstd, window of a gigabyte"),
        pytest.param("gzip, br", gzip.compress(brotli.compress(TEXT)), MalformedError, id="stacked the other way"),
        pytest.param("aws-chunked", TEXT, MalformedError, id="aws-chunked, not framed"),
        pytest.param("gzip,gzip,gzip,gzip", b"x", LimitError, id="one more than max_encodings"),
    ],
)
def test_refused(encoding: str, body: bytes, error: type[ContentError]) -> None:
    with pytest.raises(error) as caught:
        undo(encoding, body)
    assert "4111111111111111" not in str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "body", "names"),
    [
        pytest.param("gzip", gzip.compress(TEXT), [], id="none"),
        pytest.param("gzip", b"", [], id="empty body"),
        pytest.param("gzip", gzip_with(0x08, b"name.txt\0"), [b"name.txt"], id="one"),
        pytest.param("gzip", gzip_with(0x08, b"x" * 255 + b"\0"), [b"x" * 255], id="longest"),
        pytest.param("gzip, br", brotli.compress(gzip_with(0x08, b"a\0")), [b"a"], id="of the inner layer"),
    ],
)
def test_names_beside_the_content(encoding: str, body: bytes, names: list[bytes]) -> None:
    found: list[bytes] = []
    undo_encodings({"content-encoding": encoding}, body, limits=Limits(), file_names=found)
    assert found == names


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip_with(0x08, b"x" * 256 + b"\0"), id="too long"),
        pytest.param(gzip.compress(TEXT) + gzip_with(0x08, b"a\0"), id="in a later member"),
    ],
)
def test_names_that_nobody_writes_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        undo_encodings({"content-encoding": "gzip"}, body, limits=Limits(), file_names=[])


def test_streaming_header_alone_means_framed() -> None:
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    assert bytes(undo_encodings(headers, aws_chunks(b"abc"), limits=Limits())) == b"abc"


def test_without_encoding_the_buffer_is_the_same() -> None:
    body = memoryview(TEXT)
    assert undo_encodings({}, body, limits=Limits()) is body


@pytest.mark.parametrize("encoding", CODERS)
def test_bomb_stops_at_the_ratio(encoding: str) -> None:
    bomb = CODERS[encoding](bytes(4 * MIB))
    with pytest.raises(LimitError) as caught:
        undo(encoding, bomb)
    assert caught.value.limit == "max_decode_ratio"


@pytest.mark.parametrize("encoding", CODERS)
def test_output_over_several_steps(encoding: str) -> None:
    noise = random.Random(7).randbytes(MIB)
    content = noise[:100_000] + bytes(5 * MIB) + noise
    assert undo(encoding, CODERS[encoding](content)) == content


@pytest.mark.parametrize("encoding", CODERS)
def test_max_decoded_bytes_is_inclusive(encoding: str) -> None:
    body = CODERS[encoding](bytes(1000))
    assert len(undo(encoding, body, Limits(max_decoded_bytes=1000))) == 1000
    with pytest.raises(LimitError) as caught:
        undo(encoding, body, Limits(max_decoded_bytes=999))
    assert caught.value.limit == "max_decoded_bytes"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_members_are_counted(encoding: str) -> None:
    member = CODERS[encoding](b"a")
    assert undo(encoding, member * 3, Limits(max_members=3)) == b"aaa"
    with pytest.raises(LimitError) as caught:
        undo(encoding, member * 4, Limits(max_members=3))
    assert caught.value.limit == "max_members"


@pytest.mark.parametrize("encoding", CODERS)
def test_truncated_at_every_byte_and_with_trailing_bytes(encoding: str) -> None:
    body = CODERS[encoding](b"short text, short text")
    for end in range(1, len(body)):
        with pytest.raises(MalformedError):
            undo(encoding, body[:end])
    with pytest.raises(MalformedError):
        undo(encoding, body + b"\0")


@pytest.mark.parametrize("encoding", CODERS)
def test_every_flipped_bit_is_refused_or_read(encoding: str) -> None:
    body = CODERS[encoding](b"short text")
    for bit in range(len(body) * 8):
        flipped = bytearray(body)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            undo(encoding, bytes(flipped))
        except ContentError:
            continue


@settings(deadline=None)
@given(st.sampled_from([*CODERS, "gzip, zstd", "aws-chunked"]), st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_anything_else(encoding: str, body: bytes) -> None:
    try:
        undo(encoding, body)
    except ContentError as error:
        assert error.reason in {"malformed", "too-large", "unsupported"}  # noqa: PT017 - the property itself

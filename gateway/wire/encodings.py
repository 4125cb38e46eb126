"""Content-Encoding undone: gzip, deflate, br, zstd, stacked, each bounded and read to its very end."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]
import zstandard

from gateway.errors import LimitError, MalformedError, UnsupportedError
from gateway.limits import KIB, MIB, Limits
from gateway.wire.aws_chunked import AWS_CHUNKED, is_streaming, undo_aws_chunked
from gateway.wire.growth import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from gateway.transfer import Buffer

OUTPUT_STEP_BYTES = MIB
"""Most output made by one call of zlib or brotli, so that a bomb is seen one step after it passes a limit."""
FIRST_FEED_BYTES = 512
"""First input of a gzip member: zlib copies what follows the member, and a body of tiny members must stay linear."""
LARGEST_FEED_BYTES = 256 * KIB
"""Later inputs of the same member."""
ZSTD_FEED_BYTES = 256
"""Input of one zstd call: a block of 4 bytes may hold 128 KiB of output, so a call makes at most 8 MiB."""
ZSTD_WINDOW_BYTES = 8 * MIB
"""Largest window a decoder of the coding `zstd` must accept, RFC 9659."""
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""Start of a zstd frame, RFC 8878 section 3.1.1."""
GZIP_HIDING_FLAGS = 0b1111_0100
"""FEXTRA, FCOMMENT and the reserved flags, RFC 1952 section 2.3.1: room for bytes that no decoder gives out."""
GZIP_NAME_FLAG = 0b0000_1000
"""FNAME: gzip(1) writes the file's name, and files so made are sent as they are (`aws s3 cp --content-encoding gzip`)."""
MAX_GZIP_NAME_BYTES = 255
"""Longest file name of the file systems in use."""


def undo_encodings(
    headers: Mapping[str, str], body: Buffer, *, limits: Limits, file_names: list[bytes] | None = None
) -> Buffer:
    """The body as the client had it before Content-Encoding and aws-chunked framing; the same buffer when there is none.

    `headers` has lower-case names; `file_names` takes what gzip headers hold beside the content. Raises UnsupportedError for an encoding without a decoder here, LimitError over
    `max_encodings`, `max_decoded_bytes` or `max_decode_ratio`, MalformedError for anything that ends early or late.
    """
    names = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if len(names) > limits.max_encodings:
        raise LimitError("max_encodings", allowed=limits.max_encodings, actual=len(names))
    if AWS_CHUNKED in names or is_streaming(headers):
        # S3 clients name it first although it is the outermost layer:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
        body = undo_aws_chunked(headers, body, limits=limits)
    for name in reversed([name for name in names if name != AWS_CHUNKED]):
        decode = _DECODERS.get(name)
        if decode is None:
            # The client chose the word, so the error does not repeat it.
            raise UnsupportedError("this Content-Encoding")
        if decode is _gzip and file_names is not None:
            file_names += _gzip_name(memoryview(body))
        body = collect(_decoded(name, decode, memoryview(body), limits), encoded_bytes=len(body), limits=limits)
    return body


type Decode = Callable[[memoryview, Limits], Iterator[bytes]]
"""Yields the output in steps; raises MalformedError unless the input is used up exactly."""


def _decoded(name: str, decode: Decode, body: memoryview, limits: Limits) -> Iterator[bytes]:
    if not body:
        # Clients that label every request send an empty body as it is; there is nothing to hide in it.
        return
    try:
        yield from decode(body, limits)
    except (zlib.error, brotli.error, zstandard.ZstdError):
        # The libraries' own messages may quote input.
        raise MalformedError(name, "the stream is damaged") from None


def _gzip(body: memoryview, limits: Limits) -> Iterator[bytes]:
    position = members = 0
    while position < len(body):
        members += 1
        if members > limits.max_members:
            raise LimitError("max_members", allowed=limits.max_members, actual=members)
        flags = body[position + 3] if len(body) > position + 3 else 0
        if flags & GZIP_HIDING_FLAGS or (flags & GZIP_NAME_FLAG and members > 1):
            raise MalformedError("gzip", "a member has an extra field, a comment or a name of its own")
        position = yield from _inflate("gzip", body, position, zlib.MAX_WBITS | 16)


def _gzip_name(body: memoryview) -> list[bytes]:
    """The file name in the first member's header; empty when there is none."""
    if len(body) < 10 or not body[3] & GZIP_NAME_FLAG:
        return []
    name, end, _ = bytes(body[10 : 10 + MAX_GZIP_NAME_BYTES + 1]).partition(b"\0")
    if not end:
        raise MalformedError("gzip", "the file name in the header has no end")
    return [name]


def _deflate(body: memoryview, _limits: Limits) -> Iterator[bytes]:
    # RFC 9110 section 8.4.1.2 means zlib, and clients that send raw deflate are known; the two header bytes with
    # their check sum tell them apart but for one raw stream in thousands, which then fails as damaged.
    is_zlib = len(body) > 1 and body[0] & 0x8F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    end = yield from _inflate("deflate", body, 0, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
    if end != len(body):
        raise MalformedError("deflate", "bytes follow the stream")


def _inflate(name: str, body: memoryview, position: int, window_bits: int) -> Generator[bytes, None, int]:
    """Yields the output of the stream that starts at `position`, returns the position after it."""
    stream = zlib.decompressobj(window_bits)
    feed_bytes = FIRST_FEED_BYTES
    while not stream.eof:
        chunk: Buffer = body[position : position + feed_bytes]
        if not chunk:
            raise MalformedError(name, "the stream ends early")
        position += len(chunk)
        output = b"-"
        # Output may wait inside zlib after its input is used up.
        while not stream.eof and (chunk or len(output) == OUTPUT_STEP_BYTES):
            output = stream.decompress(chunk, OUTPUT_STEP_BYTES)
            yield output
            chunk = stream.unconsumed_tail
        feed_bytes = min(feed_bytes * 2, LARGEST_FEED_BYTES)
    return position - len(stream.unused_data)


def _brotli(body: memoryview, _limits: Limits) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    for start in range(0, len(body), LARGEST_FEED_BYTES):
        # A stream that has ended refuses more input with an error, which is what trailing bytes deserve.
        yield stream.process(body[start : start + LARGEST_FEED_BYTES], output_buffer_limit=OUTPUT_STEP_BYTES)
        while not stream.can_accept_more_data():
            yield stream.process(b"", output_buffer_limit=OUTPUT_STEP_BYTES)
    while not stream.is_finished():
        output = stream.process(b"", output_buffer_limit=OUTPUT_STEP_BYTES)
        if not output and not stream.is_finished():
            raise MalformedError("br", "the stream ends early")
        yield output


def _zstd(body: memoryview, limits: Limits) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    position = frames = 0
    while position < len(body):
        frames += 1
        if frames > limits.max_members:
            raise LimitError("max_members", allowed=limits.max_members, actual=frames)
        if bytes(body[position : position + 4]) != ZSTD_MAGIC:
            # Among these are skippable frames, whose bytes no decoder gives out.
            raise MalformedError("zstd", "something that is no frame stands where one must start")
        frame = decompressor.decompressobj()
        while not frame.eof:
            chunk = body[position : position + ZSTD_FEED_BYTES]
            if not chunk:
                raise MalformedError("zstd", "the stream ends early")
            yield frame.decompress(chunk)
            position += len(chunk)
        position -= len(frame.unused_data)


_DECODERS: dict[str, Decode] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
"""Name in Content-Encoding, lower case → its decoder."""

"""The `aws-chunked` framing of S3 uploads undone.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and …/sigv4-streaming-trailers.html.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError
from gateway.limits import KIB, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.transfer import Buffer

AWS_CHUNKED = "aws-chunked"
"""Its name in Content-Encoding."""
MIN_CHUNK_BYTES = 8 * KIB
"""Smallest chunk S3 takes, the last one aside; bounds how many there can be."""
MAX_LINE_BYTES = 300
"""Longest chunk header: 16 digits and a SigV4A signature."""
MAX_TRAILER_BYTES = 4 * KIB
"""Longest block of trailers; a check sum and a signature have about 200."""

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=[0-9a-fA-F*]{1,200})?")
_TRAILERS = re.compile(rb"(?:x-amz-[a-z0-9-]{1,60}:[ ]?[A-Za-z0-9+/=*-]{1,200}\n?\r\n)*+\r\n", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,18}")


def is_streaming(headers: Mapping[str, str]) -> bool:
    """Whether the request says that its body is framed, by the header that carries the payload's hash otherwise."""
    return headers.get("x-amz-content-sha256", "").strip().upper().startswith("STREAMING-")


def undo_aws_chunked(headers: Mapping[str, str], body: Buffer, *, limits: Limits) -> Buffer:
    r"""The content of the chunks; a slice of `body` when there is one chunk.

    Raises MalformedError for any deviation from the framing or from x-amz-decoded-content-length, LimitError for more
    chunks than S3 allows.

    >>> bytes(undo_aws_chunked({}, b"3\r\nabc\r\n0\r\n\r\n", limits=Limits()))
    b'abc'
    """
    view = memoryview(body)
    max_chunks = limits.max_members + len(view) // MIN_CHUNK_BYTES
    chunks: list[memoryview] = []
    position = 0
    while True:
        size, position = _chunk_head(view, position)
        if not size:
            break
        if len(chunks) >= max_chunks:
            raise LimitError("aws-chunked chunks", allowed=max_chunks, actual=len(chunks) + 1)
        end = position + size
        if bytes(view[end : end + 2]) != b"\r\n":
            raise MalformedError(AWS_CHUNKED, "a chunk is not as long as it says")
        chunks.append(view[position:end])
        position = end + 2
    _check_end(view, position)
    total = sum(len(chunk) for chunk in chunks)
    declared = headers.get("x-amz-decoded-content-length", "").strip()
    if declared and (not _DIGITS.fullmatch(declared) or int(declared) != total):
        raise MalformedError(AWS_CHUNKED, "the chunks are not as long together as the header says")
    return chunks[0] if len(chunks) == 1 else memoryview(b"".join(chunks))


def _chunk_head(view: memoryview, position: int) -> tuple[int, int]:
    """Size of the chunk whose head starts at `position`, and where its content starts."""
    line, newline, _ = bytes(view[position : position + MAX_LINE_BYTES]).partition(b"\r\n")
    match = _CHUNK.fullmatch(line)
    if not newline or match is None:
        raise MalformedError(AWS_CHUNKED, "a chunk has no proper head")
    return int(match[1], 16), position + len(line) + 2


def _check_end(view: memoryview, position: int) -> None:
    if len(view) - position > MAX_TRAILER_BYTES:
        raise MalformedError(AWS_CHUNKED, "bytes follow the last chunk")
    if not _TRAILERS.fullmatch(view, position):
        raise MalformedError(AWS_CHUNKED, "what follows the last chunk is no trailer")

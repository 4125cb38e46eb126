"""gRPC, gRPC-Web and Connect streams → their messages.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and …/PROTOCOL-WEB.md,
https://connectrpc.com/docs/protocol.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError
from gateway.wire.encodings import undo_encodings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.limits import Limits
    from gateway.transfer import Buffer

FRAMED = re.compile(r"application/(?:grpc(?:-web)?(?:-text)?(?:\+[a-z0-9.-]{1,40})?|connect\+(?:proto|json))")
"""Media types whose body is frames of five bytes of head and a message."""
HEAD_BYTES = 5
COMPRESSED, END_OF_CONNECT, TRAILERS = 1, 2, 0x80
"""Flags of a frame: a compressed message, Connect's closing JSON, gRPC-Web's trailers."""
_CODING_HEADERS = ("grpc-encoding", "connect-content-encoding")
_BASE64_PIECE = re.compile(rb"[A-Za-z0-9+/]++={0,2}")


def read_frames(headers: Mapping[str, str], declared: str, view: memoryview, *, limits: Limits) -> Iterator[Buffer]:
    r"""The messages of a body whose media type `declared` is `FRAMED`, decompressed; the rest of a cut one is refused.

    Raises MalformedError for broken frames, LimitError over `max_members`, and as `undo_encodings` does.

    >>> from gateway.limits import Limits
    >>> [bytes(one) for one in read_frames({}, "application/grpc", memoryview(b"\0\0\0\0\2hi"), limits=Limits())]
    [b'hi']
    """
    if "-text" in declared:
        view = memoryview(_unarmoured(view))
    coding = next((headers[name] for name in _CODING_HEADERS if headers.get(name)), "")
    position = count = decoded_bytes = 0
    while position < len(view):
        count += 1
        if count > limits.max_members:
            raise LimitError("max_members", allowed=limits.max_members, actual=count)
        start = position + HEAD_BYTES
        flags, length = view[position], int.from_bytes(view[position + 1 : start], "big")
        if start + length > len(view) or flags & ~(COMPRESSED | END_OF_CONNECT | TRAILERS):
            raise MalformedError("grpc", "a frame is broken")
        message: Buffer = view[start : start + length]
        if flags & COMPRESSED and message:
            left = replace(limits, max_decoded_bytes=limits.max_decoded_bytes - decoded_bytes)
            message = undo_encodings({"content-encoding": _one_coding(coding)}, message, limits=left)
            decoded_bytes += len(message)
        position = start + length
        yield message


def _one_coding(coding: str) -> str:
    if coding.strip().lower() in {"", "identity"}:
        raise MalformedError("grpc", "a message is compressed and nothing says how")
    return coding


def _unarmoured(view: memoryview) -> bytes:
    """The bytes of pieces of base64, each with its own padding, as browsers' clients append them."""
    output, position = bytearray(), 0
    text = bytes(view).translate(None, b"\r\n")
    while position < len(text):
        match = _BASE64_PIECE.match(text, position)
        try:
            if match is None:
                raise MalformedError("grpc", "the body is not the base64 that it is labelled")
            output += a2b_base64(match[0], strict_mode=True)
        except Base64Error:
            raise MalformedError("grpc", "the body is not the base64 that it is labelled") from None
        position = match.end()
    return bytes(output)

"""Bodies in the formats of programs: Protocol Buffers and gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.parts import Piece
from gateway.wire.embedded import starts_as_known
from gateway.wire.grpc import FRAMED, read_frames
from gateway.wire.jsonbody import read_json
from gateway.wire.protobuf import Message, message_pieces, read_protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Request

PROTOBUF_LABELS = {
    "application/x-protobuf",
    "application/protobuf",
    "application/x-protobuffer",
    "application/x-google-protobuf",
    "application/vnd.google.protobuf",
    "application/proto",
}
"""Types under which messages are sent; Feishu's and Google's pages, OTLP, Connect."""
UNLABELLED = {"", "application/octet-stream", "binary/octet-stream", "text/plain"}
"""Types under which anything is sent: a message is told by its content there."""


def read_binary(request: Request, view: memoryview, declared: str, *, limits: Limits) -> list[Piece] | None:
    """What the body holds besides itself; None when it is in none of these formats.

    `declared` is its media type. Raises MalformedError, LimitError and UnsupportedError for a body that is labelled as
    one of them and breaks it.
    """
    if FRAMED.fullmatch(declared):
        return list(_framed_pieces(request, view, declared, limits))
    if declared in PROTOBUF_LABELS or declared.endswith("+proto"):
        message = read_protobuf(view, limits=limits)
    elif declared in UNLABELLED and not starts_as_known(view):
        message = _unlabelled(view, limits)
    else:
        message = None
    return None if message is None else list(message_pieces(message, "protobuf", limits=limits))


def _framed_pieces(request: Request, view: memoryview, declared: str, limits: Limits) -> Iterator[Piece]:
    for frame in read_frames(request.headers, declared, view, limits=limits):
        data = memoryview(frame)
        reading = read_json(data, limits=limits)
        message = read_protobuf(data, limits=limits)
        if reading is not None:
            yield from reading.pieces
        if message is not None:
            yield from message_pieces(message, "protobuf", limits=limits)
        else:
            yield Piece(data, field="grpc")


def _unlabelled(view: memoryview, limits: Limits) -> Message | None:
    """The message that a body seems to be; a file that only starts like one is none."""
    try:
        message = read_protobuf(view, limits=limits)
    except LimitError:
        # Nobody said that it is one, and as it stands it is inspected anyway.
        return None
    return message if message is not None and (message.texts or message.files) else None

"""One message of a WebSocket → pieces: text, JSON in the framings that chat libraries put around it, protobuf, files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import LimitError
from gateway.parts import Piece
from gateway.wire.binary import read_binary
from gateway.wire.embedded import MIN_CHARS, embedded_files
from gateway.wire.head import body_name
from gateway.wire.jsonbody import JsonReading, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Buffer, Request

MESSAGE = "WS"
"""Method of the request that stands for one message of a WebSocket; its body is the message."""
TEXT_TYPE = "text/plain"
"""Content type of the request of a text message; a binary one has `application/octet-stream`."""
FILE_HEADER = "content-disposition"
"""Header of the request whose body is no message but a file put together from several."""
MAX_HEAD_BYTES = 16_384
"""How far a STOMP or SIP-like message is looked through for the empty line after its headers."""

_SOCKET_IO = re.compile(rb"[0-9]{1,3}(?:-[0-9]{0,10})?(?:/[^,\[{\"]{0,200},)?[0-9]{0,20}(?=[\[{\"])")
"""Engine.IO and Socket.IO packet types, attachments, namespace and acknowledgement id before the JSON."""
_SOCKJS = re.compile(rb"[a-z](?=[\[{])")
"""SockJS frame types."""


def read_message(request: Request, body: Buffer, *, limits: Limits) -> tuple[Piece, ...]:
    """Everything of one message that is to be inspected; the handshake's own head was inspected with it.

    Raises LimitError as `read_json` does, and over `max_websocket_message_bytes` for what is no file.

    >>> from gateway.limits import Limits
    >>> from gateway.transfer import Request
    >>> message = Request(MESSAGE, headers={"content-type": TEXT_TYPE})
    >>> [piece.field for piece in read_message(message, b'42["chat",{"text":"hello"}]', limits=Limits())]
    ['body', 'json']
    """
    view = memoryview(body)
    if FILE_HEADER in request.headers:
        name, _ = body_name(request)
        return (Piece(view, name, "body", "", is_file=True),)
    if len(view) > limits.max_websocket_message_bytes:
        allowed = limits.max_websocket_message_bytes
        raise LimitError("max_websocket_message_bytes", allowed=allowed, actual=len(view))
    return tuple(_pieces(request, view, limits)) if view else ()


def _pieces(request: Request, view: memoryview, limits: Limits) -> Iterator[Piece]:
    is_text = request.content_type == TEXT_TYPE
    reading = _json(view, limits)
    is_json = reading is not None and reading.is_sound
    inside = None if is_text or is_json else read_binary(request, view, request.content_type, limits=limits)
    is_file = not is_text and not is_json and inside is None
    yield Piece(view, field="body", declared_type=request.content_type, is_file=is_file)
    yield from inside or ()
    if reading is not None:
        yield from reading.pieces
    elif is_text and len(view) >= MIN_CHARS:
        for found in embedded_files(view):
            yield Piece(found.data, field="text", declared_type=found.declared_type, is_file=found.is_certain)


def _json(view: memoryview, limits: Limits) -> JsonReading | None:
    """The JSON that the message is, or that follows the framing of a library, or a block of headers."""
    reading = read_json(view, limits=limits)
    if reading is not None:
        return reading
    if match := _SOCKET_IO.match(view) or _SOCKJS.match(view):
        return read_json(view[match.end() :], limits=limits)
    head = bytes(view[:MAX_HEAD_BYTES])
    for line_end in (b"\n", b"\r\n"):
        before, found, _ = head.partition(line_end * 2)
        if found:
            return read_json(view[len(before) + len(found) :], limits=limits)
    return None

"""A request's body → named pieces: the one door of this room."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError
from gateway.parts import Piece
from gateway.wire.binary import UNLABELLED, read_binary
from gateway.wire.charsets import codec_of, form_codec, transcoded
from gateway.wire.encodings import undo_encodings
from gateway.wire.form import FIRST_NAME_BYTES, FORM, is_plain_form, read_doubtful_form, read_form, read_seven_bits
from gateway.wire.gitpush import PUSH, read_push
from gateway.wire.head import body_name, head_pieces, raw_bytes
from gateway.wire.jsonbody import read_json
from gateway.wire.parameters import media_type
from gateway.wire.parts import read_multipart
from gateway.wire.values import cut_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Buffer, Request

JSON_LABELS = {"", "application/json", "text/json", "text/plain", "text/javascript", FORM}
"""Types under which clients send JSON messages; a JSON body under another is a file of JSON."""


def read_request(request: Request, body: Buffer, *, limits: Limits, content: str = "") -> tuple[Piece, ...]:
    """Everything of a request that is to be inspected: path, query, telling headers, then the body as its reader sees it.

    What the body is, is judged by its content as well as by its label, and where readers may differ each reading comes
    out. `body` is read in place: parts of it are slices, and only what was encoded is a copy. An empty body gives no
    piece. `content` says where the body has a slice of a file that is sent over several requests (`body`, `field:NAME`,
    `base64:PLACE`): that piece is a fragment, and the only one. Raises LimitError, MalformedError or UnsupportedError when the body cannot be separated safely.

    >>> from gateway.limits import Limits
    >>> from gateway.transfer import Request
    >>> [piece.field for piece in read_request(Request(path="/a.txt"), b"text", limits=Limits())]
    ['path', 'body']
    """
    if len(body) > limits.max_body_bytes:
        raise LimitError("max_body_bytes", allowed=limits.max_body_bytes, actual=len(body))
    pieces = list(head_pieces(request, limits=limits))
    names: list[bytes] = []
    view = memoryview(undo_encodings(request.headers, body, limits=limits, file_names=names))
    pieces += [Piece(name, field="gzip-name", declared_type="text/plain") for name in names]
    if view:
        pieces += _fragment_pieces(request, view, content, limits) if content else _body_pieces(request, view, limits)
    if content and (view or content != "body") and sum(piece.is_fragment for piece in pieces) != 1:
        raise MalformedError("upload", "the piece of the file is not there exactly once")
    return tuple(pieces)


def _fragment_pieces(request: Request, view: memoryview, content: str, limits: Limits) -> Iterator[Piece]:
    name, _ = body_name(request)
    if content == "body":
        yield Piece(view, name, "body", media_type(request.content_type), is_file=True, is_fragment=True)
        return
    if content.startswith("base64:json:"):
        fragment, view = cut_content(view, content)
        yield Piece(fragment, name, content, is_file=True, is_fragment=True)
    yield from _body_pieces(request, view, limits, content)


def _body_pieces(request: Request, view: memoryview, limits: Limits, content: str = "") -> Iterator[Piece]:
    label = request.content_type.lower()
    if "multipart" in label:
        # Loosely, as formidable and fastify look for it; the strict reading follows.
        yield from read_multipart(view, raw_bytes(request.content_type), limits=limits, content=content)
        return
    codec = (form_codec if FORM in label else codec_of)(label)
    if codec and FORM not in label and (text := transcoded(view, codec, limits=limits)) is not None:
        plain = replace(request, headers={**request.headers, "content-type": media_type(label)})
        yield from _body_pieces(plain, memoryview(text), limits)
    reading = read_json(view, limits=limits)
    is_json = reading is not None and reading.is_sound
    if FORM in label and not is_json and is_plain_form(view):
        yield from read_form(view, limits=limits, content=content, codec=codec)
        return
    declared = media_type(label)
    name, is_named = body_name(request)
    if declared == PUSH or request.path.endswith("/git-receive-pack"):
        # Every byte of it is accounted for, so the compressed whole is no piece.
        yield from read_push(view, limits=limits)
        return
    inside = read_binary(request, view, declared, limits=limits)
    is_message = (is_json and (declared in JSON_LABELS or declared.endswith("+json"))) or (
        inside is not None and declared not in UNLABELLED
    )
    is_file = is_named or not is_message
    yield Piece(view, name if is_file else "", "body", declared, is_file)
    yield from inside or ()
    if reading is not None:
        yield from reading.pieces
    if FORM in label or _may_be_form(view, declared):
        yield from read_doubtful_form(view, limits=limits, is_labelled=FORM in label, codec=codec)
    if FORM in label:
        yield from read_seven_bits(view, limits=limits)


def _may_be_form(view: memoryview, declared: str) -> bool:
    """Whether a body without the label starts as a form does; sendBeacon and hand-made clients send such."""
    return (not declared or declared.startswith("text/")) and is_plain_form(view[:FIRST_NAME_BYTES])

"""What the request's head carries besides routing: path, query and the headers that hold names or metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

from gateway.errors import MalformedError
from gateway.parts import Piece
from gateway.wire.embedded import decode_base64
from gateway.wire.jsonbody import read_json
from gateway.wire.names import decode_text, file_name, last_segment, unescaped_text
from gateway.wire.parameters import parse_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Request

METADATA_PREFIX = "x-amz-meta-"
"""Headers that S3 stores beside the object."""
NAME_HEADERS = (
    "x-file-name",
    "x-filename",
    "file-name",
    "filename",
    "x-qqmail-filename",
    "mail-upload-name",
    "x-goog-upload-file-name",
    "slug",
)
"""Headers that name the file of a raw body, best first."""
TEXT_HEADERS = {"dropbox-api-arg", "content-disposition", "upload-metadata", *NAME_HEADERS}
"""Headers whose values are inspected, besides those with `METADATA_PREFIX`."""
QUERY_NAMES = ("file_name", "filename", "fileName", "name", "path")
"""Query keys that name the file of a raw body, best first (Google, Matrix, Baidu)."""


def head_pieces(request: Request, *, limits: Limits) -> Iterator[Piece]:
    """Text pieces for the path, the query and each header in `TEXT_HEADERS`, decoded; none for what is empty.

    Raises LimitError as `read_json` does for a header that is JSON.

    >>> from gateway.limits import Limits
    >>> from gateway.transfer import Request
    >>> [(piece.field, piece.data) for piece in head_pieces(Request(path="/a%2520b", query="q=%41"), limits=Limits())]
    [('path', b'/a b'), ('query', b'q=A')]
    """
    if request.path:
        yield _text("path", _unescaped(raw_bytes(request.path)))
    if request.query:
        yield _text("query", _unescaped(raw_bytes(request.query).replace(b"+", b" ")))
    for name, value in request.headers.items():
        if value and (name in TEXT_HEADERS or name.startswith(METADATA_PREFIX)):
            raw = raw_bytes(value)
            lines = dict.fromkeys([raw, *_decoded_header(name, raw, limits)])
            yield _text(f"header:{name}", b"\n".join(lines))


def body_name(request: Request) -> tuple[str, bool]:
    """The file name of a raw body, and whether a header gives it: a client that names a file so sends a file.

    Looked for in Content-Disposition, Dropbox-API-Arg, `NAME_HEADERS`, Upload-Metadata, the query, the path; empty when
    even the path ends in `/`. Never raises.
    """
    for name in _header_names(request):
        if name:
            return last_segment(name), True
    pairs = dict(parse_qsl(request.query, errors="surrogateescape"))
    for key in QUERY_NAMES:
        if name := last_segment(decode_text(raw_bytes(pairs.get(key, "")))):
            return name, False
    path = decode_text(_unescaped(raw_bytes(request.path)))
    # Microsoft Graph: …/root:/folder/file.txt:/content
    return last_segment(path.removesuffix(":/content")), False


def _header_names(request: Request) -> Iterator[str]:
    headers = request.headers
    yield _disposition_name(raw_bytes(headers.get("content-disposition", "")))
    yield _dropbox_path(headers.get("dropbox-api-arg", ""))
    for header in NAME_HEADERS:
        yield unescaped_text(decode_text(raw_bytes(headers.get(header, ""))))
    metadata = dict(_upload_metadata(raw_bytes(headers.get("upload-metadata", ""))))
    for key in (b"filename", b"name"):
        yield decode_text(metadata.get(key, b""))


def _decoded_header(name: str, raw: bytes, limits: Limits) -> Iterator[bytes]:
    """Other readings of a header's value."""
    if name == "upload-metadata":
        yield from (key + b": " + value for key, value in _upload_metadata(raw))
        return
    if name == "content-disposition":
        yield _disposition_name(raw).encode()
    reading = read_json(raw, limits=limits)
    if reading is not None:
        yield from (bytes(piece.data) for piece in reading.pieces)
    yield _unescaped(raw)


def _disposition_name(raw: bytes) -> str:
    try:
        return file_name(parse_parameters(raw, "content-disposition")[1]) or ""
    except MalformedError:
        # A name is missing then; the value itself is inspected as it stands.
        return ""


def _dropbox_path(value: str) -> str:
    try:
        argument = json.loads(value)
    except (ValueError, RecursionError):
        return ""
    path = argument.get("path", "") if isinstance(argument, dict) else ""
    return decode_text(raw_bytes(path)) if isinstance(path, str) else ""


def _upload_metadata(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of `key base64, …`, https://tus.io/protocols/resumable-upload#upload-metadata."""
    for pair in raw.split(b","):
        key, _, value = pair.strip().partition(b" ")
        decoded = decode_base64(value.strip())
        if decoded:
            yield key, decoded


def _unescaped(raw: bytes) -> bytes:
    """Percent escapes undone, those that were escaped themselves too (GitLab, Graph)."""
    once = unquote_to_bytes(raw)
    return unquote_to_bytes(once) if b"%25" in raw else once


def raw_bytes(value: str) -> bytes:
    """The bytes of a header, path or query, of which those that are no UTF-8 came as surrogates; never raises."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def _text(field: str, data: bytes) -> Piece:
    return Piece(data, field=field, declared_type="text/plain")

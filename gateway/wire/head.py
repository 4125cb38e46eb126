"""What the request's head carries besides routing: path, query and the headers that hold names or metadata."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

from gateway.errors import MalformedError
from gateway.parts import Piece
from gateway.wire.embedded import MIN_CHARS, decode_base64, embedded_files
from gateway.wire.jsonbody import read_json
from gateway.wire.names import decode_text, file_name, last_segment, readable, unescaped_text
from gateway.wire.parameters import parse_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Request

TRAILER_PREFIX = "trailer:"
"""Stands before the name of a field that came behind the body."""
_STORE_PREFIXES = tuple(
    f"x-{store}-"
    for store in (
        "amz-meta", "oss-meta", "cos-meta", "obs-meta", "tos-meta", "bce-meta", "kss-meta", "qn-meta", "upyun-meta",
        "ms-meta", "goog-meta", "object-meta", "container-meta", "bz-info",
    )
)  # fmt: skip
METADATA_PREFIXES = (*_STORE_PREFIXES, "mail-upload-", TRAILER_PREFIX)
"""Headers that are kept beside what is sent, or that nothing else reads. Object stores: S3, OSS, COS, OBS, TOS, BOS, KS3, Kodo, Upyun, Azure, GCS, Swift, B2."""
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
TAG_HEADERS = {f"x-{store}-tagging" for store in ("amz", "oss", "cos", "obs", "tos")} | {"x-ms-tags"}
"""Headers that tag an object, in the form of a query."""
TEXT_HEADERS = {"dropbox-api-arg", "content-disposition", "upload-metadata", *TAG_HEADERS, *NAME_HEADERS}
"""Headers whose values are always inspected, besides those with one of the `METADATA_PREFIXES`."""
UNREAD_HEADERS = {"authorization", "proxy-authorization", "cookie", "content-type", "content-length"}
"""Headers that are never inspected as text: the service's own credentials are there in order to be sent to it."""
QUERY_NAMES = ("file_name", "filename", "fileName", "name", "path")
"""Query keys that name the file of a raw body, best first (Google, Matrix, Baidu)."""

_TELLING = re.compile(r"[0-9](?:[ -]?[0-9]){13,}[ -]?[0-9Xx]|[^\x00-\x7f]|%(?:[89A-Fa-f][0-9A-Fa-f]|3[0-9])")
"""A long number, other scripts, or an escape of one of them: what makes any other header worth reading."""
_PACKED = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?:UEs[BDF]|H4sI|N3q8rycc|UmFyIR|JVBERi|0M8R4KGx|Qlpo[MN]|[/_]Td6WFo|KLUv)[A-Za-z0-9+/_-]{40,}={0,2}"
)
"""Base64 of an archive or document, anywhere in a value: zip, gzip, 7z, RAR, PDF, OLE, bzip2, xz, Zstandard."""
_BASE64_VALUE = re.compile(r"[A-Za-z0-9+/_-]{20,4096}={0,2}")
_TELLING_PATH = re.compile(r"[0-9]{6}|%|[^\x00-\x7f]|[A-Za-z0-9+_=-]{24}")
"""The like in a path, and what may be base64; the paths of most pages have nothing of it."""
_LONG_RUN = re.compile(rb"[A-Za-z0-9+/_=-]{24}")
_LONG_SEGMENT = re.compile(rb"[A-Za-z0-9+_=-]{24}")


def is_telling(request: Request) -> bool:
    """Whether a head without a body could hold an identifier or words; most do not, and need no inspection.

    >>> from gateway.transfer import Request
    >>> is_telling(Request(path="/index.html")), is_telling(Request(path="/110105"))
    (False, True)
    """
    if request.query or _TELLING_PATH.search(request.path):
        return True
    return any(_is_read(name, value) for name, value in request.headers.items())


def head_pieces(request: Request, *, limits: Limits) -> Iterator[Piece]:
    """Text pieces for the path, the query and the headers that could tell something, decoded; none for what is empty.

    Raises LimitError as `read_json` does for a header that is JSON.

    >>> from gateway.limits import Limits
    >>> from gateway.transfer import Request
    >>> [(piece.field, piece.data) for piece in head_pieces(Request(path="/a%2520b", query="q=%41"), limits=Limits())]
    [('path', b'/a b'), ('query', b'q=A')]
    """
    if request.path:
        yield _text("path", _path_text(_unescaped(raw_bytes(request.path))))
    if request.query:
        yield from _query_pieces(raw_bytes(request.query))
    for name, value in request.headers.items():
        if _is_read(name, value):
            raw = raw_bytes(value)
            lines = dict.fromkeys([raw, *_decoded_header(name, raw, limits)])
            # A name with digits in it may itself be the message.
            is_odd = _TELLING.search(name) is not None
            yield _text(
                "header" if is_odd else f"header:{name}", b"\n".join([raw_bytes(name), *lines] if is_odd else lines)
            )
            for found in _PACKED.finditer(value):
                if (data := decode_base64(found[0].encode())) is not None:
                    yield Piece(data, field="header")


def _is_read(name: str, value: str) -> bool:
    if name in TEXT_HEADERS or name.startswith(METADATA_PREFIXES):
        return bool(value)
    if name in UNREAD_HEADERS:
        return False
    is_telling = _TELLING.search(value) or _TELLING.search(name) or _PACKED.search(value)
    return is_telling is not None or _tells_encoded(value)


def _tells_encoded(value: str) -> bool:
    """Whether the value is base64 of a text that would be worth reading; ids and tokens decode to noise."""
    if not _BASE64_VALUE.fullmatch(value):
        return False
    decoded = decode_base64(value.encode()) or b""
    try:
        return _TELLING.search(decoded.decode()) is not None
    except UnicodeDecodeError:
        return False


def _path_text(path: bytes) -> bytes:
    """The path, and its segments apart where one may be base64, whose alphabet has the slash too."""
    return path + b"\n" + path.replace(b"/", b"\n") if _LONG_SEGMENT.search(path) else path


def _query_pieces(query: bytes) -> Iterator[Piece]:
    """The query as text, once more with its pluses as they are where it may hold base64, and the files in its values."""
    text = _unescaped(query.replace(b"+", b" "))
    yield _text("query", text + b"\n" + _unescaped(query) if b"+" in query and _LONG_RUN.search(query) else text)
    for pair in query.split(b"&"):
        value = pair.partition(b"=")[2]
        if len(value) >= MIN_CHARS:
            for found in embedded_files(_unescaped(value)):
                yield Piece(found.data, field="query", declared_type=found.declared_type)


def body_name(request: Request) -> tuple[str, bool]:
    """The file name of a raw body, and whether a header gives it: a client that names a file so sends a file.

    Looked for in Content-Disposition, Dropbox-API-Arg, `NAME_HEADERS`, Upload-Metadata, the query, the path; empty when
    even the path ends in `/`. Never raises.
    """
    for name in _header_names(request):
        if name:
            return last_segment(name), True
    pairs = dict(parse_qsl(request.query, errors="surrogateescape")) if request.query else {}
    for key in QUERY_NAMES if pairs else ():
        if name := last_segment(decode_text(raw_bytes(pairs.get(key, "")))):
            return name, False
    path = decode_text(_unescaped(raw_bytes(request.path)))
    # Microsoft Graph: …/root:/folder/file.txt:/content
    return last_segment(path.removesuffix(":/content")), False


def _header_names(request: Request) -> Iterator[str]:
    headers = request.headers
    if value := headers.get("content-disposition"):
        yield _disposition_name(raw_bytes(value))
    if value := headers.get("dropbox-api-arg"):
        yield _dropbox_path(value)
    for header in NAME_HEADERS:
        if value := headers.get(header):
            yield unescaped_text(decode_text(raw_bytes(value)))
    if value := headers.get("upload-metadata"):
        metadata = dict(_upload_metadata(raw_bytes(value)))
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
    if b"=?" in raw:
        yield readable(decode_text(raw)).encode()
    if _BASE64_VALUE.fullmatch(decode_text(raw)):
        yield decode_base64(raw) or b""


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

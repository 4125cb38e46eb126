"""Uploads by their shape: what a request's head says of one to a host that nobody has listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from gateway.limits import KIB
from gateway.transfer import Request

type Shape = Literal["multipart", "related", "piece", "put", "raw"]

SHAPES: tuple[str, ...] = get_args(Shape.__value__)
"""`multipart` a form that may carry files, `related` parts of another multipart type, `piece` a part of a file by a
protocol's own header, `put` a body that is put to its place, `raw` bytes that are neither form nor data of a call."""

MIN_RAW_BYTES = KIB
"""Least length of a body that counts by its type alone; calls without any file are shorter, or say that they are JSON."""

_METHODS = frozenset({"POST", "PUT", "PATCH"})
_PIECE_HEADERS = frozenset(
    {
        "content-range",
        "upload-offset",
        "x-goog-upload-command",
        "x-goog-upload-offset",
        "x-ms-blob-type",
        "x-upyun-multi-stage",
        "x-update-range",
    }
)
"""RFC 9110 section 14.5, tus, Google, Azure, Upyun, WebDAV of SabreDAV."""
_CALLS = frozenset(
    {
        "application/x-www-form-urlencoded",
        "application/json",
        "application/xml",
        "application/graphql",
        "application/grpc",
        "application/grpc-web",
        "application/grpc-web-text",
        "application/x-protobuf",
        "application/protobuf",
        "application/ocsp-request",
        "application/dns-message",
        "application/csp-report",
        "application/reports+json",
        "application/x-ndjson",
    }
)
"""Types of what programs say to each other; their files, if any, are found by reading the body."""


_TOTALS = ("resumabletotalchunks", "flowtotalchunks", "dztotalchunkcount")
"""Parameters by which a page says how many pieces a file has: Resumable.js, Flow.js, Dropzone."""


def upload_shape(request: Request) -> str:
    """The shape, empty for a request that looks like no upload. Never raises.

    `request.bytes` is the declared length; a body of unknown length counts as long.

    >>> upload_shape(Request("PUT", "/a.zip", headers={"content-type": "application/zip"}, bytes=5000))
    'put'
    >>> upload_shape(Request("POST", "/rpc", headers={"content-type": "application/json"}, bytes=5000))
    ''
    """
    headers = request.headers
    methods = {request.method.upper(), headers.get("x-http-method-override", request.method).upper()}
    if methods.isdisjoint(_METHODS) or not _has_body(request):
        return ""
    if not _PIECE_HEADERS.isdisjoint(headers) or _is_numbered(request.query):
        return "piece"
    media_type = request.content_type.partition(";")[0].strip().lower()
    if media_type.startswith("multipart/"):
        return "multipart" if media_type == "multipart/form-data" else "related"
    if _is_call(media_type):
        return ""
    if "PUT" in methods:
        return "put"
    is_long = request.bytes >= MIN_RAW_BYTES or (not request.bytes and _is_open_ended(headers))
    return "raw" if is_long and not media_type.startswith("text/") else ""


def _has_body(request: Request) -> bool:
    return request.bytes > 0 or _is_open_ended(request.headers)


def _is_open_ended(headers: Mapping[str, str]) -> bool:
    """Whether a body comes whose length nobody says: chunked, or over HTTP/2, where a type tells that one comes."""
    return "content-length" not in headers and ("transfer-encoding" in headers or "content-type" in headers)


def _is_numbered(query: str) -> bool:
    """Whether the query numbers a piece of an upload that has others."""
    pairs = {name.lower(): value for name, _, value in (pair.partition("=") for pair in query.split("&", 64))}
    return {"partnumber", "uploadid"} <= pairs.keys() or any(pairs.get(name, "1") != "1" for name in _TOTALS)


def _is_call(media_type: str) -> bool:
    return media_type in _CALLS or media_type.endswith(("+json", "+xml"))

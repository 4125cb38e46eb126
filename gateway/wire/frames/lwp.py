"""DingTalk's web client: JSON frames that carry files as pieces of base64.

`/up/pre` announces a file, `/up/frag` carries a piece, `/up/ci` the last one and completes the upload; the header
`up-req` is `ID;INDEX;…`. Source: the public code of the web client, as told by the endpoint's catalogue entry.
"""

from __future__ import annotations

import json
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass
from typing import Any

from gateway.errors import MalformedError
from gateway.limits import KIB

READER = "dingtalk-lwp"
"""Word of the catalogue for endpoints that speak it."""
ANNOUNCE, PIECE, COMMIT = "/up/pre", "/up/frag", "/up/ci"
MAX_FRAME_BYTES = 512 * KIB
"""Longest JSON frame; the client's pieces have 200,000 characters, and a tree of JSON takes many times its length."""
MAX_PIECES = 10_000
"""Highest index of a piece; at 150,000 bytes a piece no upload that may pass has more."""
MAX_FACT_LEVELS = 6
"""How deep in the announcement name and size are looked for."""

_UPLOAD = re.compile(r"\A([\w.:@-]{1,128});([0-9]{1,9})(?:;.{0,200})?\Z", re.ASCII)
_NAME_KEYS = ("filename", "name", "title")
_SIZE_KEYS = ("filesize", "size", "totalsize", "length")


@dataclass(frozen=True, slots=True)
class UploadFrame:
    """One step of an upload."""

    step: str
    """`ANNOUNCE`, `PIECE` or `COMMIT`."""
    upload: str
    """Id of the upload; empty in an announcement that gives none."""
    index: int
    """Of the piece; -1 without one."""
    data: bytes
    """The piece, decoded; empty without one."""
    name: str = ""
    """Declared name of the file; not masked."""
    size_bytes: int = 0
    """Declared size; 0 when none is declared."""


def read_upload(text: bytes) -> UploadFrame | None:
    r"""The step that a text message is, None for every other message.

    Raises MalformedError for a step that is none of the known ones, or that servers may read in two ways.

    >>> read_upload(b'{"lwp":"/up/frag","headers":{"up-req":"a1;0;0"},"body":"aGk="}').data
    b'hi'
    >>> read_upload(b'{"lwp":"/r/IDLSend/send","body":[]}') is None
    True
    """
    if not text.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"{"):
        return None
    if len(text) > MAX_FRAME_BYTES:
        raise MalformedError("LWP", "frame too long")
    frame = _load(text)
    path = frame.get("lwp")
    if not isinstance(path, str) or not path.strip().lower().lstrip("/").startswith("up/"):
        return None
    if path not in {ANNOUNCE, PIECE, COMMIT}:
        raise MalformedError("LWP", "unknown step of an upload")
    headers = frame.get("headers", {})
    if not isinstance(headers, dict):
        raise MalformedError("LWP", "headers")
    upload, index = _upload(headers.get("up-req", ""))
    if path == ANNOUNCE:
        name, size_bytes = _facts(frame.get("body"))
        return UploadFrame(path, upload, -1, b"", name, size_bytes)
    if not upload:
        raise MalformedError("LWP", "piece without an upload")
    data = _piece(frame.get("body", ""))
    return UploadFrame(path, upload, index if data or path == PIECE else -1, data)


def _load(text: bytes) -> dict[str, Any]:
    try:
        frame = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_pairs)
    except MalformedError:
        raise
    except (ValueError, RecursionError):
        raise MalformedError("LWP", "no JSON") from None
    return frame if isinstance(frame, dict) else {}


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("LWP", "a key twice")
    return found


def _upload(value: object) -> tuple[str, int]:
    if value == "":
        return "", -1
    match = _UPLOAD.match(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > MAX_PIECES:
        raise MalformedError("LWP", "up-req")
    return match[1], int(match[2])


def _piece(body: object) -> bytes:
    if not isinstance(body, str):
        raise MalformedError("LWP", "body of a piece")
    try:
        # Strict: decoders differ in what they skip, and in what they do after the padding.
        return a2b_base64(body.encode("ascii", "replace"), strict_mode=True)
    except Base64Error:
        raise MalformedError("LWP", "base64 of a piece") from None


def _facts(body: object) -> tuple[str, int]:
    """Name and size, wherever in the announcement they stand; the largest size counts."""
    names: list[str] = []
    sizes = [0]
    level: list[object] = [body]
    for _ in range(MAX_FACT_LEVELS):
        inner: list[object] = []
        for value in level:
            if isinstance(value, list):
                inner += value
            elif isinstance(value, dict):
                for key, one in value.items():
                    plain = key.lower().replace("_", "").replace("-", "")
                    if plain in _NAME_KEYS and isinstance(one, str):
                        names.append(one)
                    elif plain in _SIZE_KEYS and (size := _whole(one)):
                        sizes.append(size)
                    inner.append(one)
        level = inner
    return next(iter(names), ""), max(sizes)


def _whole(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

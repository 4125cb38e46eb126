"""What the gateway answers for a piece that it keeps, and how the last request comes to carry the whole file.

Sources: Google resumable uploads (308 with Range), Microsoft Graph upload sessions (202 with nextExpectedRanges),
tus 1.0.0 (204 with Upload-Offset). Only protocols are here whose intermediate answers say nothing but how much has
arrived: that the gateway can say truthfully.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from gateway.limits import MIB

MAX_WHOLE_BYTES = {"graph-202": 60 * MIB}
"""Answer → largest file that the service takes in one request; no entry: any."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def answer_chunk(word: str, kept_bytes: int, expires: str) -> Answer:
    """The answer to a piece after which `kept_bytes` from the start are here; `expires` is RFC 3339, UTC.

    >>> answer_chunk("google-308", 524288, "")
    Answer(status=308, headers=(('range', 'bytes=0-524287'),), body=b'')
    """
    if word == "google-308":
        return Answer(308, (("range", f"bytes=0-{kept_bytes - 1}"),) if kept_bytes else ())
    if word == "graph-202":
        return Answer(202, *_graph(kept_bytes, expires))
    return Answer(204, (("tus-resumable", "1.0.0"), ("upload-offset", str(kept_bytes))))


def answer_question(word: str, kept_bytes: int, total_bytes: int, expires: str) -> Answer:
    """The answer to the question how far the upload is."""
    if word == "graph-202":
        return Answer(200, *_graph(kept_bytes, expires))
    if word == "tus-204":
        length = (("upload-length", str(total_bytes)),) if total_bytes >= 0 else ()
        own = (("tus-resumable", "1.0.0"), ("upload-offset", str(kept_bytes)), ("cache-control", "no-store"))
        return Answer(200, (*own, *length))
    return answer_chunk(word, kept_bytes, expires)


def whole_headers(word: str, size_bytes: int) -> dict[str, str]:
    """Header fields that make the last request one that carries all `size_bytes`, at least 1.

    >>> whole_headers("tus-204", 9), whole_headers("graph-202", 9)
    ({'upload-offset': '0'}, {'content-range': 'bytes 0-8/9'})
    """
    if word == "tus-204":
        return {"upload-offset": "0"}
    return {"content-range": f"bytes 0-{size_bytes - 1}/{size_bytes}"}


def _graph(kept_bytes: int, expires: str) -> tuple[tuple[tuple[str, str], ...], bytes]:
    told = {"expirationDateTime": expires, "nextExpectedRanges": [f"{kept_bytes}-"]}
    return (("content-type", "application/json"),), json.dumps(told).encode()

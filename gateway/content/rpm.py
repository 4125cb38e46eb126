"""RPM packages: their headers as text, their payload as a member. Source: the LSB core specification, "Package File Format"."""

from __future__ import annotations

from gateway.content.names import names_text
from gateway.content.reading import Member, Reading, Source
from gateway.content.runs import text_runs
from gateway.errors import MalformedError
from gateway.transfer import Buffer

LEAD_BYTES = 96
_HEADER_MAGIC = b"\x8e\xad\xe8\x01"
_WHAT = "rpm"


def read_rpm(source: Source) -> Reading:
    """Reading of an RPM package. Raises MalformedError when one of its two headers is damaged."""
    data = source.data
    signature_end = _header_end(data, LEAD_BYTES)
    payload = _header_end(data, LEAD_BYTES + -(-(signature_end - LEAD_BYTES) // 8) * 8)
    members = (Member("(payload)", data[payload:]),) if payload < len(data) else ()
    return Reading(names_text([text_runs(data[:payload])]), members=members)


def _header_end(data: Buffer, at: int) -> int:
    head = bytes(data[at : at + 16])
    end = at + 16 + 16 * int.from_bytes(head[8:12], "big") + int.from_bytes(head[12:16], "big")
    if head[:4] != _HEADER_MAGIC or len(head) < 16 or end > len(data):
        raise MalformedError(_WHAT, "a header is damaged or cut off")
    return end

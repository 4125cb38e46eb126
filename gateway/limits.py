"""Every bound of the inspection, with its unit in the name and its reason beside it."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
"""Bytes in a binary kilobyte."""
MIB = 1024 * KIB
"""Bytes in a binary megabyte."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one inspection; `max_` values are inclusive. Over one, the content is an `Opaque`, never cut."""

    max_body_bytes: int = 512 * MIB
    """Largest request body as sent that the gateway spools, whatever the destination."""
    max_decoded_bytes: int = 1024 * MIB
    """Largest body after its Content-Encodings are undone."""
    max_decode_ratio: int = 200
    """Largest growth of one Content-Encoding or archive member; deflate cannot pass about 1030, text stays under 20."""
    max_encodings: int = 3
    """Most stacked Content-Encodings; real clients send one."""
    max_websocket_message_bytes: int = 16 * MIB
    """Largest message of a WebSocket, over all its fragments; a larger one closes the connection with 1009."""
    max_parts: int = 1000
    """Most parts of one multipart body, nested ones counted."""
    max_part_header_bytes: int = 16 * KIB
    """Largest header block of one multipart part."""
    max_fields: int = 10_000
    """Most fields of an urlencoded body, and most string values of a JSON body that are looked at as files."""
    max_json_depth: int = 100
    """Deepest JSON nesting."""
    max_depth: int = 10
    """Deepest nesting of containers; GA/T 912 asks for three."""
    max_members: int = 10_000
    """Most members of one upload, over all its containers."""
    max_member_bytes: int = 512 * MIB
    """Largest unpacked member."""
    max_unpacked_bytes: int = 1024 * MIB
    """Most bytes unpacked from one upload, over all its containers."""
    max_text_chars: int = 64 * MIB
    """Most characters of text taken from one part."""
    max_pdf_pages: int = 2000
    """Most pages of one PDF."""
    max_xml_depth: int = 1000
    """Deepest XML element nesting."""
    max_findings: int = 10_000
    """Most matches looked at per part and signature; beyond it the count is a lower bound and the part is partial."""
    max_uploads: int = 10_000
    """Most uploads in several requests under way at once; one sender may have a quarter of them."""
    max_uploads_bytes: int = 8192 * MIB
    """Most bytes of pieces kept on the disk until their whole can be judged; one sender may have a quarter of them."""
    keep_upload_s: float = 86_400.0
    """How long an upload in several requests is remembered; clients resume after a night, and URLs live a day."""
    slow_head_s: float = 60.0
    """Longest time for a request's head or a TLS greeting from its first byte to its last; over it the connection is closed."""
    slow_body_s: float = 300.0
    """Longest time in which the bodies that a connection sends grow by less than 16 KiB together; over it it is closed."""
    max_connections_per_address: int = 4096
    """Most connections of one client address at once, in one proxy process; an IPv6 /64 counts as one address."""
    max_open_per_address: int = 512
    """Most requests of one client address under way at once, in one proxy process."""
    max_spool_bytes_per_address: int = 8192 * MIB
    """Most bytes of held uploads that one client address may have on the disk at once, in one proxy process."""
    inspect_s: float = 30.0
    """Longest inspection of one upload, wall clock; the inspector is killed when it passes."""

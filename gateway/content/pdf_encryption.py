"""What protects a PDF that asks for a password, from its own encryption dictionary (ISO 32000-2 §7.6)."""

from __future__ import annotations

import re
import zlib

from gateway.errors import MalformedError
from gateway.parts import Encryption, Grade

MAX_DICTIONARIES = 16
"""Encryption dictionaries looked at; a file has one, and one per update."""
MAX_STREAMS = 64
"""Streams that are tried for being plain."""
PLAIN_BYTES = 64
"""Bytes that must unpack for a stream to count as plain; ciphertext gives none."""
_REFERENCE = re.compile(rb"/Encrypt\s{1,16}(\d{1,10})\s{1,16}(\d{1,5})\s{1,16}R")
_INLINE = re.compile(rb"/Encrypt\s{0,16}<<")
_REVISION = re.compile(rb"/R\s{1,16}(\d{1,2})(?![0-9])")
_VERSION = re.compile(rb"/V\s{1,16}(\d)")
_METHOD = re.compile(rb"/CFM\s{0,16}/([A-Za-z0-9]{1,16})")
_STREAMS_FILTER = re.compile(rb"/StmF\s{0,16}/([A-Za-z0-9]{1,32})")
_STREAM = re.compile(rb"stream\r?\n")
_DICTIONARY_BYTES = 8192


def pdf_encryption(content: bytes) -> Encryption:
    """Scheme and grade; the weakest of all dictionaries counts, as nobody says which one a reader takes.

    Raises MalformedError when the document claims encryption and its streams unpack without a key.
    """
    if _has_plain_stream(content):
        raise MalformedError("pdf", "it claims encryption and its streams are plain")
    found = [_graded(dictionary) for dictionary in _dictionaries(content)]
    if not found:
        return Encryption("pdf-unknown", Grade.WEAK)
    return min(found, key=lambda each: [Grade.WEAK, Grade.PARTIAL, Grade.STRONG].index(each.grade))


def _dictionaries(content: bytes) -> list[bytes]:
    """Bytes of each encryption dictionary that a trailer names, up to the end of its object."""
    starts = [match.end() for match in _INLINE.finditer(content)]
    references = {match.groups() for match in _REFERENCE.finditer(content)}
    for number, generation in sorted(references)[:MAX_DICTIONARIES]:
        opening = re.compile(rb"(?<![0-9])" + number + rb"\s{1,16}" + generation + rb"\s{1,16}obj")
        starts.extend(match.end() for match in opening.finditer(content))
    return [content[start : start + _DICTIONARY_BYTES].partition(b"endobj")[0] for start in starts[:MAX_DICTIONARIES]]


def _graded(dictionary: bytes) -> Encryption:
    revisions = [int(value) for value in _REVISION.findall(dictionary)]
    methods = set(_METHOD.findall(dictionary))
    if b"/Adobe.PubSec" in dictionary:
        return Encryption("pdf-pubsec", Grade.STRONG if methods == {b"AESV3"} else Grade.WEAK)
    if not revisions:
        return Encryption("pdf-unknown", Grade.WEAK)
    scheme = f"pdf-r{min(revisions)}"
    if min(revisions) < 6:
        return Encryption(scheme, Grade.WEAK)
    # without a filter for streams only strings, or only attachments, are encrypted
    filters = set(_STREAMS_FILTER.findall(dictionary)) - {b"Identity"}
    if not filters or methods != {b"AESV3"}:
        return Encryption(scheme, Grade.PARTIAL)
    return Encryption(scheme, Grade.STRONG)


def _has_plain_stream(content: bytes) -> bool:
    """Whether a packed stream unpacks as it is; cross-reference streams always do and are left out."""
    position = 0
    for _ in range(MAX_STREAMS):
        match = _STREAM.search(content, position)
        if match is None:
            return False
        position = match.end()
        head = content[max(0, match.start() - 1024) : match.start()].rpartition(b" obj")[2]
        if b"/FlateDecode" not in head or b"/XRef" in head:
            continue
        try:
            unpacked = zlib.decompressobj().decompress(content[position : position + 4096], PLAIN_BYTES)
        except zlib.error:
            continue
        if len(unpacked) >= PLAIN_BYTES:
            return True
    return False

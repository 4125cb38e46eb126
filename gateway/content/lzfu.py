"""Compressed RTF, the body of Outlook messages. Source: MS-OXRTFCP."""

from __future__ import annotations

from gateway.errors import MalformedError

HEADER_BYTES = 16
_DICTIONARY_BYTES = 4096
_FILL = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
"""What the dictionary holds at the start (§2.1.3.1.1)."""
_WHAT = "rtf"


def lzfu(data: bytes) -> bytes:
    """The RTF text; never more than nine times as long as `data`. Raises MalformedError.

    >>> lzfu(b"")
    Traceback (most recent call last):
    gateway.errors.MalformedError: rtf: the compressed body is damaged
    """
    size, kind = int.from_bytes(data[4:8], "little"), data[8:12]
    if kind == b"MELA":
        return data[HEADER_BYTES : HEADER_BYTES + size]
    if kind != b"LZFu" or len(data) < HEADER_BYTES:
        raise MalformedError(_WHAT, "the compressed body is damaged")
    window = bytearray(_FILL.ljust(_DICTIONARY_BYTES, b"\x00"))
    out, at = bytearray(), len(_FILL)
    position, end = HEADER_BYTES, min(len(data), 4 + int.from_bytes(data[:4], "little"))
    while position < end:
        control, position = data[position], position + 1
        for bit in range(8):
            if control >> bit & 1:
                token = int.from_bytes(data[position : position + 2], "big")
                source, position = token >> 4, position + 2
                if position > end or source == at:  # a reference to where the next byte goes marks the end
                    return _whole(out, size, position <= end)
                piece = bytearray()
                for _ in range((token & 0x0F) + 2):
                    byte = window[source]
                    window[at] = byte
                    piece.append(byte)
                    source, at = (source + 1) % _DICTIONARY_BYTES, (at + 1) % _DICTIONARY_BYTES
                out += piece
            elif position < end:
                out.append(data[position])
                window[at] = data[position]
                at, position = (at + 1) % _DICTIONARY_BYTES, position + 1
    return _whole(out, size, True)


def _whole(out: bytearray, size: int, is_sound: bool) -> bytes:
    if not is_sound or len(out) < size:
        raise MalformedError(_WHAT, "the compressed body is cut off")
    return bytes(out)

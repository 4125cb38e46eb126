"""Files inside text values: base64, base64url, hexadecimal, and `data:` URLs."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, unhexlify
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.wire.parameters import media_type
from gateway.wire.percent import percent_decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.transfer import Buffer

MIN_CHARS = 64
"""Shortest value taken for a file; below it lie ids and digests, and what 47 bytes could carry is read as text."""
CERTAIN_CHARS = 1024
"""Length from which any base64 value is a file; shorter ones may be a token, and are kept only if they decode to
text or to a known type."""

SAMPLE_CHARS = 32
"""Length in which every known type shows itself."""
SAMPLE_BYTES = 4096
"""How much of a value shows whether it is base64 with other characters strewn in."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/_\r\n-]{64,}+={0,2}[\r\n]*+")
_HEXADECIMAL = re.compile(rb"(?:[0-9A-Fa-f]{2}){32,}+")
_DATA_URL = re.compile(rb"data:([^,\"'()<>\s]{0,200}),", re.IGNORECASE)
_DATA_URL_INSIDE = re.compile(rb"data:([\w/+.;=-]{1,200});base64,([A-Za-z0-9+/_=-]++)", re.IGNORECASE)
_URL_ALPHABET = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"))
_OTHER = re.compile(rb"[^A-Za-z0-9+/_-]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAGIC = re.compile(
    rb"PK[\x01\x03\x05]|%PDF|\x89PNG|\xff\xd8\xff|GIF8|\xd0\xcf\x11\xe0|7z\xbc\xaf|Rar!|\x1f\x8b|BZh|\xfd7zXZ"
    rb"|\x28\xb5\x2f\xfd|RIFF|\xfe\xff|\xff\xfe|\x00\x00\x00.ftyp|II\*\x00|MM\x00\*|\x7fELF|MZ|ID3|OggS|SQLite",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file found in a text value."""

    data: bytes
    declared_type: str
    """Of a `data:` URL; empty otherwise."""
    is_certain: bool
    """Whether it is presented as a file, and not a short text that merely decodes."""


def embedded_files(value: Buffer) -> Iterator[Embedded]:
    """The files that `value` is or holds, decoded; the value as it stands is the caller's to inspect.

    Never raises: what does not decode is no file.

    >>> [found.data for found in embedded_files(b"data:,a%20note")]
    [b'a note']
    """
    view = memoryview(value)
    if _BASE64.fullmatch(view):
        yield from _whole(view)
    elif match := _DATA_URL.match(view):
        yield _data_url(match[1], view[match.end() :])
    else:
        for inside in _DATA_URL_INSIDE.finditer(view):
            yield _data_url(inside[1] + b";base64", view[inside.start(2) : inside.end(2)])
        if data := _of_characters(view):
            yield Embedded(data, "", is_certain=True)
        # PHP, Ruby, Python and Node skip what is not in the alphabet, so a client may strew it in.
        sample = _lenient(view[:SAMPLE_BYTES])
        if len(sample) * 4 >= MIN_CHARS * 3 and _is_known_or_text(sample):
            yield Embedded(_lenient(view), "", is_certain=False)


def _of_characters(view: memoryview) -> bytes:
    """The file of which each byte is a character, as `FileReader.readAsBinaryString` gives it; empty for none."""
    start = str(view[:SAMPLE_CHARS], "utf-8", "ignore")
    if not starts_as_known(start.encode("latin-1", "ignore")):
        return b""
    try:
        data = str(view, "utf-8").encode("latin-1")
    except UnicodeError:
        return b""
    # Without any byte over 127 it is the value as it stands.
    return data if len(data) != len(view) else b""


def starts_as_known(value: Buffer) -> bool:
    r"""Whether the bytes start as a known type of file does.

    >>> starts_as_known(b"PK\x03\x04"), starts_as_known(b"text")
    (True, False)
    """
    return _MAGIC.match(value) is not None


def decode_base64(value: Buffer) -> bytes | None:
    """The bytes of base64 or base64url, with line ends and without padding too; None when it is neither.

    >>> decode_base64(b"YWI"), decode_base64(b"YW?I")
    (b'ab', None)
    """
    try:
        return a2b_base64(value, strict_mode=True)
    except Base64Error:
        pass
    text = bytes(value).translate(None, b"\r\n").rstrip(b"=")
    return None if _OTHER.search(text) else _lenient(memoryview(text))


def _lenient(value: memoryview) -> bytes:
    """The bytes of all characters of the alphabet, whatever stands between them."""
    text = bytes(value).translate(_URL_ALPHABET, _NOT_BASE64)
    # A last lone character holds no whole byte, and readers drop it.
    text = text[: len(text) - (len(text) % 4 == 1)]
    return a2b_base64(text + b"=" * (-len(text) % 4))


def _whole(value: memoryview) -> Iterator[Embedded]:
    is_long = len(value) >= CERTAIN_CHARS
    is_hexadecimal = _HEXADECIMAL.fullmatch(value) is not None
    readings = [unhexlify(value)] if is_hexadecimal else []
    # Digests are base64 by their alphabet alone, and no known type starts with hexadecimal digits only.
    decoded = None if is_hexadecimal and not is_long else decode_base64(value)
    if decoded is not None:
        readings.append(decoded)
    for reading in readings:
        if is_long or _means_something(reading):
            yield Embedded(reading, "", is_long)


def _data_url(head: bytes, rest: memoryview) -> Embedded:
    label, _, flag = head.rpartition(b";")
    if flag.strip().lower() != b"base64":
        return Embedded(percent_decoded(rest), media_type(head.decode("latin-1")), is_certain=True)
    data = decode_base64(rest)
    if data is None:
        data = _lenient(memoryview(percent_decoded(rest)))
    return Embedded(data, media_type(label.decode("latin-1")), is_certain=True)


def _is_known_or_text(data: bytes) -> bool:
    return bool(_MAGIC.match(data)) or not _CONTROL.search(data)


def _means_something(data: bytes) -> bool:
    """Whether the bytes start as a known type does or are text in some encoding; a random token almost never is."""
    # UTF-16 repeats the high byte, or zero, in most of its pairs.
    halves = (data[start:256:2] for start in (0, 1))
    return _is_known_or_text(data) or any(len(set(half)) * 2 <= len(half) for half in halves)

"""Character sets that a label names: the text as a server reads it that believes the label.

Bodies are inspected as they stand too, so a label matters only where it changes the text. Labels nobody knows, and
those under which even the names of a form would read otherwise, are refused.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases
from typing import TYPE_CHECKING

from gateway.errors import UnsupportedError
from gateway.limits import KIB
from gateway.wire.growth import collect
from gateway.wire.parameters import charset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Buffer

WINDOW_BYTES = 64 * KIB
"""Bytes decoded at once; a decoded character takes up to four bytes of memory."""

_NO_TEXT = {
    "base64_codec",
    "bz2_codec",
    "hex_codec",
    "quopri_codec",
    "rot_13",
    "uu_codec",
    "zlib_codec",
    "mbcs",
    "tactis",
}
"""Codecs of Python that turn bytes into bytes, or exist elsewhere only."""
_WEB_LABELS = {
    "utf8mb4": "utf_8", "x_gbk": "gb18030", "x_sjis": "shift_jis", "x_euc_jp": "euc_jp", "x_cp1252": "cp1252",
    "big5_hkscs": "big5hkscs", "unicode": "utf_16", "unicode_1_1_utf_8": "utf_8", "iso_10646_ucs_2": "utf_16",
    "ucs_2": "utf_16", "ucs_4": "utf_32", "gb_18030": "gb18030", "cp936": "gb18030", "windows_936": "gb18030",
}  # fmt: skip
"""Labels in use that Python has no alias for (https://encoding.spec.whatwg.org/#names-and-labels)."""
_CODECS = {
    name: codec
    for name, codec in {
        **aliases, **{codec: codec for codec in aliases.values()}, "cp737": "cp737", "cp720": "cp720",
        "cp856": "cp856", "cp874": "cp874", "cp875": "cp875", "cp1006": "cp1006", "koi8_u": "koi8_u",
        "koi8_t": "koi8_t", "utf_8_sig": "utf_8_sig", **_WEB_LABELS,
    }.items()
    if codec not in _NO_TEXT
}  # fmt: skip
"""Label, lower case with `_` for every other mark → Python's codec. A fixed table: codecs are never looked up by a
client's word, which Python would keep for good."""
_PLACEHOLDERS = {"", "binary", "none", "null", "undefined", "unknown", "auto", "default", "x_user_defined", "charset"}
"""What careless clients write there; no server has a decoder for it."""
_SAME = {"utf_8", "utf_8_sig", "ascii", "latin_1", "iso8859_1", "cp1252"}
"""Codecs under which nothing reads otherwise than it is sniffed."""
_SHIFTING = re.compile(r"utf_(?:7|16.*|32.*)|hz|iso2022.*")
_MARKS = re.compile(r"[^0-9a-z]+")


def codec_of(content_type: str) -> str:
    """Python's name of the codec that a Content-Type names; empty without a label or for one that changes nothing.

    Raises UnsupportedError for a label without a decoder here.

    >>> codec_of("text/plain; charset=UTF-7"), codec_of("text/plain; charset=utf-8")
    ('utf_7', '')
    >>> codec_of("text/plain; charset=martian")
    Traceback (most recent call last):
    gateway.errors.UnsupportedError: no reader for this character set
    """
    codec = ""
    for label in charset_of(content_type):
        word = _MARKS.sub("_", label.lower()).strip("_")
        found = "" if word in _PLACEHOLDERS else _CODECS.get(word)
        found = "" if found in _SAME else found
        if found is None or (codec and found and found != codec):
            # Unknown here, or one label of two that readers choose between.
            raise UnsupportedError("this character set")
        codec = found or codec
    return codec


def form_codec(content_type: str) -> str:
    """The same for a form, whose delimiters and names are ASCII; raises UnsupportedError where they would not be.

    >>> form_codec("multipart/form-data; charset=gbk")
    'gbk'
    """
    codec = codec_of(content_type)
    ascii_bytes = bytes(range(32, 127))
    if codec and (_SHIFTING.fullmatch(codec) or ascii_bytes.decode(codec, "replace") != ascii_bytes.decode("ascii")):
        raise UnsupportedError("this character set of a form")
    return codec


def transcoded(data: Buffer, codec: str, *, limits: Limits) -> Buffer | None:
    """UTF-8 of the text that `data` is under `codec`, damage replaced; None without a codec or when nothing changes.

    Raises LimitError over `max_decoded_bytes`.

    >>> bytes(transcoded(b"+ADE-", "utf_7", limits=__import__("gateway.limits").limits.Limits()))
    b'1'
    """
    if not codec or not data:
        return None
    text = collect(_decoded(memoryview(data), codec), encoded_bytes=len(data), limits=limits)
    return None if text == data else text


def _decoded(view: memoryview, codec: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)("replace")
    for start in range(0, len(view), WINDOW_BYTES):
        yield decoder.decode(bytes(view[start : start + WINDOW_BYTES])).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")

"""File names as clients write them: raw UTF-8 or GBK, percent escapes, RFC 5987, RFC 2231, RFC 2047."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from html import unescape
from quopri import decodestring
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from gateway.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPES = re.compile(r"%[0-9A-Fa-f]{2}")
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_-]{1,40})\?([bBqQ])\?([^?\s]*+)\?=(?:[ \t]+(?==\?))?")

_DROPPED = re.compile(r"[\s\\\"'\x00-\x1f]")
"""What parsers take out of names: backslashes (werkzeug, Tomcat), blanks (fastify), control characters (Django)."""
_LONG_NUMBER = re.compile(r"[0-9]{14}[0-9Xx]")

_CHARSETS = re.compile(
    r"utf-?8|us-ascii|gb2312|gbk|gb18030|big5(-hkscs)?|iso-8859-\d{1,2}|windows-125\d|shift_jis|euc-(jp|kr)",
    re.IGNORECASE,
)
"""Those that clients name; Python knows others whose decoders are slow on hostile input (punycode, idna)."""


def decode_text(raw: bytes) -> str:
    """UTF-8, else GB 18030 (Chinese clients send GBK unlabelled), else Latin-1; never raises.

    >>> decode_text("合同".encode("gbk"))
    '合同'
    """
    for charset in ("utf-8", "gb18030"):
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def file_name(parameters: Mapping[str, bytes], parameter: str = "filename") -> str | None:
    """The file name among Content-Disposition parameters (or Content-Type's, with `parameter` "name"); None without one.

    The extended form `filename*` goes before the plain one (RFC 6266 section 4.3). Raises MalformedError when the two
    differ in their extension, or when an extended or continued value breaks RFC 5987 or RFC 2231.

    >>> file_name({"filename*": b"UTF-8''%E5%90%88%E5%90%8C.txt"})
    '合同.txt'
    """
    plain = parameters.get(parameter)
    name = None if plain is None else readable(decode_text(plain))
    long_name = _long_name(parameters, parameter)
    if long_name is None:
        return name
    if name and _extension(name) != _extension(long_name):
        raise MalformedError("multipart", "a part has two file names of different types")
    return long_name


def other_readings(raw: bytes, known: str | None = None) -> list[str]:
    r"""What a name is for servers that undo more than others: character references, percent escapes, marks dropped.

    Only readings that tell something the name as it stands, or as it is `known` already, does not; usually none.

    >>> other_readings(b"&#49;.txt"), other_readings(b"C:\\a b.txt")
    (['1.txt'], [])
    """
    text = decode_text(raw)
    found = [unescape(text)] if "&" in text else []
    found += [unescaped_text(text)] if "%" in text else []
    bare = _DROPPED.sub("", text)
    if bare != text and _LONG_NUMBER.search(bare):
        found.append(bare)
    return [reading for reading in dict.fromkeys(found) if reading not in {text, known}]


def unescaped_text(text: str) -> str:
    """`text` with its percent escapes undone; Latin-1 is the last resort, so that every escape is undone."""
    return decode_text(unquote_to_bytes(text)) if "%" in text else text


def last_segment(path: str) -> str:
    r"""What stands after the last `/` or `\`.

    >>> last_segment("C:\\x\\a.txt")
    'a.txt'
    """
    return re.split(r"[/\\]", path)[-1]


def readable(name: str) -> str:
    """The name with browsers' escapes (`%22`, WHATWG form submission) and those that hide other scripts undone."""
    if "=?" in name:
        return _ENCODED_WORD.sub(_encoded_word, name)
    if not _ESCAPES.search(name):
        return name
    decoded = unescaped_text(name)
    # `%41` in plain ASCII may be meant literally; a browser escapes quotes and line breaks only.
    if decoded.isascii():
        return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
    return decoded


def _encoded_word(match: re.Match[str]) -> str:
    charset, kind, text = match.groups()
    try:
        return _decode(b64decode(text) if kind in "bB" else decodestring(text.encode(), header=True), charset)
    except (Base64Error, MalformedError):
        return match[0]


def _extended(value: bytes) -> str:
    """The value of `name*=charset'language'percent-encoded`, RFC 5987 section 3.2."""
    charset, quotes, encoded = value.partition(b"'")
    _, second, encoded = encoded.partition(b"'")
    if not quotes or not second:
        raise MalformedError("multipart", "an extended file name lacks its character set")
    return _decode(unquote_to_bytes(encoded), charset.decode("latin-1"))


def _long_name(parameters: Mapping[str, bytes], parameter: str) -> str | None:
    """The extended value, or the one spread over `name*0`, `name*1*` … (RFC 2231 section 3); None when there is none."""
    pieces = sum(name.startswith(f"{parameter}*") for name in parameters)
    if not pieces:
        return None
    if pieces == 1 and f"{parameter}*" in parameters:
        return _extended(parameters[f"{parameter}*"])
    order = [name.rstrip("*").rpartition("*")[2] for name in parameters if name.startswith(f"{parameter}*")]
    if order != [str(index) for index in range(pieces)]:
        # werkzeug joins the pieces as they stand, others by their numbers.
        raise MalformedError("multipart", "the pieces of a file name do not follow each other")
    raw, charset = b"", b""
    for index in range(pieces):
        plain = parameters.get(f"{parameter}*{index}")
        extended = parameters.get(f"{parameter}*{index}*", b"")
        if extended and not index:
            charset, _, extended = extended.partition(b"'")
            extended = extended.partition(b"'")[2]
        raw += unquote_to_bytes(extended) if plain is None else plain
    return _decode(raw, charset.decode("latin-1"))


def _decode(raw: bytes, charset: str) -> str:
    """The text of `raw`; without a character set, as `decode_text`."""
    if not charset:
        return decode_text(raw)
    try:
        if _CHARSETS.fullmatch(charset):
            return raw.decode(charset)
    except (LookupError, UnicodeDecodeError):
        pass
    raise MalformedError("multipart", "a file name is not in the character set it names")


def _extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if stem and dot else ""

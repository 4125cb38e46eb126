"""Header values of the form `word; name=value; …`: Content-Type and Content-Disposition."""

from __future__ import annotations

import re

from gateway.errors import MalformedError

_PARAMETER = re.compile(
    rb"""[ \t]*;[ \t]*
    (?:([!#$%&'*+.^_`|~0-9A-Za-z-]++)[ \t]*=[ \t]*         # name
       (?:"((?:[^"\\]|\\.)*+)"|([^;"]*+))[ \t]*)?         # quoted, or up to the next semicolon
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(rb'\\(["\\])')
_CHARSET = re.compile(r"charset[ \t]*=[ \t]*([^;,]*+)", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,100}/[!#$%&'*+.^_`|~0-9a-z-]{1,100}")


def parse_parameters(value: bytes, what: str) -> tuple[str, dict[str, bytes]]:
    r"""The word in lower case, and lower-case name → value without quotes and escapes.

    A backslash escapes only `"` and `\`, because browsers send Windows paths as they are. Raises MalformedError, which
    names `what`, for a parameter in the place of the word, one that comes twice with two values, an open quote, or
    anything else between semicolons: there servers differ.

    >>> parse_parameters(b'Form-Data; name="media";filename="x"; filelength=6', "part")
    ('form-data', {'name': b'media', 'filename': b'x', 'filelength': b'6'})
    >>> parse_parameters(b'form-data; name="a', "part")
    Traceback (most recent call last):
    gateway.errors.MalformedError: part: a parameter is not written as name=value
    """
    word, _, _ = value.partition(b";")
    if b"=" in word:
        # Some take the first parameter for the word, some for a parameter.
        raise MalformedError(what, "a parameter stands where the type must")
    parameters: dict[str, bytes] = {}
    position = len(word)
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            raise MalformedError(what, "a parameter is not written as name=value")
        position = match.end()
        if match[1] is not None:
            name = match[1].lower().decode("ascii")
            text = match[3].strip(b" \t") if match[2] is None else _ESCAPED.sub(rb"\1", match[2])
            if parameters.setdefault(name, text) != text:
                raise MalformedError(what, "a parameter comes twice with two values")
    return word.strip(b" \t").lower().decode("latin-1"), parameters


def charset_of(content_type: str) -> tuple[str, ...]:
    """The values of all charset parameters of a Content-Type, without quotes; found loosely, as servers do.

    >>> charset_of('text/plain; charset="GBK"; x=1; Charset=utf-8')
    ('GBK', 'utf-8')
    """
    return tuple(match.strip(" \t\"'") for match in _CHARSET.findall(content_type))


def media_type(content_type: str) -> str:
    """The media type of a Content-Type in lower case, without parameters; empty when there is none of proper form.

    >>> media_type("Text/Plain; charset=GBK")
    'text/plain'
    >>> media_type("a file")
    ''
    """
    word = content_type.partition(";")[0].strip().lower()
    return word if _MEDIA_TYPE.fullmatch(word) else ""

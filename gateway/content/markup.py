"""HTML and XML without their tags, in linear time: nothing is dropped, tags only decide where text is apart."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

BREAKING = frozenset(
    [
        "p",
        "div",
        "br",
        "hr",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "tr",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "section",
        "article",
        "header",
        "footer",
        "nav",
        "aside",
        "main",
        "form",
        "fieldset",
        "legend",
        "option",
        "select",
        "textarea",
        "input",
        "button",
        "label",
        "title",
        "head",
        "body",
        "html",
        "pre",
        "blockquote",
        "address",
        "script",
        "style",
        "noscript",
        "template",
        "details",
        "summary",
        "figure",
        "figcaption",
        "caption",
        "iframe",
        "object",
        "svg",
        "text",
        "tspan",
        "g",
        "desc",
        "metadata",
    ]
)
"""Elements that end a line; any other joins what stands before and after it, as a browser does."""
CELLS = frozenset({"td", "th"})
SLICE_CHARS = 1 << 20
"""Text taken apart at once."""
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:_-]*)")
_ATTRIBUTE = re.compile(
    r"""(?:alt|title|value|content|href|src|placeholder|label|summary|aria-[a-z]{1,20}|data-[a-z-]{1,30})"""
    r"""\s{0,8}=\s{0,8}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE,
)
_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{10,}")
"""Numbers that no character has; `html.unescape` would convert them with a number parser that refuses long ones."""


def strip_markup(text: str) -> str:
    r"""Text of markup: tags gone, entities undone, hidden text kept, attributes that hold words at the end.

    >>> strip_markup("<p>1<b>38</b>0013&#56;000<p title='x &amp; y'>")
    '\n13800138000\n\nx & y'
    >>> strip_markup("a < b")
    'a < b'
    """
    pieces: list[str] = []
    attributes: list[str] = []
    for first, chunks in _slices(text):
        out = [first]
        for chunk in chunks:
            tag, closed, rest = chunk.partition(">")
            name = _NAME.match(tag)
            if name is None or not closed:
                out.append(_not_a_tag(chunk, attributes))
                continue
            out.append(_separator(name[1].lower(), opens=tag[0] != "/"))
            out.append(rest)
            if "=" in tag:
                attributes.extend(value for match in _ATTRIBUTE.finditer(tag) for value in match.groups() if value)
        pieces.append("".join(out))
    if attributes:
        pieces.append("\n")
        pieces.append("\n".join(attributes))
    return html.unescape(_LONG_REFERENCE.sub("", "".join(pieces)))


def _slices(text: str) -> Iterator[tuple[str, list[str]]]:
    """What stands before the first `<` and what follows each, a slice at a time: a text of nothing but `<` is possible."""
    start = 0
    while start < len(text):
        end = text.find("<", start + SLICE_CHARS)
        end = len(text) if end < 0 else end
        first, *chunks = text[start:end].split("<")
        yield first, chunks
        start = end


def _not_a_tag(chunk: str, aside: list[str]) -> str:
    """What stands for a comment (its words go aside, as nobody sees them), CDATA, or a sign that was never a tag."""
    if chunk.startswith("!--"):
        words, closed, rest = chunk[3:].partition("-->")
        if closed:
            aside.append(words)
            return rest
    if chunk.startswith("![CDATA["):
        words, closed, rest = chunk[8:].partition("]]>")
        if closed:
            return words + rest
    return "<" + chunk  # no new string when there is nothing to add


def _separator(name: str, *, opens: bool) -> str:
    """What stands for a tag: cells end with a tab and rows with a line, so that tables keep their columns."""
    local = name.rpartition(":")[2]
    if local in CELLS:
        return "" if opens else "\t"
    return "\n" if local in BREAKING else ""

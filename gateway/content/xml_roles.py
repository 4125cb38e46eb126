"""What elements and attributes of document XML mean for the text."""

from __future__ import annotations

import re
from enum import IntEnum, auto


class Role(IntEnum):
    """What an element means for the text."""

    OTHER = auto()
    TEXT = auto()
    """Its characters are text of the paragraph; nothing separates it from its neighbours."""
    LINE = auto()
    """Its characters, and those of unknown elements in it, are text that ends a line."""
    PARAGRAPH = auto()
    """Ends a line."""
    ITEM = auto()
    """A shared string, to be found again by its number."""
    CELL = auto()
    ROW = auto()
    BREAK = auto()
    TAB = auto()
    SPACE = auto()
    HYPHEN = auto()
    DELETED = auto()
    """Text that a tracked change took out."""
    INSERTED = auto()
    """What a tracked change put in; its characters are text anyway."""
    NOISE = auto()
    """Numbers of the layout, left out: between digits of the text they would only harm. Long ones are none."""
    SYMBOL = auto()
    """A character of the text that stands in an attribute."""


OOXML_ROLES = {
    "t": Role.TEXT,
    "delText": Role.DELETED,
    "instrText": Role.TEXT,
    "delInstrText": Role.LINE,
    "fldChar": Role.SPACE,
    "sym": Role.SYMBOL,
    "v": Role.LINE,
    "TextCode": Role.LINE,
    "Text": Role.LINE,
    "p": Role.PARAGRAPH,
    "si": Role.ITEM,
    "comment": Role.PARAGRAPH,
    "tc": Role.CELL,
    "tr": Role.ROW,
    "br": Role.BREAK,
    "cr": Role.BREAK,
    "tab": Role.TAB,
    "noBreakHyphen": Role.HYPHEN,
    "ins": Role.INSERTED,
    "moveTo": Role.INSERTED,
    **dict.fromkeys(
        ("posOffset", "pctWidth", "pctHeight", "Pages", "TotalTime", "Words", "Characters", "Lines", "Slides"),
        Role.NOISE,
    ),
}
"""Local name → role in WordprocessingML, DrawingML, comments, charts, Visio and OFD (ISO/IEC 29500, GB/T 33190)."""
ODF_ROLES = {
    "p": Role.LINE,
    "h": Role.LINE,
    "table-cell": Role.CELL,
    "covered-table-cell": Role.CELL,
    "table-row": Role.ROW,
    "line-break": Role.BREAK,
    "tab": Role.TAB,
    "s": Role.SPACE,
}
"""Local name → role in OpenDocument, where paragraphs hold characters directly (ISO/IEC 26300)."""
WORDY_ATTRIBUTES = frozenset(
    [
        "descr",
        "title",
        "name",
        "alt",
        "author",
        "initials",
        "displayText",
        "display",
        "tooltip",
        "prompt",
        "promptTitle",
        "error",
        "errorTitle",
        "string",
        "value",
        "date-value",
        "string-value",
        "target",
        "href",
        "Target",
        "instr",
        "alias",
        "tag",
        "caption",
        "userName",
        "UnicodeString",
    ]
)
"""Attributes (local names) that hold words, however short."""
SILENT_ATTRIBUTES = frozenset(
    ["uri", "id", "embed", "link", "guid", "ContentType", "Type", "schemeClr", "prstGeom", "path"]
)
"""Attributes that hold references; words only where somebody put them there, see `is_boilerplate`."""
_BOILERPLATE = re.compile(
    r"https?://(?:schemas\.(?:openxmlformats\.org|microsoft\.com)|www\.w3\.org|purl\.(?:org|oclc\.org))/[A-Za-z0-9/._#-]{0,120}"
    r"|urn:(?:oasis:names:tc:opendocument|schemas-microsoft-com):[A-Za-z0-9:._-]{1,80}"
    r"|\{?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\}?"
    r"|(?:application|image|text)/[A-Za-z.+-]{1,100}"
    r"|[mlcxenftvrbaqyhoswi@,0-9. -]{0,4000}"
)
"""Namespaces of the formats, GUIDs, media types, and outlines of shapes."""
_LONG_NUMBER = re.compile(r"[0-9]{9}(?![0-9A-Fa-f]{0,3}[-}])")
"""What no boilerplate has, but for the end of a GUID."""
_TELLING_NAME = re.compile(r"[^\x00-\x7f]|[0-9]{6}")
LONG_ATTRIBUTE = 11
"""Any other attribute with a value this long is kept, because a phone number or an identity number would fit."""


def is_wordy(name: str) -> bool | None:
    """Whether an attribute holds words: always, never, or (None) only when its value is long or not ASCII.

    >>> is_wordy("wp:descr"), is_wordy("xmlns:w"), is_wordy("w:val")
    (True, False, None)
    """
    prefix, _, local = name.rpartition(":")
    if "xmlns" in {prefix, local} or local in SILENT_ATTRIBUTES:
        return False
    return True if local in WORDY_ATTRIBUTES else None


def is_boilerplate(value: str) -> bool:
    """Whether the value of a silent attribute or a namespace is one that programs write.

    >>> is_boilerplate("http://schemas.openxmlformats.org/package/2006/relationships")
    True
    >>> is_boilerplate("urn:11010519491231002X")
    False
    """
    return _BOILERPLATE.fullmatch(value) is not None and _LONG_NUMBER.search(value) is None


def is_telling(name: str) -> bool:
    """Whether the name of an element or attribute could be a value itself: long digits, or not ASCII.

    >>> is_telling("w:p"), is_telling("客户"), is_telling("n13800138000")
    (False, True, True)
    """
    return _TELLING_NAME.search(name) is not None

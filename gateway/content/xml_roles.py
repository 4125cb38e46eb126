"""What elements and attributes of document XML mean for the text."""

from __future__ import annotations

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
    """Numbers of the layout, left out: between digits of the text they would only harm."""


OOXML_ROLES = {
    "t": Role.TEXT,
    "delText": Role.DELETED,
    "instrText": Role.LINE,
    "delInstrText": Role.LINE,
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
"""Attributes that hold references; never words."""
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

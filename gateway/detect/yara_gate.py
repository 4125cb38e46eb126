"""What must occur in bytes before any YARA rule can match: one fast search spares most uploads the slow one.

A rule is understood when its condition can only hold where one of its strings matches, and when each string has a piece of
fixed bytes. One rule that is not understood, and there is no gate: all rules look at everything.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import product
from re import _constants as codes  # type: ignore[attr-defined]  # as in `needs`
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from gateway.detect.detector import Trigger

MIN_BYTES = 3
"""Shortest piece that is worth searching for; shorter ones occur everywhere."""
MAX_PIECES = 64
"""Most pieces that stand for one string: `(PASSWORD|SECRET)=` are two."""
MAX_CLASS = 8
"""Largest class of characters that is spelled out."""

_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*"|=\s*/(?:\\.|[^/\\\n])+/)|//[^\n]*|/\*.*?\*/', re.DOTALL)
_RULE = re.compile(
    r"\brule\s+\w+\s*(?::[\w\s]*)?\{(.*?)\bcondition:(.*?)\}\s*(?=(?:(?:private|global)\s+)*rule\b|\Z)", re.DOTALL
)
_STRING = re.compile(
    r'\$\w*\s*=\s*(?:"(?P<text>(?:\\.|[^"\\\n])*)"|\{(?P<hex>[^}"]*)\}|/(?P<regex>(?:\\.|[^/\\\n])+)/(?P<flags>[is]*))'
    r"(?P<modifiers>(?:\s+(?:ascii|wide|nocase|fullword|private|base64wide|base64)\b)*)\s*(?=\$|\Z)"
)
_HELD = (
    re.compile(r"#\w+\s*(?:>=\s*[1-9]\d*|>\s*\d+)(?![\w.])"),
    re.compile(r"\b(?:any|all|[1-9]\d*)\s+of\s+(?:them\b|\(\s*\$\w*\*?(?:\s*,\s*\$\w*\*?)*\s*\))"),
    re.compile(r"\$\w+(?:\s+at\s+\d+(?![\w.])|\s+in\s+\(\s*\d+\s*\.\.\s*\d+\s*\))?"),
)
"""Parts of a condition that hold only where a string matches."""
_ONLY_HELD = re.compile(r"(?:~|\band\b|\bor\b|[()]|\s)+")
_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|([\\"tnr]))')
_ESCAPED = {"\\": "\\", '"': '"', "t": "\t", "n": "\n", "r": "\r"}


def gate(source: str) -> tuple[Trigger, ...] | None:
    """Triggers of which one occurs in all bytes that a rule of this source matches; None where that cannot be told."""
    plain = _COMMENT.sub(lambda found: found[1] or " ", source)
    rules = _RULE.findall(plain)
    if len(rules) != len(re.findall(r"^[ \t]*(?:(?:private|global)[ \t]+){0,2}rule\b", plain, re.MULTILINE)):
        return None
    pieces: dict[Trigger, None] = {}
    for head, condition in rules:
        own = _strings(head.rpartition("strings:")[2].strip()) if "strings:" in head else None
        if own is None or not _needs_strings(condition):
            return None
        pieces |= dict.fromkeys(own)
    return tuple(pieces)


def _needs_strings(condition: str) -> bool:
    """Whether the condition is made of `and`, `or` and things that hold only where a string matches."""
    for held in _HELD:
        condition = held.sub("~", condition)
    return _ONLY_HELD.fullmatch(condition) is not None


def _strings(section: str) -> list[Trigger] | None:
    """Triggers of all strings of a rule."""
    triggers: list[Trigger] = []
    at = 0
    while at < len(section):
        found = _STRING.match(section, at)
        pieces = _pieces(found) if found else None
        if found is None or pieces is None:
            return None
        triggers += pieces
        at = found.end()
    return triggers


def _pieces(found: re.Match[str]) -> list[Trigger] | None:
    modifiers = set(found["modifiers"].split())
    fixed = _fixed(found)
    if not fixed or min(map(len, fixed)) < MIN_BYTES:
        return None
    if modifiers & {"base64", "base64wide"}:
        fixed = [coded for text in fixed for coded in _base64(text)]
        modifiers |= {"wide"} if "base64wide" in modifiers else set()
        modifiers |= {"ascii"} if "base64" in modifiers else set()
    is_wide, is_ascii = "wide" in modifiers, "ascii" in modifiers or "wide" not in modifiers
    caseless = "nocase" in modifiers or "i" in (found["flags"] or "")
    forms = [*(fixed if is_ascii else ()), *(_widened(text) for text in fixed if is_wide)]
    return [_trigger(form, caseless=caseless) for form in forms]


def _trigger(form: bytes, *, caseless: bool) -> Trigger:
    raw = b"".join(b"\\x%02x" % byte for byte in form)
    return Trigger(form.hex(), caseless=caseless, once=True, raw=raw)


def _fixed(found: re.Match[str]) -> list[bytes]:
    """Pieces of which one is in every match of the string; empty when there are none."""
    if found["text"] is not None:
        return [_ESCAPE.sub(_unescaped, found["text"]).encode("latin-1")] if found["text"].isascii() else []
    if found["hex"] is not None:
        return _fixed_in_hex(found["hex"])
    try:
        tree = parser.parse(found["regex"].encode("ascii"))
    except (re.error, UnicodeEncodeError, OverflowError, RecursionError):
        return []
    return max(_runs(tree), key=lambda run: min(map(len, run), default=0), default=[])


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _ESCAPED[found[2]]


def _fixed_in_hex(text: str) -> list[bytes]:
    """The longest run of plain bytes outside alternatives."""
    outside = re.sub(r"\([^()]*\)", " ?? ", text)
    runs = re.findall(r"(?:\b[0-9A-Fa-f]{2}\b\s*)+", outside)
    return [bytes.fromhex(max(runs, key=len))] if runs and "(" not in outside and "~" not in outside else []


def _runs(items: Sequence[tuple[Any, Any]]) -> Iterator[list[bytes]]:
    """Each stretch of a pattern that is spelled out, as the texts that it can be."""
    run = [b""]
    for code, value in items:
        spelled = _spelled(code, value)
        if spelled is not None and len(run) * len(spelled) <= MAX_PIECES:
            run = [before + after for before, after in product(run, spelled)]
            continue
        yield run
        run = spelled or [b""]
        if spelled is None and code is codes.SUBPATTERN:
            yield from _runs(value[3])
        if spelled is None and code in {codes.MAX_REPEAT, codes.MIN_REPEAT} and value[0] > 0:
            yield from _runs(value[2])
    yield run


def _spelled(code: Any, value: Any) -> list[bytes] | None:  # noqa: ANN401 - the parser has no types
    """All texts that an item matches; None when they are too many or not fixed."""
    if code is codes.LITERAL:
        return [bytes((value,))]
    if code is codes.IN and all(kind is codes.LITERAL for kind, _ in value) and len(value) <= MAX_CLASS:
        return [bytes((byte,)) for _, byte in value]
    if code is codes.SUBPATTERN:
        return _spelled_out(value[3])
    if code is codes.BRANCH:
        branches = [_spelled_out(branch) for branch in value[1]]
        texts = [text for branch in branches if branch is not None for text in branch]
        return texts if None not in branches and len(texts) <= MAX_PIECES else None
    return None


def _spelled_out(items: Sequence[tuple[Any, Any]]) -> list[bytes] | None:
    texts = [b""]
    for code, value in items:
        spelled = _spelled(code, value)
        if spelled is None or len(texts) * len(spelled) > MAX_PIECES:
            return None
        texts = [before + after for before, after in product(texts, spelled)]
    return texts


def _widened(text: bytes) -> bytes:
    return b"".join(bytes((byte, 0)) for byte in text)


def _base64(text: bytes) -> Iterator[bytes]:
    """The characters of base64 that depend on nothing but the text, at each of its three alignments."""
    for before in range(3):
        coded = b64encode(bytes(before) + text)
        start, end = (before * 8 + 5) // 6, (before + len(text)) * 8 // 6
        yield coded[start:end]

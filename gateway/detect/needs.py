"""What every match of a trigger must hold, so that a text without it need not be searched for the trigger."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

# The one parser of patterns in the standard library; it has no public name since 3.11.
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

type Range = Callable[[int, int], bool]
"""Whether all bytes from the first to the last, included, are of a kind."""


def needs_digit(pattern: bytes) -> bool:
    """Whether every match of the pattern holds an ASCII digit; False too where that cannot be told.

    >>> needs_digit(rb"(?:^|[^0-9A-Za-z])1[3-9][0-9]{9}"), needs_digit(rb"(?:AKIA[A-Z0-9]{16}|[0-9])"), needs_digit(rb"[0-9a]")
    (True, False, False)
    """
    return _needs(pattern, lambda first, last: first >= 0x30 and last <= 0x39)


def needs_high_byte(pattern: bytes) -> bool:
    """Whether every match of the pattern holds a byte outside ASCII; False too where that cannot be told.

    >>> needs_high_byte("(?:合同|协议)".encode()), needs_high_byte("(?:合同|contract)".encode())
    (True, False)
    """
    return _needs(pattern, lambda first, _: first >= 0x80)


def _needs(pattern: bytes, is_kind: Range) -> bool:
    try:
        # Hyperscan's end of data has another name here.
        tree = parser.parse(pattern.replace(rb"\z", rb"\Z"))
    except (re.error, OverflowError, RecursionError):
        return False
    return _holds(tree, is_kind)


def _holds(items: Iterable[tuple[Any, Any]], is_kind: Range) -> bool:
    """Whether one of the items, which must all match, can only match with a byte of the kind."""
    return any(_item_holds(code, value, is_kind) for code, value in items)


def _item_holds(code: Any, value: Any, is_kind: Range) -> bool:  # noqa: ANN401 - the parser has no types
    if code is codes.LITERAL:
        return is_kind(value, value)
    if code is codes.IN:
        return all(_class_holds(kind, what, is_kind) for kind, what in value)
    if code is codes.BRANCH:
        return all(_holds(branch, is_kind) for branch in value[1])
    if code is codes.SUBPATTERN:
        return _holds(value[3], is_kind)
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
        least, _, items = value
        return least > 0 and _holds(items, is_kind)
    return False


def _class_holds(code: Any, value: Any, is_kind: Range) -> bool:  # noqa: ANN401 - as above
    if code is codes.LITERAL:
        return is_kind(value, value)
    return code is codes.RANGE and is_kind(*value)

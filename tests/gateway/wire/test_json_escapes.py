"""JSON escapes undone, improper ones too."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.json_escapes import undo_escapes, unescaped


@pytest.mark.parametrize(
    ("inner", "expected", "is_proper"),
    [
        pytest.param(b"", b"", True, id="empty"),
        pytest.param(rb"\u5408\u540C", "合同".encode(), True, id="Chinese"),
        pytest.param(rb"\ud83d\ude00", "😀".encode(), True, id="pair"),
        pytest.param(rb"a\"\\\/\b\f\n\r\tb", b'a"\\/\b\f\n\r\tb', True, id="every short escape"),
        pytest.param(rb"\ud83dx", b"\xef\xbf\xbdx", True, id="lone half"),
        pytest.param(rb"\udc80", b"\x80", True, id="lone low half of the escape range"),
        pytest.param(b"\xff\\n", b"\xff\n", True, id="byte that is not UTF-8"),
        pytest.param(b"\n\\n", b"\n\n", True, id="raw control character"),
        pytest.param(rb"\u00", rb"\u00", False, id="escape too short"),
        pytest.param(rb"\q\u0031", rb"\q1", False, id="unknown escape beside a good one"),
    ],
)
def test_unescaped(inner: bytes, expected: bytes, *, is_proper: bool) -> None:
    view = memoryview(b'"' + inner + b'"')
    assert unescaped(view, 1, len(view) - 1) == (expected, is_proper)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"plain \\n", b"plain \\n", id="nothing to do"),
        pytest.param(rb"{\u0031\u0032: '\u5408'", "{12: '合'".encode(), id="runs anywhere"),
        pytest.param(rb"\ud83d\ude00", "😀".encode(), id="pair"),
        pytest.param(rb"\ud83d", b"\xef\xbf\xbd", id="lone half"),
        pytest.param(rb"\u12", rb"\u12", id="too short"),
    ],
)
def test_undo_escapes(raw: bytes, expected: bytes) -> None:
    assert undo_escapes(raw) == expected


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_as_the_standard_library(text: str) -> None:
    view = memoryview(json.dumps(text).encode())
    assert unescaped(view, 1, len(view) - 1) == (text.encode(), True)

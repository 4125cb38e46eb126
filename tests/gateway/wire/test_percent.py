"""Percent-encoding is undone as the standard library does it, whatever the window cuts."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.percent import WINDOW_BYTES, percent_decoded


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"", b"", id="empty"),
        pytest.param(b"abc", b"abc", id="nothing to do"),
        pytest.param(b"%E5%90%88", "合".encode(), id="escapes"),
        pytest.param(b"%2b%2B", b"++", id="both cases"),
        pytest.param(b"%zz%4", b"%zz%4", id="damaged"),
        pytest.param(b"%2541", b"%41", id="once only"),
        pytest.param(b"\xff%41\x00", b"\xffA\x00", id="other bytes"),
    ],
)
def test_decoded(raw: bytes, expected: bytes) -> None:
    assert percent_decoded(raw) == expected
    assert percent_decoded(memoryview(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "plus_is_blank", "expected"),
    [
        pytest.param(b"a+b%2B", True, b"a b+", id="form"),
        pytest.param(b"a+b%2B", False, b"a+b+", id="path"),
    ],
)
def test_plus(raw: bytes, expected: bytes, *, plus_is_blank: bool) -> None:
    assert percent_decoded(raw, plus_is_blank=plus_is_blank) == expected


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 6), st.text("%4a1 ", max_size=12).map(str.encode))
def test_windows_cut_no_escape(before: int, tail: bytes) -> None:
    raw = b"x" * (WINDOW_BYTES - before) + tail
    assert percent_decoded(raw) == unquote_to_bytes(raw)


def test_all_percent_signs() -> None:
    raw = b"%" * (WINDOW_BYTES * 2)
    assert percent_decoded(raw) == raw

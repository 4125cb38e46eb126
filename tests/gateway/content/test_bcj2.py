"""BCJ2: programs whose jumps are in streams of their own."""

import pytest

from gateway.content.bcj2 import bcj2
from gateway.errors import MalformedError
from gateway.limits import MIB

NONE_TAKEN = bytes(64)
"""A range coder that says no each time."""
ALL_TAKEN = b"\x00" + b"\xff" * 64


def undone(main, calls=b"", jumps=b"", choices=NONE_TAKEN, size=None):
    return b"".join(bcj2(main, calls, jumps, choices, len(main) if size is None else size))


@pytest.mark.parametrize(
    ("main", "calls", "jumps", "choices", "size", "plain"),
    [
        pytest.param(b"plain", b"", b"", NONE_TAKEN, 5, b"plain", id="no jumps"),
        pytest.param(b"", b"", b"", NONE_TAKEN, 0, b"", id="nothing"),
        pytest.param(b"a\xe8b\xe9c\x0f\x84d", b"", b"", NONE_TAKEN, 8, b"a\xe8b\xe9c\x0f\x84d", id="none taken out"),
        pytest.param(b"\xe8", b"\x00\x00\x10\x05", b"", ALL_TAKEN, 5, b"\xe8\x00\x10\x00\x00", id="call"),
        pytest.param(b"\xe9", b"", b"\x00\x00\x10\x05", ALL_TAKEN, 5, b"\xe9\x00\x10\x00\x00", id="jump"),
        pytest.param(b"\x0f\x8f", b"", b"\x00\x00\x10\x06", ALL_TAKEN, 6, b"\x0f\x8f\x00\x10\x00\x00", id="condition"),
        pytest.param(
            b"\xe8\x80", b"\x0f\x00\x00\x05", b"\x00\x00\x00\x0a", ALL_TAKEN, 10, b"\xe8\x00\x00\x00\x0f\x80\x00\x00\x00\x00",
            id="a target makes a jump of the byte after it",
        ),
        pytest.param(b"\xe8", b"", b"", ALL_TAKEN, 1, b"\xe8", id="ends with a jump"),
        pytest.param(b"\xe8", b"\x00\x00\x00\x05", b"", ALL_TAKEN, 3, b"\xe8\x00\x00", id="ends in a target"),
    ],
)  # fmt: skip
def test_undone(main, calls, jumps, choices, size, plain):
    assert undone(main, calls, jumps, choices, size) == plain


def test_long_programs_come_in_chunks():
    main = (bytes(1000) + b"\xe8") * 3000
    chunks = list(bcj2(main, b"", b"", bytes(60_000), len(main)))
    assert b"".join(chunks) == main
    assert max(map(len, chunks)) < 2 * MIB


@pytest.mark.parametrize(
    ("main", "calls", "choices", "size", "why"),
    [
        pytest.param(b"short", b"", NONE_TAKEN, 6, "program ends", id="program"),
        pytest.param(b"\xe8", b"\x00\x00", ALL_TAKEN, 5, "jumps end", id="targets"),
        pytest.param(b"", b"", b"\x00\x00", 5, "damaged", id="no range coder"),
        pytest.param(b"", b"", b"\x01" * 5, 5, "damaged", id="first byte"),
        pytest.param(b"\xe8" * 200, b"", bytes(5), 200, "jumps end", id="choices"),
    ],
)
def test_damage(main, calls, choices, size, why):
    with pytest.raises(MalformedError, match=why):
        undone(main, calls, b"", choices, size)

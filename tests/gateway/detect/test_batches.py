"""Text in batches: everything is in one, cuts are at line ends, bytes and name go once."""

from itertools import pairwise

import pytest

from gateway.detect import batches as module
from gateway.detect.batches import batches, cut
from gateway.parts import Part, Text


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(module, "BATCH_CHARS", 1000)
    monkeypatch.setattr(module, "REACH_CHARS", 200)
    monkeypatch.setattr(module, "OVERLAP_CHARS", 60)


def part(*texts: str) -> Part:
    return Part(
        "a", "a.txt", 3, "", "", "text/plain", b"abc", texts=tuple(Text(text, f"p{n}") for n, text in enumerate(texts))
    )


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        pytest.param((), [0], id="none"),
        pytest.param(("x",), [1], id="one"),
        pytest.param(("x" * 600, "y" * 400), [1000], id="just fits"),
        pytest.param(("x" * 600, "y" * 401), [600, 401], id="one over"),
    ],
)
def test_batches(texts, sizes):
    made = list(batches(part(*texts)))
    assert [sum(len(text.text) for text in batch.texts) for batch in made] == sizes
    assert [(batch.data, batch.name) for batch in made] == [(b"abc", "a.txt"), *[(b"", "")] * (len(sizes) - 1)]


def test_long_text_is_cut_at_line_ends():
    lines = [f"line {n:04d}" for n in range(1000)]
    pieces = [piece.text for piece in cut(Text("\n".join(lines), "here"))]
    assert len(pieces) > 9
    assert {line for piece in pieces for line in piece.split("\n")} == {*lines, ""}
    assert max(map(len, pieces)) <= 1000
    pairs = pairwise(pieces)
    assert all(after.split("\n")[0] in before.split("\n") for before, after in pairs)


def test_text_without_lines_is_cut_with_an_overlap():
    pieces = [piece.text for piece in cut(Text("".join(f"{n:05d}" for n in range(600)), ""))]
    assert all(after.startswith(before[-60:]) for before, after in pairwise(pieces))
    assert pieces[-1].endswith("00599")


def test_short_text_is_itself():
    text = Text("x" * 1000)
    assert list(cut(text)) == [text]

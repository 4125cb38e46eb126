"""Long texts window by window: every line is in one, whatever the encoding, and nothing stays in memory."""

import hashlib
import mmap
import os
from itertools import pairwise

import pytest
from pytest import param

from gateway.content import windows
from gateway.content.text import decode
from gateway.content.windows import Windows, digest, forget, led, old_digests, spans
from gateway.parts import Text


def read(data):
    return tuple(Text(text) for text in decode(data))


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW_BYTES", 2000)
    monkeypatch.setattr(windows, "REACH_BYTES", 500)
    monkeypatch.setattr(windows, "OVERLAP_BYTES", 100)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "ascii"])
def test_every_line_is_in_a_window(encoding):
    lines = [f"第{n}行 客户 {n:05d}" if encoding != "ascii" else f"line {n:05d}" for n in range(2000)]
    data = ("\n".join(lines) + "\n").encode(encoding)
    where = spans(data)
    texts = [text.text for text in Windows(data, where, read)]
    assert len(where) > 10
    assert where[0][0] == 0
    assert where[-1][1] == len(data)
    assert all(after[0] < before[1] for before, after in pairwise(where))
    assert max(end - start for start, end in where) <= 2000
    seen = {line for text in texts for line in text.split("\n")}
    assert set(lines) <= seen
    # What lies across the end of a window is whole in the next one.
    assert all(any("\n".join(pair) in text for text in texts) for pair in pairwise(lines))


@pytest.mark.parametrize(
    "data",
    [
        param(b"x" * 2000, id="short"),
        param(b"x" * 5000, id="no line ends"),
        param("一行\n".encode("utf-16") * 2000, id="UTF-16 with its mark"),
        param("一行\n".encode("utf-16-le") * 2000, id="UTF-16 without"),
        param(b"a\n" * 900 + b"x" * 5000, id="no line end within reach"),
    ],
)
def test_what_cannot_be_cut_safely_stays_whole(data):
    assert spans(data) is None


def test_windows_are_a_sequence_with_texts_before_it():
    data = b"line\n" * 2000
    made = led((Text("a.txt", "name"),), Windows(data, spans(data), read))
    assert isinstance(made, Windows)
    assert (made[0].text, made[1].text[:5], len(made)) == ("a.txt", "line\n", 1 + len(spans(data)))
    assert [text.text for text in made[:1]] == ["a.txt"]
    assert made[-1].text.endswith("line\n")
    assert [text.text for text in made][:1] == ["a.txt"]
    with pytest.raises(IndexError):
        made[100]
    assert led((Text("b"),), (Text("c"),)) == (Text("b"), Text("c"))


def test_pages_of_a_mapped_file_are_given_back(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(os.urandom(8 << 20))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        assert sum(view[::4096]) > 0
        before = resident()
        forget(view[4096:])
        assert before - resident() > 6 << 20
        assert digest(view) == digest(bytes(view))
        view.release()
    forget(b"bytes are not mapped")


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[2]) * mmap.PAGESIZE


def test_old_digests_of_a_long_buffer():
    data = bytes(range(251)) * 70_000
    assert (
        old_digests(memoryview(data))
        == old_digests(data)
        == (hashlib.md5(data).hexdigest(), hashlib.sha1(data).hexdigest())
    )

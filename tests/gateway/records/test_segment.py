import errno
import json
import os
from pathlib import Path

import pytest

from gateway.records.chain import ZERO_HASH, Anchor, lines_from, parse_line
from gateway.records.files import JournalName, Link, is_live, read_head
from gateway.records.segment import Receipt, Segment
from tests.samples.records import largest_file
from tests.support.disks import fill, mounted

NAME = JournalName("edge-1", "0", "20260301T120000.000001", 41)
AT = "2026-03-01T12:00:00.000Z"
FACTS = {"node": "edge-1", "worker": "0", "version": "0.1.0", "run": "ab"}


def _create(directory, previous=None):
    return Segment.create(directory, NAME, previous=previous, facts=FACTS, at=AT)


def _lines(path):
    with path.open("rb") as file:
        return [parse_line(raw) for _, raw in lines_from(file, 0)]


def test_a_new_file_has_its_first_line_its_head_and_a_lock(tmp_path):
    segment = _create(tmp_path)
    path = tmp_path / NAME.file
    (line,) = _lines(path)
    assert (line.seq, line.prev, line.kind, line.at) == (1, ZERO_HASH, "open", AT)
    assert json.loads(line.body) == {**FACTS, "file": NAME.file, "previous": None}
    assert read_head(path) == Anchor(NAME.file, 1, line.hash, path.stat().st_size)
    assert sorted(tmp_path.iterdir()) == [path, path.with_name(f"{NAME.file}.head")]
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    assert is_live(path)
    segment.release()
    segment.release()
    assert not is_live(path)


def test_the_first_line_names_the_file_before(tmp_path):
    previous = Link(Anchor("edge-1.0.20260228T120000.000001.40.jsonl", 9, "c" * 64, 4096), live=True)
    _create(tmp_path, previous).release()
    (line,) = _lines(tmp_path / NAME.file)
    assert line.prev == "c" * 64
    assert json.loads(line.body)["previous"] == {
        "file": "edge-1.0.20260228T120000.000001.40.jsonl",
        "seq": 9,
        "hash": "c" * 64,
        "size": 4096,
        "live": True,
    }


def test_a_group_is_in_the_file_and_under_the_head_before_there_are_receipts(tmp_path):
    segment = _create(tmp_path)
    first = segment.hash
    receipts = segment.commit([("verdict", b'{"id":"a"}'), ("outcome", b'{"id":"b"}')], AT)
    lines = _lines(tmp_path / NAME.file)
    assert [(line.seq, line.kind, line.body) for line in lines[1:]] == [
        (2, "verdict", b'{"id":"a"}'),
        (3, "outcome", b'{"id":"b"}'),
    ]
    assert lines[1].prev == first
    assert receipts == [Receipt(NAME.file, 2, lines[1].hash), Receipt(NAME.file, 3, lines[2].hash)]
    size = (tmp_path / NAME.file).stat().st_size
    assert read_head(tmp_path / NAME.file) == Anchor(NAME.file, 3, lines[2].hash, size)
    assert segment.link() == Link(Anchor(NAME.file, 3, lines[2].hash, size), live=False)
    segment.finish("shutdown", AT)
    segment.release()
    last = _lines(tmp_path / NAME.file)[-1]
    assert (last.kind, last.body) == ("close", b'{"reason":"shutdown"}')


@pytest.mark.parametrize("size", [pytest.param(60, id="no room for a head"), pytest.param(300, id="for half a line")])
def test_a_file_that_cannot_be_begun_leaves_nothing(tmp_path, size):
    with largest_file(size), pytest.raises(OSError, match="File too large") as caught:
        _create(tmp_path)
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", [pytest.param("", id="the journal"), pytest.param(".head", id="the head")])
def test_a_name_that_is_taken_is_left_alone(tmp_path, taken):
    other = tmp_path / f"{NAME.file}{taken}"
    other.write_bytes(b"of another process")
    with pytest.raises(FileExistsError):
        _create(tmp_path)
    assert other.read_bytes() == b"of another process"
    assert list(tmp_path.iterdir()) == [other]


def test_a_group_that_does_not_fit_is_taken_back_whole(tmp_path):
    segment = _create(tmp_path)
    before = (tmp_path / NAME.file).read_bytes()
    with largest_file(len(before) + 500), pytest.raises(OSError, match="File too large"):
        segment.commit([("verdict", b'{"id":"a"}'), ("verdict", b'{"id":"%s"}' % (b"b" * 1000))], AT)
    assert segment.broken
    assert (tmp_path / NAME.file).read_bytes() == before
    assert (segment.seq, segment.size) == (1, len(before))
    assert not segment.link().live
    segment.release()


def test_a_full_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=64k") as disk:
        segment = _create(disk)
        filler = fill(disk)
        before = (disk / NAME.file).read_bytes()
        with pytest.raises(OSError, match="No space left on device"):
            segment.commit([("verdict", b'{"id":"%s"}' % (b"b" * 8000))], AT)
        assert (disk / NAME.file).read_bytes() == before
        filler.unlink()
        segment.release()


def test_remains_that_cannot_be_removed_are_told_to_the_next_file(tmp_path):
    segment = _create(tmp_path)
    os.close(segment._fd)
    segment._fd = os.open(tmp_path / NAME.file, os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        segment.commit([("verdict", b"{}")], AT)
    assert segment.broken
    assert segment.link().live
    segment.release()


def test_a_directory_that_is_none(tmp_path):
    with pytest.raises(NotADirectoryError):
        _create(Path("/dev/null/journal"))

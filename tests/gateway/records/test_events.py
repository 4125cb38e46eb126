import json
import os
import stat

import pytest

from gateway.errors import RecordError
from gateway.records.due import Event
from gateway.records.events import EventsFile
from tests.samples.records import largest_file
from tests.support.disks import fill, mounted

ONE = Event("a", '{"id":"a","name":"合同"}', "refused (403)")
TWO = Event("b", '{"id":"b"} ', "")


def test_an_event_is_the_record_with_its_outcome(tmp_path):
    events = EventsFile(tmp_path / "out" / "events.jsonl")
    place = events.append([ONE, TWO])
    path = tmp_path / "out" / "events.jsonl"
    assert path.read_text() == '{"id":"a","name":"合同","outcome":"refused (403)"}\n{"id":"b","outcome":""}\n'
    assert place == f"{path.stat().st_ino}:{path.stat().st_size}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_renamed_file_is_let_go(tmp_path):
    path = tmp_path / "events.jsonl"
    events = EventsFile(path)
    events.append([ONE])
    path.rename(tmp_path / "events.jsonl.1")
    events.append([TWO])
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["b"]
    assert [json.loads(line)["id"] for line in (tmp_path / "events.jsonl.1").read_text().splitlines()] == ["a"]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("", ["a", "b", "a"], id="nothing known"),
        pytest.param("{inode}:{first}", ["b", "a"], id="the first line known"),
        pytest.param("{inode}:{all}", [], id="all known"),
        pytest.param("7:{first}", ["a", "b", "a"], id="another file"),
        pytest.param("{inode}:9999", ["a", "b", "a"], id="the file was cut"),
    ],
)
def test_ids_after_a_place(tmp_path, place, expected):
    path = tmp_path / "events.jsonl"
    events = EventsFile(path)
    inode, _, first = events.append([ONE]).partition(":")
    whole = events.append([TWO, ONE]).partition(":")[2]
    assert list(events.ids_after(place.format(inode=inode, first=first, all=whole))) == expected


def test_lines_of_others_have_no_id(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'noise\n[1]\n{"id":7}\n{}\n' + b"[" * 100_000 + b'\n{"id":"a"}\n')
    assert list(EventsFile(path).ids_after("")) == ["a"]


def test_a_torn_last_line_is_cut_off(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"id":"a"}\n{"id":"b","na')
    assert list(EventsFile(path).ids_after("")) == ["a"]
    assert path.read_bytes() == b'{"id":"a"}\n'


def test_no_file_has_no_ids(tmp_path):
    assert list(EventsFile(tmp_path / "events.jsonl").ids_after("")) == []


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(RecordError, match="cannot be read: Is a directory"):
        list(EventsFile(tmp_path).ids_after(""))


@pytest.mark.parametrize("size", [pytest.param(60, id="in the middle"), pytest.param(0, id="at once")])
def test_a_group_that_does_not_fit_is_taken_back(tmp_path, size):
    path = tmp_path / "events.jsonl"
    events = EventsFile(path)
    events.append([TWO])
    before = path.read_bytes()
    with largest_file(len(before) + size), pytest.raises(RecordError, match="cannot be written: File too large"):
        events.append([ONE, ONE])
    assert path.read_bytes() == before
    events.append([ONE])


def test_a_full_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=64k") as disk:
        events = EventsFile(disk / "events.jsonl")
        events.append([TWO])
        filler = fill(disk)
        with pytest.raises(RecordError, match="No space left on device"):
            events.append([Event("a", json.dumps({"id": "a", "pad": "x" * 8000}), "aborted")])
        filler.unlink()
        events.append([ONE])
        assert len((disk / "events.jsonl").read_bytes().splitlines()) == 2


def test_a_directory_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="cannot be written"):
        EventsFile(tmp_path / "file" / "events.jsonl").append([ONE])
    assert os.listdir(tmp_path) == ["file"]

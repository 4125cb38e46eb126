import fcntl

import pytest

from gateway.errors import MalformedError
from gateway.records.chain import ZERO_HASH, Anchor, seal
from gateway.records.files import (
    JournalName,
    Link,
    durable_end,
    encode_head,
    is_live,
    last_link,
    list_directory,
    parse_name,
    read_head,
)
from tests.samples.records import Clock, journals, open_journal, write_journal

FILE = "edge-1.0.20260301T120000.000001.41.jsonl"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param(FILE, JournalName("edge-1", "0", "20260301T120000.000001", 41), id="plain"),
        pytest.param(
            "a.example.com.w-1.20260301T120000.000001.1.jsonl",
            JournalName("a.example.com", "w-1", "20260301T120000.000001", 1),
            id="dots in the node",
        ),
        pytest.param(f"{FILE}.head", None, id="a head"),
        pytest.param("edge-1.20260301T120000.000001.41.jsonl", None, id="no worker"),
        pytest.param("edge-1.0.20260301T120000.41.jsonl", None, id="no microseconds"),
        pytest.param(".hidden.0.20260301T120000.000001.41.jsonl", None, id="hidden"),
        pytest.param("edge/1.0.20260301T120000.000001.41.jsonl", None, id="slash"),
        pytest.param("边.0.20260301T120000.000001.41.jsonl", None, id="not ASCII"),
        pytest.param(f"{FILE}\n", None, id="line feed"),
    ],
)
def test_parse_name(file, expected):
    assert parse_name(file) == expected
    if expected:
        assert expected.file == file


def test_list_directory_sorts_by_slot_and_time(tmp_path):
    names = [
        "b.0.20260301T120000.000000.1.jsonl",
        "a.1.20260301T120000.000000.1.jsonl",
        "a.0.20260302T120000.000000.1.jsonl",
        "a.0.20260301T120000.000000.9.jsonl",
    ]
    for name in [*names, f"{names[0]}.head", "notes.txt", "notes.head"]:
        (tmp_path / name).touch()
    found = list_directory(tmp_path)
    assert [name.file for name in found.journals] == names[::-1]
    assert found.heads == (names[0],)
    assert found.strangers == ("notes.head", "notes.txt")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(encode_head(7, 4096, "a" * 64), Anchor(FILE, 7, "a" * 64, 4096), id="whole"),
        pytest.param(None, None, id="missing"),
    ],
)
def test_read_head(tmp_path, raw, expected):
    if raw:
        assert len(raw) == 124
        (tmp_path / f"{FILE}.head").write_bytes(raw)
    assert read_head(tmp_path / FILE) == expected


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(encode_head(7, 4096, "a" * 64)[:-1], id="cut"),
        pytest.param(encode_head(7, 4096, "a" * 64) + b"\n", id="longer"),
        pytest.param(encode_head(7, 4096, "a" * 64).replace(b"7", b"6"), id="seq changed"),
        pytest.param(encode_head(7, 4096, "a" * 64).replace(b"4096", b"4095"), id="size changed"),
    ],
)
def test_a_damaged_head_is_refused(tmp_path, raw):
    (tmp_path / f"{FILE}.head").write_bytes(raw)
    with pytest.raises(MalformedError, match="damaged"):
        read_head(tmp_path / FILE)


def test_a_file_lives_as_long_as_its_writer_holds_it(tmp_path):
    path = tmp_path / FILE
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_live(path)
        assert is_live(path)
    assert not is_live(path)


def _chain(count, prev="b" * 64):
    lines = []
    for seq in range(1, count + 1):
        raw, prev = seal(seq, prev, "open" if seq == 1 else "verdict", "2026-03-01T12:00:00.000Z", b"{}")
        lines.append((raw, prev))
    return lines


CHAIN = _chain(4)
SIZES = [sum(len(raw) for raw, _ in CHAIN[:count]) for count in range(5)]


@pytest.mark.parametrize(
    ("lines", "head", "expected"),
    [
        pytest.param(4, 4, 4, id="all of it under the head"),
        pytest.param(4, 2, 4, id="whole lines after the head count"),
        pytest.param(4, 0, 4, id="no head: read from the start"),
        pytest.param(2, 4, 4, id="the head is believed against a file that was cut"),
        pytest.param(0, 0, 0, id="no record"),
    ],
)
def test_durable_end(tmp_path, lines, head, expected):
    path = tmp_path / FILE
    path.write_bytes(b"".join(raw for raw, _ in CHAIN[:lines]))
    if head:
        (tmp_path / f"{FILE}.head").write_bytes(encode_head(head, SIZES[head], CHAIN[head - 1][1]))
    digest = CHAIN[expected - 1][1] if expected else ZERO_HASH
    assert durable_end(path) == Anchor(FILE, expected, digest, SIZES[expected])


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(CHAIN[2][0][:-5], id="torn"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(CHAIN[3][0], id="one missing"),
        pytest.param(_chain(3, "c" * 64)[2][0], id="of another chain"),
    ],
)
def test_the_durable_end_stops_where_the_chain_does(tmp_path, tail):
    path = tmp_path / FILE
    path.write_bytes(CHAIN[0][0] + CHAIN[1][0] + tail)
    (tmp_path / f"{FILE}.head").write_bytes(b"damaged")
    assert durable_end(path) == Anchor(FILE, 2, CHAIN[1][1], SIZES[2])


def test_last_link_is_the_newest_file_of_the_slot_that_holds_a_record(tmp_path):
    assert last_link(tmp_path, ("edge-1", "0")) is None
    write_journal(tmp_path, [1], clock=Clock())
    write_journal(tmp_path, [2], worker=1)
    (tmp_path / "edge-1.0.20300101T000000.000000.1.jsonl").touch()
    (first,) = [path for path in journals(tmp_path) if path.name.startswith("edge-1.0.2026")]
    head = read_head(first)
    assert last_link(tmp_path, ("edge-1", "0")) == Link(head, live=False)
    assert head.seq == 4
    assert last_link(tmp_path, ("edge-2", "0")) is None


def test_last_link_says_when_the_writer_is_still_there(tmp_path):
    journal = open_journal(tmp_path)
    assert last_link(tmp_path, ("edge-1", "0")).live
    journal.close()
    assert not last_link(tmp_path, ("edge-1", "0")).live

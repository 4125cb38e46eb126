import json

import pytest

from gateway.records import tail as tail_module
from gateway.records.chain import Anchor, parse_line, seal
from gateway.records.files import encode_head, read_head
from gateway.records.tail import Tail
from gateway.records.upsert import Position
from tests.samples.records import body, identity, journals, open_journal, outcome, write_journal


def _ids(piece):
    return [json.loads(line.body)["id"] for line in piece.batch.lines if line.kind == "verdict"]


@pytest.fixture
def ended(tmp_path):
    """A closed file with six records: open, two verdicts with outcomes, close."""
    write_journal(tmp_path, [1, 2])
    (path,) = journals(tmp_path)
    return path


def _read_all(tail):
    """All pieces, each taken in."""
    pieces = []
    while True:
        tail.look()
        piece = tail.read(told=False)
        if not tail.moves(piece.batch):
            return pieces
        tail.advance(piece.batch)
        pieces.append(piece)


def test_a_closed_file_is_read_to_its_end_and_done(ended):
    tail = Tail(ended, None)
    assert tail.look() == 6
    piece = tail.read(told=True)
    assert (tail.is_live, piece.exhausted, piece.broken) == (False, True, 0)
    assert [line.kind for line in piece.batch.lines] == ["open", "verdict", "outcome", "verdict", "outcome", "close"]
    assert (piece.batch.anchor, piece.batch.position) == (read_head(ended), ended.stat().st_size)
    assert (piece.batch.done, piece.batch.told) == (True, True)
    assert len(piece.batch.run) == 16
    assert (tail.done, tail.position) == (False, 0)
    tail.advance(piece.batch)
    assert (tail.done, tail.look()) == (True, 0)
    assert not tail.moves(tail.read(told=True).batch)


def test_a_file_being_written_is_read_to_its_head_and_goes_on(tmp_path):
    journal = open_journal(tmp_path)
    journal.append("verdict", body(1)).result()
    (path,) = journals(tmp_path)
    durable = path.read_bytes()
    with path.open("ab") as file:
        file.write(durable)  # whole lines, and not yet under the head: their writer has not synced them
    tail = Tail(path, None)
    assert tail.look() == 2
    piece = tail.read(told=False)
    assert (tail.is_live, piece.exhausted, piece.batch.done, len(piece.batch.lines)) == (True, True, False, 2)
    tail.advance(piece.batch)
    with path.open("ab") as file:
        file.truncate(len(durable))
    journal.append("outcome", outcome(1)).result()
    assert tail.look() == 1
    piece = tail.read(told=False)
    assert [line.kind for line in piece.batch.lines] == ["outcome"]
    assert piece.broken == 0
    journal.close()


def test_a_file_without_a_record_yet_is_waited_for(tmp_path):
    path = tmp_path / "edge-1.0.20260301T120000.000000.1.jsonl"
    path.touch()
    tail = Tail(path, None)
    assert tail.look() == 0
    piece = tail.read(told=False)
    assert (tail.run, piece.batch.done, tail.moves(piece.batch)) == ("", False, False)


def test_reading_again_begins_where_it_was(ended):
    tail = Tail(ended, None)
    first = ended.read_bytes().splitlines(keepends=True)[:3]
    last = parse_line(first[-1])
    size = sum(map(len, first))
    known = Position(Anchor(ended.name, 3, last.hash, size), size, done=False)
    tail = Tail(ended, known)
    assert tail.run
    assert tail.look() == 3
    piece = tail.read(told=False)
    assert (_ids(piece), piece.broken, piece.batch.done) == ([identity(2)], 0, True)


@pytest.mark.parametrize(
    ("position", "expected"),
    [pytest.param(0, [1, 2], id="from the start"), pytest.param(3, [2], id="in the middle")],
)
def test_while_an_index_is_made_again_the_last_anchor_is_ahead(ended, position, expected):
    size = sum(len(raw) for raw in ended.read_bytes().splitlines(keepends=True)[:position])
    tail = Tail(ended, Position(read_head(ended), size, done=False))
    tail.look()
    piece = tail.read(told=False)
    assert (_ids(piece), piece.broken) == ([identity(number) for number in expected], 0)


def test_a_finished_file_is_not_opened_again(ended):
    known = Position(read_head(ended), ended.stat().st_size, done=True)
    ended.unlink()
    assert Tail(ended, known).done


@pytest.mark.parametrize(
    ("limit", "value"),
    [pytest.param("MAX_BATCH_LINES", 2, id="lines"), pytest.param("MAX_BATCH_BYTES", 900, id="bytes")],
)
def test_pieces_are_bounded(ended, monkeypatch, limit, value):
    monkeypatch.setattr(tail_module, limit, value)
    pieces = _read_all(Tail(ended, None))
    assert [piece.exhausted for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert len(pieces) >= 3
    assert sum(len(piece.batch.lines) for piece in pieces) == 6
    assert [name for piece in pieces for name in _ids(piece)] == [identity(1), identity(2)]


@pytest.mark.parametrize(
    ("change", "ids", "broken"),
    [
        pytest.param(lambda lines: [*lines[:1], b"noise\n", *lines[2:]], [2], 2, id="noise and the line after it"),
        pytest.param(lambda lines: [*lines[:1], *lines[2:]], [2], 1, id="a line dropped"),
        pytest.param(lambda lines: lines[1:], [1, 2], 1, id="the first line dropped"),
        pytest.param(lambda lines: [b"noise\n", *lines[1:]], [1, 2], 1, id="the first line broken"),
    ],
)
def test_a_changed_file_is_counted_and_read_on(ended, change, ids, broken):
    ended.write_bytes(b"".join(change(ended.read_bytes().splitlines(keepends=True))))
    ended.with_name(f"{ended.name}.head").write_bytes(encode_head(6, ended.stat().st_size, "a" * 64))
    (piece,) = _read_all(Tail(ended, None))
    assert _ids(piece) == [identity(number) for number in ids]
    assert (piece.broken, piece.batch.done) == (broken, True)


@pytest.mark.parametrize(
    "head", [pytest.param(True, id="with its head"), pytest.param(False, id="with a damaged head")]
)
def test_a_torn_end_is_passed_over(ended, head):
    size = ended.stat().st_size
    with ended.open("ab") as file:
        file.write(b'{"seq":7,"pr')
    if not head:
        ended.with_name(f"{ended.name}.head").write_bytes(b"damaged")
    (piece,) = _read_all(Tail(ended, None))
    assert (piece.broken, piece.batch.position, piece.batch.done) == (0, size, True)


def test_a_file_that_was_cut_is_done(ended):
    tail = Tail(ended, Position(read_head(ended), ended.stat().st_size, done=False))
    ended.write_bytes(b"")
    tail.look()
    piece = tail.read(told=False)
    assert (piece.batch.lines, piece.batch.done) == ([], True)


@pytest.mark.parametrize("content", [pytest.param(b'{"run":7}', id="no text"), pytest.param(b"{noise}", id="no JSON")])
def test_a_first_line_without_a_run(tmp_path, content):
    path = tmp_path / "edge-1.0.20260301T120000.000000.1.jsonl"
    path.write_bytes(seal(1, "0" * 64, "open", "2026-03-01T12:00:00.000Z", content)[0])
    (piece,) = _read_all(Tail(path, None))
    assert (piece.batch.run, piece.batch.done) == ("", True)


def test_a_first_line_that_is_no_object(tmp_path):
    path = tmp_path / "edge-1.0.20260301T120000.000000.1.jsonl"
    path.mkdir()
    assert Tail(path, Position(Anchor(path.name, 1, "a", 9), 9, done=False)).run == ""

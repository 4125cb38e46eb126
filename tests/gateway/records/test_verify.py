import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.records.chain import ZERO_HASH, Anchor, parse_line, seal
from gateway.records.files import encode_head, read_head
from gateway.records.verify import Break, verify_directory
from tests.samples.records import Clock, body, journals, largest_file, open_journal, write_journal


def _messages(directory, anchors=()):
    return [problem.message for problem in verify_directory(directory, anchors).problems]


@pytest.fixture
def three(tmp_path):
    """Three chained files of one slot, four records and more each, and one of another."""
    clock = Clock()
    for first in (1, 11, 21):
        write_journal(tmp_path, [first, first + 1], clock=clock)
    write_journal(tmp_path, [5], clock=clock, worker=1)
    return tmp_path


@pytest.fixture
def files(three):
    return [path for path in journals(three) if ".0.2026" in path.name]


def test_what_was_written_holds(three):
    seen = []
    report = verify_directory(
        three, [read_head(path) for path in journals(three)], progress=lambda *at: seen.append(at)
    )
    assert (report.ok, report.problems, report.notes) == (True, [], [])
    assert (report.files, report.records) == (4, 3 * 6 + 4)
    total = sum(path.stat().st_size for path in journals(three))
    assert report.size_bytes == total
    assert (len(seen), seen[-1]) == (4, (total, total))


def test_an_empty_directory_holds(tmp_path):
    assert verify_directory(tmp_path).ok


def test_a_directory_that_is_not_there_does_not(tmp_path):
    assert _messages(tmp_path / "none") == ["the journal directory cannot be read (No such file or directory)"]


def _lines(path):
    return path.read_bytes().splitlines(keepends=True)


def _drop(index):
    return lambda lines: lines[:index] + lines[index + 1 :]


def _swap(first, second):
    def change(lines):
        lines[first], lines[second] = lines[second], lines[first]
        return lines

    return change


def _forge(index, content):
    """Another body with its right hash, as somebody who knows the format would write it."""

    def change(lines):
        old = parse_line(lines[index])
        lines[index] = seal(old.seq, old.prev, old.kind, old.at, content)[0]
        return lines

    return change


def _forge_all(lines):
    """A whole file written again from its third line on."""
    prev = parse_line(lines[1]).hash
    for index in range(2, len(lines)):
        old = parse_line(lines[index])
        lines[index], prev = seal(old.seq, prev, old.kind, old.at, old.body.replace(b"li.wei", b"wang.e"))
    return lines


def _after_close(lines):
    last = parse_line(lines[-1])
    return [*lines, seal(last.seq + 1, last.hash, "verdict", last.at, b"{}")[0]]


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        pytest.param(
            lambda lines: [line.replace(b"li.wei", b"li.mei") for line in lines],
            2,
            "its hash does not match its content",
            id="a value edited",
        ),
        pytest.param(_drop(2), 3, "record 3 before it is missing", id="one dropped"),
        pytest.param(
            lambda lines: lines[:1] + lines[4:], 2, "records 2 to 4 before it are missing", id="three dropped"
        ),
        pytest.param(_drop(0), 1, "record 1 before it is missing", id="the first dropped"),
        pytest.param(_drop(5), 0, "cut after record 5; its head file knows 6 records", id="the last dropped"),
        pytest.param(lambda lines: lines[:3], 0, "cut after record 3; its head file knows 6 records", id="cut"),
        pytest.param(lambda _: [], 0, "cut after record 0; its head file knows 6 records", id="emptied"),
        pytest.param(
            lambda lines: [*lines[:5], lines[5][:-9]], 6, "the line does not end", id="cut inside the last line"
        ),
        pytest.param(_swap(2, 3), 3, "record 3 before it is missing", id="two swapped"),
        pytest.param(
            lambda lines: lines[:3] + lines[1:],
            4,
            "record 2 stands where 4 should; it was inserted or swapped",
            id="one copied",
        ),
        pytest.param(
            lambda lines: [*lines[:2], b'{"id":"x"}\n', *lines[2:]], 3, "the line is not a journal record", id="noise"
        ),
        pytest.param(lambda lines: [*lines[:2], b"\n", *lines[2:]], 3, "the line is not a journal record", id="blank"),
        pytest.param(
            _forge(2, b'{"id":"forged"}'),
            4,
            "it does not continue the record before it, which was replaced",
            id="one written again",
        ),
        pytest.param(
            _forge(-1, b'{"reason":"forged"}'),
            0,
            "record 6 is not the one that its head file knows",
            id="the last written again",
        ),
        pytest.param(_forge_all, 0, "record 6 is not the one that its head file knows", id="all written again"),
        pytest.param(_after_close, 7, "a record stands after the closing one", id="one added"),
        pytest.param(
            _forge(0, b'{"previous":null}'), 1, "its first record does not continue the file it names", id="new start"
        ),
    ],
)
def test_each_change_is_found_and_placed(files, change, line, message):
    path = files[1]
    path.write_bytes(b"".join(change(_lines(path))))
    problems = verify_directory(path.parent).problems
    assert Break(path.name, line, message) in problems
    assert str(Break(path.name, line, message)) == f"{path.name}:{line}: {message}"
    assert not any("li.wei" in problem.message for problem in problems)


def test_a_file_and_its_head_cut_together_are_found_by_the_next_file_and_by_the_store(files):
    path = files[1]
    kept = _lines(path)[:3]
    last = parse_line(kept[-1])
    anchor = read_head(path)
    path.write_bytes(b"".join(kept))
    path.with_name(f"{path.name}.head").write_bytes(encode_head(3, sum(map(len, kept)), last.hash))
    told = f"cut after record 3; {files[2].name} knows 6 records"
    assert _messages(path.parent) == [told]
    assert _messages(path.parent, [anchor]) == [told, "cut after record 3; the store knows 6 records"]


def test_the_newest_file_and_its_head_cut_together_are_found_by_the_store(files):
    path = files[2]
    anchor = read_head(path)
    kept = _lines(path)[:2]
    path.write_bytes(b"".join(kept))
    path.with_name(f"{path.name}.head").write_bytes(encode_head(2, path.stat().st_size, parse_line(kept[-1]).hash))
    assert _messages(path.parent) == []
    assert _messages(path.parent, [anchor]) == ["cut after record 2; the store knows 6 records"]


@pytest.mark.parametrize("suffixes", [pytest.param([""], id="alone"), pytest.param(["", ".head"], id="with its head")])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_missing_file_is_found(files, suffixes, index):
    path = files[index]
    anchors = [read_head(path)]
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink()
    by = files[index + 1].name if index < 2 else "its head file" if len(suffixes) == 1 else "the store"
    problems = verify_directory(path.parent, anchors).problems
    assert problems == [Break(path.name, 0, f"the file is missing; {by} knows it")]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda head: head.unlink(), "its head file is missing, so a cut end could not be seen", id="gone"),
        pytest.param(
            lambda head: head.write_bytes(b"0"),
            "its head file is damaged, so a cut end could not be seen",
            id="damaged",
        ),
        pytest.param(
            lambda head: (head.unlink(), head.mkdir()),
            "its head file is damaged, so a cut end could not be seen",
            id="unreadable",
        ),
    ],
)
def test_a_head_that_is_lost_is_a_problem(files, damage, message):
    damage(files[2].with_name(f"{files[2].name}.head"))
    assert verify_directory(files[2].parent).problems == [Break(files[2].name, 0, message)]


def test_a_head_that_names_another_place_is_a_problem(files):
    head = read_head(files[2])
    files[2].with_name(f"{files[2].name}.head").write_bytes(encode_head(head.seq, head.size - 1, head.hash))
    assert _messages(files[2].parent) == ["record 6 does not end where its head file says"]


def test_a_renamed_file_is_found(files):
    target = files[2].with_name(files[2].name.replace(".0.2026", ".7.2026"))
    files[2].rename(target)
    files[2].with_name(f"{files[2].name}.head").rename(target.with_name(f"{target.name}.head"))
    problems = verify_directory(target.parent).problems
    assert Break(target.name, 1, f"the file was renamed; it was written as {files[2].name}") in problems


def test_two_files_that_took_each_others_names_are_found(files):
    for suffix in ("", ".head"):
        first, second = (path.with_name(path.name + suffix) for path in files[:2])
        a, b = first.read_bytes(), second.read_bytes()
        first.write_bytes(b)
        second.write_bytes(a)
    assert f"the file was renamed; it was written as {files[1].name}" in _messages(files[0].parent)


def test_a_file_put_between_two_is_found(files, tmp_path):
    """Well formed, with a head, linked to its predecessor; but its successor never heard of it."""
    before, after = read_head(files[0]), files[1].name
    name = files[0].name.replace("120000", "120000")[: -len("jsonl")].rsplit(".", 2)[0]
    forged = f"{name[:-1]}{(int(name[-1]) + 1) % 10}.99999.jsonl"
    assert files[0].name < forged < after
    content = {
        "node": "edge-1",
        "worker": "0",
        "version": "0.1.0",
        "run": "00",
        "file": forged,
        "previous": {"file": before.file, "seq": before.seq, "hash": before.hash, "size": before.size, "live": False},
    }
    raw, digest = seal(1, before.hash, "open", "2026-03-01T12:00:00.000Z", json.dumps(content).encode())
    (tmp_path / forged).write_bytes(raw)
    (tmp_path / f"{forged}.head").write_bytes(encode_head(1, len(raw), digest))
    assert verify_directory(tmp_path).problems == [
        Break(after, 1, f"it follows {files[0].name}, not {forged}"),
    ]


def test_a_second_beginning_of_a_slot_is_found(tmp_path, files):
    name = "edge-1.0.20300101T000000.000000.1.jsonl"
    content = {"node": "edge-1", "worker": "0", "version": "0", "run": "00", "file": name, "previous": None}
    raw, digest = seal(1, ZERO_HASH, "open", "2030-01-01T00:00:00.000Z", json.dumps(content).encode())
    (tmp_path / name).write_bytes(raw)
    (tmp_path / f"{name}.head").write_bytes(encode_head(1, len(raw), digest))
    assert _messages(tmp_path) == [f"it follows no file, not {files[2].name}"]


def test_a_file_of_another_name_is_told(files):
    (files[0].parent / "notes.jsonl").touch()
    told = [Break("notes.jsonl", 0, "is not a file of a journal")]
    assert verify_directory(files[0].parent).problems == told
    assert verify_directory(files[0].parent, [Anchor("notes.jsonl", 1, "a" * 64, 10)]).problems == told


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path):
    name = "edge-1.0.20300101T000000.000000.1.jsonl"
    (tmp_path / name).mkdir()
    (tmp_path / f"{name}.head").write_bytes(encode_head(0, 0, ZERO_HASH))
    assert _messages(tmp_path) == ["the file cannot be read (Is a directory)"]


def test_a_file_of_noise_is_told_in_bounds(files):
    path = files[2]
    path.write_bytes(b"noise\n" * 1000)
    path.with_name(f"{path.name}.head").write_bytes(encode_head(1000, 6000, "a" * 64))
    problems = verify_directory(path.parent).problems
    assert len(problems) == 20
    assert problems[-1].message.endswith("more of this file is not told")


def test_a_second_open_line_in_a_file_is_found(tmp_path):
    write_journal(tmp_path, [1])
    (path,) = journals(tmp_path)
    lines = _lines(path)
    old = parse_line(lines[1])
    lines[1], prev = seal(old.seq, old.prev, "open", old.at, old.body)
    for index in (2, 3):
        old = parse_line(lines[index])
        lines[index], prev = seal(old.seq, prev, old.kind, old.at, old.body)
    path.write_bytes(b"".join(lines))
    path.with_name(f"{path.name}.head").write_bytes(encode_head(4, path.stat().st_size, prev))
    assert _messages(tmp_path) == ["the first record, and only that one, opens a file"]


def test_a_record_that_a_pin_names_and_noise_replaced_is_told_with_the_noise(files):
    anchor = Anchor(files[2].name, 3, "a" * 64, 10)
    assert _messages(files[2].parent, [anchor]) == ["record 3 is not the one that the store knows"]
    lines = _lines(files[2])
    lines[2] = b"noise\n"
    files[2].write_bytes(b"".join(lines))
    assert _messages(files[2].parent, [anchor]) == ["the line is not a journal record"]


def test_a_pin_on_a_record_before_the_first_is_told(files):
    assert _messages(files[2].parent, [Anchor(files[2].name, 0, "a" * 64, 0)]) == [
        "record 0, which the store knows, is not there"
    ]


def test_records_added_after_the_next_file_began_are_found(tmp_path):
    """The writer died, the next one linked to its last record, and then somebody went on in the old file."""
    clock = Clock()
    _die_after(tmp_path, 2)
    write_journal(tmp_path, [9], clock=clock)
    old, _ = journals(tmp_path)
    last = parse_line(_lines(old)[-1])
    raw, digest = seal(last.seq + 1, last.hash, "verdict", last.at, b"{}")
    with old.open("ab") as file:
        file.write(raw)
    old.with_name(f"{old.name}.head").write_bytes(encode_head(last.seq + 1, old.stat().st_size, digest))
    assert _messages(tmp_path) == [f"records after {last.seq} were added when {journals(tmp_path)[1].name} had begun"]


def _die_after(directory, count):
    """A writer that is killed when it has had that many receipts; gives the ids it had receipts for."""
    command = [sys.executable, "-m", "tests.support.journal_writer", directory]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        acknowledged = [process.stdout.readline().strip() for _ in range(count)]
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += process.stdout.read().split()
    assert all(acknowledged)
    return acknowledged


def test_a_killed_writer_leaves_a_chain_that_holds_with_all_it_acknowledged(tmp_path):
    acknowledged = _die_after(tmp_path, 300)
    report = verify_directory(tmp_path)
    assert report.problems == []
    assert "its writer ended without closing it" in [note.message for note in report.notes]
    (path,) = journals(tmp_path)
    text = path.read_text()
    assert len(acknowledged) >= 300
    assert all(identity in text for identity in acknowledged)
    write_journal(tmp_path, [1])
    assert verify_directory(tmp_path).problems == []


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(b'{"seq":7,"prev":"', id="half a line"),
        pytest.param(b"\0" * 300 + b"\n", id="a block of zeros"),
        pytest.param(b'{"seq":7,"prev":"' + b"\n" * 3, id="several lines"),
    ],
)
def test_a_torn_end_was_never_acknowledged(tmp_path, torn):
    _die_after(tmp_path, 3)
    (path,) = journals(tmp_path)
    records = verify_directory(tmp_path).records
    with path.open("ab") as file:
        file.truncate(read_head(path).size)
        file.write(torn)
    report = verify_directory(tmp_path)
    assert report.problems == []
    told = f"torn, never acknowledged: {len(torn)} bytes after the last durable record"
    assert told in [note.message for note in report.notes]
    assert report.records <= records
    write_journal(tmp_path, [1])
    assert verify_directory(tmp_path).problems == []


def test_a_journal_that_is_being_written_holds(tmp_path):
    journal = open_journal(tmp_path)
    journal.append("verdict", body(1)).result()
    (path,) = journals(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"seq":3,"pr')
    report = verify_directory(tmp_path)
    assert (report.problems, report.notes) == ([], [])
    with path.open("ab") as file:
        file.truncate(read_head(path).size)
    journal.close()


def test_a_file_that_was_made_and_got_no_record_is_no_problem(tmp_path):
    write_journal(tmp_path, [1])
    with largest_file(300):
        name = "edge-1.0.20270101T000000.000000.1.jsonl"
        (tmp_path / name).touch()
        (tmp_path / f"{name}.head").write_bytes(encode_head(0, 0, ZERO_HASH))
    later = "edge-1.0.20270101T000000.000001.1.jsonl"
    (tmp_path / f"{later}.head").write_bytes(encode_head(0, 0, ZERO_HASH))
    write_journal(tmp_path, [2], clock=Clock())
    assert verify_directory(tmp_path).problems == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sound")
    clock = Clock()
    write_journal(directory, [1, 2, 3], clock=clock)
    write_journal(directory, [4], clock=clock)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("flip", [pytest.param(0x01, id="lowest bit"), pytest.param(0x20, id="case bit")])
def test_every_byte_counts(tmp_path, sound, flip):
    for name, data in sound.items():
        (tmp_path / name).write_bytes(data)
    missed = []
    for name, data in sound.items():
        for index in range(len(data)):
            changed = bytearray(data)
            changed[index] ^= flip
            (tmp_path / name).write_bytes(changed)
            if verify_directory(tmp_path).ok:
                missed.append((name, index))
        (tmp_path / name).write_bytes(data)
    assert missed == []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_edit_is_found(tmp_path, sound, data):
    name = data.draw(st.sampled_from(sorted(sound)))
    old = sound[name]
    lines = old.splitlines(keepends=True)
    kind = data.draw(st.sampled_from(["byte", "insert", "delete", "truncate", "drop", "swap", "copy"]))
    at = data.draw(st.integers(0, len(old) - 1))
    one, two = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
    if kind == "byte":
        new = old[:at] + bytes([data.draw(st.integers(0, 255))]) + old[at + 1 :]
    elif kind == "insert":
        new = old[:at] + data.draw(st.binary(min_size=1, max_size=40)) + old[at:]
    elif kind == "delete":
        new = old[:at] + old[at + data.draw(st.integers(1, 2000)) :]
    elif kind == "truncate":
        new = old[:at]
    else:
        moved = list(lines)
        if kind == "drop":
            del moved[one]
        elif kind == "swap":
            moved[one], moved[two] = moved[two], moved[one]
        else:
            moved.insert(two, moved[one])
        new = b"".join(moved)
    for file, content in sound.items():
        (tmp_path / file).write_bytes(new if file == name else content)
    assert verify_directory(tmp_path).ok == (new == old)

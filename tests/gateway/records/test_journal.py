import asyncio
import json
import threading
from datetime import UTC, datetime

import pytest

from gateway.errors import RecordError, StartError
from gateway.records.chain import ZERO_HASH, lines_from, parse_line
from gateway.records.files import is_live, parse_name, read_head
from gateway.records.journal import Journal
from gateway.records.verify import verify_directory
from metrics.catalogue import FAILURES
from tests.samples.records import Clock, body, journals, largest_file, open_journal, outcome, write_journal
from tests.support.disks import fill, mounted


def _lines(path):
    with path.open("rb") as file:
        return [parse_line(raw) for _, raw in lines_from(file, 0)]


class Gate:
    """A clock at which the writing thread waits until it may pass."""

    def __init__(self):
        self.open = threading.Event()
        self.reached = threading.Event()
        self.open.set()
        self.clock = Clock()

    def __call__(self):
        if threading.current_thread().name == "journal":
            self.reached.set()
            assert self.open.wait(20)
        return self.clock()


def test_a_record_is_on_disk_when_its_future_is_done(tmp_path):
    journal = open_journal(tmp_path / "journal")
    receipt = journal.append("verdict", body(1)).result()
    (path,) = journals(tmp_path / "journal")
    lines = _lines(path)
    assert [line.kind for line in lines] == ["open", "verdict"]
    assert json.loads(lines[1].body) == body(1)
    assert (receipt.file, receipt.seq, receipt.hash) == (path.name, 2, lines[1].hash)
    assert read_head(path).seq == 2
    assert journal.failure == ""
    journal.close()
    journal.close()
    assert [line.kind for line in _lines(path)] == ["open", "verdict", "close"]
    assert not is_live(path)
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700


def test_many_threads_make_one_chain(tmp_path):
    journal = open_journal(tmp_path)
    receipts = {}

    def work(first):
        futures = {number: journal.append("verdict", body(number)) for number in range(first, first + 200)}
        receipts.update({number: future.result() for number, future in futures.items()})

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 1600, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert len({receipt.seq for receipt in receipts.values()}) == 1600
    (path,) = journals(tmp_path)
    found = {json.loads(line.body)["id"]: line for line in _lines(path) if line.kind == "verdict"}
    assert all(found[body(number)["id"]].hash == receipt.hash for number, receipt in receipts.items())
    assert verify_directory(tmp_path).problems == []


def test_what_queued_up_during_one_sync_is_one_group_of_bounded_size(tmp_path):
    gate = Gate()
    journal = open_journal(tmp_path, clock=gate)
    gate.open.clear()
    gate.reached.clear()
    first = journal.append("verdict", body(0))
    assert gate.reached.wait(20)
    rest = [journal.append("verdict", body(number)) for number in range(1, 1501)]
    gate.open.set()
    assert [future.result().seq for future in [first, *rest]] == list(range(2, 1503))
    journal.close()
    times = [line.at for line in _lines(journals(tmp_path)[0]) if line.kind == "verdict"]
    assert len(set(times)) == 3
    assert (times.count(times[1]), times.count(times[-1])) == (1000, 500)


async def test_asyncio_waits_for_a_receipt_and_a_cancelled_wait_still_leaves_the_record(tmp_path):
    gate = Gate()
    journal = open_journal(tmp_path, clock=gate)
    receipt = await asyncio.wrap_future(journal.append("verdict", body(1)))
    assert receipt.seq == 2
    gate.open.clear()
    future = journal.append("verdict", body(2))
    wait = asyncio.wrap_future(future)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert not future.cancel()
    gate.open.set()
    assert (await asyncio.to_thread(future.result)).seq == 3
    await asyncio.to_thread(journal.close)
    assert [line.seq for line in _lines(journals(tmp_path)[0])] == [1, 2, 3, 4]


def test_the_body_is_written_as_it_was_at_the_call(tmp_path):
    gate = Gate()
    journal = open_journal(tmp_path, clock=gate)
    gate.open.clear()
    content = {"id": "before"}
    future = journal.append("verdict", content)
    content["id"] = "after"
    gate.open.set()
    future.result()
    journal.close()
    assert _lines(journals(tmp_path)[0])[1].body == b'{"id":"before"}'


def test_what_json_cannot_say_is_refused_and_the_next_record_is_not(tmp_path):
    journal = open_journal(tmp_path)
    with pytest.raises(RecordError, match="JSON"):
        journal.append("verdict", {"value": b"4111111111111111"}).result()
    assert journal.append("verdict", body(2)).result().seq == 2
    journal.close()


def test_a_closed_journal_refuses(tmp_path):
    journal = open_journal(tmp_path)
    journal.close()
    with pytest.raises(RecordError, match="closed"):
        journal.append("verdict", body(1)).result()


def test_close_writes_what_is_queued(tmp_path):
    journal = open_journal(tmp_path)
    futures = [journal.append("verdict", body(number)) for number in range(50)]
    journal.close()
    assert [future.result(timeout=0).seq for future in futures] == list(range(2, 52))


def test_files_of_a_slot_are_one_chain(tmp_path):
    write_journal(tmp_path, [1])
    write_journal(tmp_path, [2], worker=1)
    write_journal(tmp_path, [3], clock=Clock(datetime(2020, 1, 1, tzinfo=UTC)))
    old, new = [path for path in journals(tmp_path) if parse_name(path.name).worker == "0"]
    last, first = _lines(old)[-1], _lines(new)[0]
    previous = json.loads(first.body)["previous"]
    assert (previous["file"], previous["seq"], previous["hash"]) == (old.name, last.seq, last.hash)
    assert first.prev == last.hash
    other = next(path for path in journals(tmp_path) if parse_name(path.name).worker == "1")
    assert _lines(other)[0].prev == ZERO_HASH
    # The clock had been set back by six years, and the new file still comes after the old one.
    assert parse_name(new.name).stamp > parse_name(old.name).stamp
    assert verify_directory(tmp_path).problems == []


def test_rotation_goes_on_in_a_chained_file_of_the_same_run(tmp_path):
    write_journal(tmp_path, range(20), max_file_bytes=5000)
    files = journals(tmp_path)
    assert len(files) > 3
    starts = [json.loads(_lines(path)[0].body) for path in files]
    assert len({start["run"] for start in starts}) == 1
    assert [_lines(path)[-1].body for path in files[:-1]] == [b'{"reason":"rotated"}'] * (len(files) - 1)
    assert _lines(files[-1])[-1].body == b'{"reason":"shutdown"}'
    report = verify_directory(tmp_path)
    assert (report.problems, report.notes) == ([], [])


@pytest.mark.parametrize("rotates", [pytest.param(False, id="in its file"), pytest.param(True, id="at a rotation")])
def test_a_failed_write_refuses_counts_and_heals(tmp_path, rotates):
    failures = []
    size = 100 if rotates else 64 * 1024 * 1024
    journal = open_journal(tmp_path, on_failure=failures.append, max_file_bytes=size)
    journal.append("verdict", body(1)).result()
    with largest_file(sum(path.stat().st_size for path in journals(tmp_path)) // len(journals(tmp_path)) + 100):
        for number in (2, 3):
            with pytest.raises(RecordError, match="could not be made durable: File too large"):
                journal.append("verdict", {**body(number), "pad": "x" * 2000}).result()
    assert journal.failure == "the record could not be made durable: File too large"
    assert [type(error) for error in failures] == [OSError, OSError]
    assert journal.append("verdict", body(4)).result().seq == 2
    assert journal.failure == ""
    journal.close()
    report = verify_directory(tmp_path)
    assert report.problems == []
    kept = [
        json.loads(line.body)["id"][-1]
        for path in journals(tmp_path)
        for line in _lines(path)
        if line.kind == "verdict"
    ]
    assert kept == ["1", "4"]


def test_a_disk_that_fills_up_and_gets_room_again(tmp_path):
    before = FAILURES.labels(part="journal")._value.get()
    with mounted(tmp_path / "disk", "size=256k") as disk:
        journal = open_journal(disk / "journal")
        journal.append("verdict", body(1)).result()
        filler = fill(disk)
        for number in (2, 3):
            with pytest.raises(RecordError, match="No space left on device"):
                journal.append("verdict", {**body(number), "pad": "x" * 8000}).result()
        assert FAILURES.labels(part="journal")._value.get() == before + 2
        filler.unlink()
        journal.append("verdict", body(4)).result()
        journal.close()
        report = verify_directory(disk / "journal")
        assert (report.problems, report.files) == ([], 2)


def test_a_failed_file_stays_locked_until_the_next_one_stands(tmp_path):
    journal = open_journal(tmp_path)
    (path,) = journals(tmp_path)
    with largest_file(path.stat().st_size), pytest.raises(RecordError):
        journal.append("verdict", body(1)).result()
    assert is_live(path)
    journal.append("verdict", body(2)).result()
    assert not is_live(path)
    journal.close()


def test_an_error_nobody_expected_refuses_the_group_and_a_failing_hook_stops_nothing(tmp_path):
    bad = threading.Event()

    def clock():
        if bad.is_set():
            raise ZeroDivisionError
        return datetime(2026, 3, 1, tzinfo=UTC)

    def hook(error):
        raise error

    journal = open_journal(tmp_path, clock=clock, on_failure=hook)
    bad.set()
    with pytest.raises(RecordError, match="ZeroDivisionError"):
        journal.append("verdict", body(1)).result()
    bad.clear()
    assert journal.append("outcome", outcome(1)).result().seq == 2
    journal.close()


@pytest.mark.parametrize("breaks", [pytest.param(False, id="sound"), pytest.param(True, id="failed before")])
def test_close_never_raises(tmp_path, breaks):
    journal = open_journal(tmp_path)
    (path,) = journals(tmp_path)
    with largest_file(path.stat().st_size):
        if breaks:
            with pytest.raises(RecordError):
                journal.append("verdict", body(1)).result()
        journal.close()
    assert [line.kind for line in _lines(path)] == ["open"]
    assert [note.message for note in verify_directory(tmp_path).notes] == ["its writer ended without closing it"]


@pytest.mark.parametrize(
    ("node", "worker"),
    [
        pytest.param("", 0, id="no node"),
        pytest.param("../up", 0, id="a path"),
        pytest.param("边缘", 0, id="not ASCII"),
        pytest.param("n" * 101, 0, id="too long"),
        pytest.param("edge", "a.b", id="a dot in the worker"),
    ],
)
def test_names_that_are_no_file_names_are_refused(tmp_path, node, worker):
    with pytest.raises(StartError, match="node name"):
        Journal.open(tmp_path, node=node, worker=worker, version="0", now=Clock())
    assert list(tmp_path.iterdir()) == []


def test_a_directory_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"file/journal cannot be written \(Not a directory\); make it a writable"):
        open_journal(tmp_path / "file" / "journal")


def test_a_read_only_directory_is_refused(tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk, pytest.raises(StartError, match="Read-only file system"):
        open_journal(disk)


def test_a_full_disk_is_refused_at_the_start(tmp_path):
    with largest_file(200), pytest.raises(StartError, match="File too large"):
        open_journal(tmp_path)
    assert list(tmp_path.iterdir()) == []

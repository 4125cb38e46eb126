"""The store: shared by processes, outliving them, and never giving out half of anything."""

import errno
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gateway.errors import StoreError, StoreFull
from gateway.limits import Limits
from gateway.uploads.assemble import assemble
from gateway.uploads.model import Segment
from gateway.uploads.store import Facts, State, UploadStore
from tests.support.disks import fill, mounted
from tests.support.pool import in_child

FACTS = Facts(service="s3", endpoint="part", host="h", hold="commit", transfer_id="0190")


class Clock:
    """Seconds, put on by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    store = made(tmp_path, clock=clock)
    yield store
    store.close()


def made(tmp_path, **more):
    given = {"max_stored_bytes": 4000, "max_uploads": 20, "keep_s": 60.0, **more}
    return UploadStore(tmp_path / "uploads", **given)


def put(store, upload, body, start=-1, index=-1, total_bytes=-1):
    return store.put(upload.id, Segment(0, 0, start, index), len(body), body, len(body), total_bytes=total_bytes)


def whole(store, upload):
    descriptor, size, recipe = store.assembly(upload.id)
    try:
        return bytes(assemble(recipe, os.pread(descriptor, size, 0), limits=Limits()))
    finally:
        os.close(descriptor)


def files(tmp_path):
    return {path.name: path.read_bytes() for path in (tmp_path / "uploads" / "files").iterdir()}


def test_an_upload_from_init_to_verdict(store, tmp_path):
    upload = store.open("li", ["id-1"], FACTS)
    assert store.find("li", ["id-1"]) == (upload,)
    store.link(upload.id, ["https://h/u?sig=1"])
    assert [one.id for one in store.find("li", ["https://h/u?sig=1"])] == [upload.id]
    assert put(store, upload, b"world", start=6).content_bytes == 5
    after = put(store, upload, b"hello ", start=0, total_bytes=11)
    assert (after.stored_bytes, after.content_bytes, after.complete, after.facts.size_bytes) == (11, 11, True, 11)
    assert whole(store, upload) == b"hello world"
    store.mark(upload.id, State.PASSED)
    assert files(tmp_path) == {}
    (found,) = store.find("li", ["id-1"])
    assert (found.state, found.stored_bytes, found.content_bytes) == (State.PASSED, 0, 11)


def test_nobody_elses_upload_is_found(store):
    store.open("li", ["id-1"], FACTS)
    assert store.find("wang", ["id-1"]) == ()
    assert store.open("wang", ["id-1"], FACTS).owner == "wang"


def test_nobody_else_may_read_it(store, tmp_path):
    put(store, store.open("li", ["secret-key"], FACTS), b"hello")
    for path in (tmp_path / "uploads").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert not [
        path for path in (tmp_path / "uploads").iterdir() if path.is_file() and b"secret-key" in path.read_bytes()
    ]


def test_opening_again_fills_in(store):
    first = store.open("li", ["a"], FACTS)
    again = store.open("li", ["x", "a"], Facts(service="other", name="a.txt", size_bytes=5))
    assert (again.id, again.facts.service, again.facts.name, again.facts.size_bytes) == (first.id, "s3", "a.txt", 5)
    assert [one.id for one in store.find("li", ["x"])] == [first.id]


def test_a_length_told_late_completes(store):
    upload = store.open("li", ["a"], FACTS)
    assert not put(store, upload, b"hello", start=0).complete
    assert store.open("li", ["a"], Facts(size_bytes=5)).complete


def test_of_several_the_strictest_is_opened(store):
    one, other = store.open("li", ["a"], FACTS), store.open("li", ["b"], FACTS)
    assert store.open("li", ["a", "b"], FACTS).id == one.id
    store.mark(one.id, State.PASSED)
    assert store.open("li", ["a", "b"], FACTS).id == other.id
    store.mark(other.id, State.REFUSED, "0190")
    assert {found.id for found in store.find("li", ["a", "b"])} == {one.id, other.id}
    assert store.open("li", ["a", "b"], FACTS).id == other.id


def test_contradicting_lengths_refuse_the_whole(store):
    upload = store.open("li", ["a"], Facts(size_bytes=5))
    assert put(store, upload, b"hello", start=0, total_bytes=6).conflict
    descriptor, _, recipe = store.assembly(upload.id)
    os.close(descriptor)
    assert recipe.conflict


def test_a_body_on_the_disk_is_kept(store, tmp_path):
    upload = store.open("li", ["a"], FACTS)
    (tmp_path / "body").write_bytes(b"hello, and what is behind")
    with (tmp_path / "body").open("rb") as body:
        body.seek(9)
        after = store.put(upload.id, Segment(0, 0, start=0), 5, body.fileno(), 5)
        assert body.tell() == 9
    assert (after.stored_bytes, whole(store, upload)) == (5, b"hello")


def test_the_descriptor_given_out_cannot_be_written(store):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello")
    descriptor, size, _ = store.assembly(upload.id)
    store.mark(upload.id, State.PASSED)
    assert os.pread(descriptor, size, 0) == b"hello"
    with pytest.raises(OSError, match="Bad file"):
        os.write(descriptor, b"x")
    os.close(descriptor)


@pytest.mark.parametrize("state", [State.PASSED, State.REFUSED])
def test_nothing_comes_after_the_verdict(store, tmp_path, state):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello")
    if state is State.PASSED:
        whole(store, upload)
    store.mark(upload.id, state, "0190")
    store.mark(upload.id, state, "0191")
    for call in (lambda: put(store, upload, b"x"), lambda: store.assembly(upload.id)):
        with pytest.raises(StoreError, match="closed"):
            call()
    assert (store.find("li", ["a"])[0].incident, files(tmp_path)) == ("0190", {})


def test_a_verdict_that_falls_while_a_piece_is_written(store, tmp_path, monkeypatch):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello")

    def append_and_refuse(*given):
        store.mark(upload.id, State.REFUSED, "0190")
        os.ftruncate(given[0], given[1])

    monkeypatch.setattr("gateway.uploads.store.append", append_and_refuse)
    with pytest.raises(StoreError, match="closed"):
        put(store, upload, b"late")
    assert files(tmp_path) == {}


def test_a_refusal_is_final(store):
    upload = store.open("li", ["a"], FACTS)
    store.mark(upload.id, State.REFUSED, "0190")
    for state in (State.PASSED, State.OPEN):
        with pytest.raises(StoreError, match="closed"):
            store.mark(upload.id, state)
    store.drop(upload.id)
    assert store.open("li", ["a"], FACTS).state is State.REFUSED


def test_what_passed_may_still_be_refused(store):
    upload = store.open("li", ["a"], FACTS)
    store.mark(upload.id, State.OPEN)
    store.mark(upload.id, State.PASSED)
    store.mark(upload.id, State.REFUSED, "0190")
    assert store.find("li", ["a"])[0].state is State.REFUSED


def test_only_what_was_looked_at_passes(store):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello", start=0)
    with pytest.raises(StoreError, match="changed"):
        store.mark(upload.id, State.PASSED)
    whole(store, upload)
    put(store, upload, b"secret", start=5)
    with pytest.raises(StoreError, match="changed"):
        store.mark(upload.id, State.PASSED)
    whole(store, upload)
    store.mark(upload.id, State.PASSED)


def test_an_upload_that_was_given_up_is_forgotten(store, tmp_path):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello")
    store.drop(upload.id)
    store.drop(upload.id)
    assert (store.find("li", ["a"]), files(tmp_path)) == ((), {})


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.link("x", ["a"]), id="link"),
        pytest.param(lambda store: store.assembly("x"), id="assembly"),
        pytest.param(lambda store: store.mark("x", State.PASSED), id="mark"),
    ],
)
def test_an_unknown_upload(store, call):
    with pytest.raises(StoreError, match="unknown"):
        call(store)


def test_a_piece_of_an_unknown_upload(store):
    with pytest.raises(StoreError, match="closed"):
        store.put("x", Segment(0, 0), 1, b"x", 1)


def test_uploads_expire_after_their_last_request(store, clock, tmp_path):
    upload, silent = store.open("li", ["a"], FACTS), store.open("li", ["b"], FACTS)
    passed = store.open("li", ["c"], FACTS)
    put(store, passed, b"x")
    whole(store, passed)
    store.mark(passed.id, State.PASSED)
    clock.now += 59
    put(store, upload, b"hello")
    clock.now += 2
    assert store.find("li", ["b", "c"]) == ()
    assert [one.id for one in store.find("li", ["a"])] == [upload.id]
    assert store.expire() == ()
    assert set(files(tmp_path)) == {upload.id}
    clock.now += 60
    assert [(one.id, one.stored_bytes) for one in store.expire()] == [(upload.id, 5)]
    assert (files(tmp_path), store.expire()) == ({}, ())
    assert silent.id not in files(tmp_path)


@pytest.mark.parametrize(("hold", "days", "state"), [("commit", 29, "refused"), ("commit", 31, ""), ("chunks", 1, "")])
def test_what_had_no_end_is_refused_for_as_long_as_services_keep_pieces(store, clock, hold, days, state):
    """Else its other pieces could come a day later, and be judged without the first ones."""
    upload = store.open("li", ["a"], replace(FACTS, hold=hold))
    put(store, upload, b"hello")
    clock.now += 61
    store.expire()
    clock.now += 60 * days
    assert [one.state for one in store.find("li", ["a"])] == ([state] if state else [])


def test_an_upload_of_somebody_else_is_known_as_such(store):
    store.open("li", ["id:s3:1"], FACTS)
    assert [store.is_of_another(owner, ["id:s3:1"]) for owner in ("li", "wang")] == [False, True]
    assert not store.is_of_another("wang", ["id:s3:2"])


def test_each_request_puts_the_end_off(store, clock):
    upload = store.open("li", ["a"], FACTS)
    for request in (
        lambda: store.open("li", ["a"], FACTS),
        lambda: store.link(upload.id, ["b"]),
        lambda: put(store, upload, b"x", start=0),
        lambda: store.mark(upload.id, State.REFUSED, "0190"),
    ):
        clock.now += 50
        request()
    clock.now += 59
    assert store.find("li", ["b"])[0].state is State.REFUSED
    clock.now += 1
    assert store.find("li", ["b"]) == ()


def test_files_without_an_upload_are_swept(store, tmp_path):
    upload = store.open("li", ["a"], FACTS)
    (tmp_path / "uploads" / "files" / "left-over").write_bytes(b"x")
    store.expire()
    assert set(files(tmp_path)) == {upload.id}


def test_bounds(store, clock):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"x" * 600)
    other = store.open("li", ["b"], FACTS)
    with pytest.raises(StoreFull) as caught:
        put(store, other, b"x" * 401)
    assert (caught.value.reason, caught.value.bound) == ("full", "bytes of one owner")
    assert put(store, other, b"x" * 400).stored_bytes == 400
    store.mark(upload.id, State.REFUSED)
    assert put(store, other, b"x" * 600).stored_bytes == 1000
    for name in "cdef":
        store.open("li", [name], FACTS)
    with pytest.raises(StoreFull, match="full") as caught:
        store.open("li", ["g"], FACTS)
    assert caught.value.bound == "uploads of one owner"
    assert store.open("li", ["c"], FACTS)


def test_bounds_of_all_together(store):
    for owner in "abcd":
        for name in "12345":
            upload = store.open(owner, [name], FACTS)
        put(store, upload, b"x" * 990)
    with pytest.raises(StoreFull) as caught:
        store.open("e", ["1"], FACTS)
    assert caught.value.bound == "max_uploads"
    store.drop(upload.id)
    upload = store.open("e", ["1"], FACTS)
    assert put(store, upload, b"x" * 990).stored_bytes == 990
    store.mark(store.find("a", ["1"])[0].id, State.REFUSED)
    upload = store.open("f", ["1"], FACTS)
    with pytest.raises(StoreFull) as caught:
        put(store, upload, b"x" * 41)
    assert caught.value.bound == "max_stored_bytes"
    assert put(store, upload, b"x" * 40).stored_bytes == 40


def test_decided_uploads_make_room(tmp_path):
    store = made(tmp_path, max_uploads=5)
    for number in range(120):
        store.mark(store.open(f"user-{number % 6}", [str(number)], FACTS).id, State.PASSED)
    kept = [number for number in range(120) if store.find(f"user-{number % 6}", [str(number)])]
    assert kept[-1] == 119
    assert 30 <= len(kept) <= 40
    store.close()


def test_decided_uploads_of_one_owner_make_room_for_his_own(store):
    store.mark(store.open("wang", ["0"], FACTS).id, State.PASSED)
    for number in range(60):
        store.mark(store.open("li", [str(number)], FACTS).id, State.PASSED)
    assert 30 <= len([number for number in range(60) if store.find("li", [str(number)])]) <= 40
    assert store.find("wang", ["0"])


def test_refused_uploads_never_make_room(tmp_path):
    store = made(tmp_path, max_uploads=20)
    for number in range(160):
        store.mark(store.open(f"user-{number // 40}", [str(number)], FACTS).id, State.REFUSED)
        if number == 39:
            with pytest.raises(StoreFull) as caught:
                store.open("user-0", ["x"], FACTS)
            assert caught.value.bound == "uploads of one owner"
    with pytest.raises(StoreFull) as caught:
        store.open("li", ["x"], FACTS)
    assert caught.value.bound == "max_uploads"
    assert len(store.find("user-3", [str(number) for number in range(160)])) == 40
    store.close()


def test_pieces_and_names_are_bounded(store, monkeypatch):
    monkeypatch.setattr("gateway.uploads.store.MAX_SEGMENTS", 2)
    monkeypatch.setattr("gateway.uploads.store.MAX_KEYS", 2)
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"x", start=0)
    put(store, upload, b"x", start=0)
    with pytest.raises(StoreFull) as caught:
        put(store, upload, b"x", start=0)
    assert caught.value.bound == "max_segments"
    store.link(upload.id, ["b"])
    with pytest.raises(StoreFull) as caught:
        store.link(upload.id, ["c"])
    assert caught.value.bound == "max_keys"
    assert store.find("li", ["c"]) == ()


def test_a_body_that_is_shorter_than_announced_is_no_piece(store, tmp_path):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello", start=0)
    with pytest.raises(StoreError, match="unusable"):
        store.put(upload.id, Segment(0, 0, start=5), 9, b"short", 9)
    assert put(store, upload, b"!", start=5).segments == 2
    assert whole(store, upload) == b"hello!"


@pytest.mark.parametrize(("number", "reason"), [(errno.ENOSPC, "full"), (errno.EIO, "unusable")])
def test_a_disk_that_fails_in_the_middle_leaves_no_piece(store, tmp_path, monkeypatch, number, reason):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello", start=0)

    def fail(descriptor, data, offset):
        os.lseek(descriptor, offset, os.SEEK_SET)
        os.write(descriptor, data[:2])
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", fail)
        with pytest.raises(StoreError) as caught:
            put(store, upload, b" world", start=5)
    assert caught.value.reason == reason
    assert (files(tmp_path)[upload.id], store.find("li", ["a"])[0].segments) == (b"hello", 1)


def test_a_database_that_fails_in_the_middle_leaves_no_piece(store, tmp_path, monkeypatch):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello", start=0)

    def fail(*_):
        raise sqlite3.OperationalError

    with monkeypatch.context() as patched:
        patched.setattr("gateway.uploads.rows.Rows.add", fail)
        with pytest.raises(StoreError, match="unusable"):
            put(store, upload, b" world", start=5)
    assert (files(tmp_path)[upload.id], store.find("li", ["a"])[0].segments) == (b"hello", 1)


def test_a_number_of_more_than_63_bits_is_no_place(store):
    upload = store.open("li", ["a"], FACTS)
    with pytest.raises(StoreError, match="unusable"):
        put(store, upload, b"x", start=1 << 63)
    with pytest.raises(StoreError, match="unusable"):
        store.open("li", ["b"], Facts(size_bytes=1 << 64))


def test_a_file_that_lost_bytes_is_not_given_out(store, tmp_path):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello")
    os.truncate(tmp_path / "uploads" / "files" / upload.id, 4)
    before = len(os.listdir("/proc/self/fd"))
    for call in (lambda: store.assembly(upload.id), lambda: put(store, upload, b"x")):
        with pytest.raises(StoreError, match="unusable"):
            call()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_database_that_cannot_be_read_is_set_aside_and_its_uploads_are_unknown(store, tmp_path, clock):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"hello")
    store.close()
    (tmp_path / "uploads" / "uploads.db").write_bytes(b"garbage" * 1000)
    again = made(tmp_path, clock=clock)
    assert again.set_aside == tmp_path / "uploads" / "uploads.db.unreadable-1"
    assert again.find("li", ["a"]) == ()
    again.expire()
    assert files(tmp_path) == {}
    again.close()


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "uploads").write_bytes(b"")
    with pytest.raises(StoreError, match="unusable"):
        made(tmp_path)


def test_a_machine_without_a_name_for_its_run(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.uploads.store.BOOT_ID", tmp_path / "none")
    store = made(tmp_path)
    assert not put(store, store.open("li", ["a"], FACTS), b"x").conflict
    store.close()


def test_bytes_from_before_a_crash_of_the_machine_are_refused(store, tmp_path, clock, monkeypatch):
    put(store, store.open("li", ["a"], FACTS), b"x")
    (tmp_path / "boot").write_text("another")
    monkeypatch.setattr("gateway.uploads.store.BOOT_ID", tmp_path / "boot")
    later = made(tmp_path, clock=clock)
    assert later.find("li", ["a"])[0].conflict
    later.close()


def test_it_goes_on_in_another_process(store, tmp_path):
    upload = store.open("li", ["a"], FACTS)
    put(store, upload, b"world", start=6)
    store.close()

    def other():
        own = made(tmp_path, clock=Clock())
        (found,) = own.find("li", ["a"])
        return put(own, found, b"hello ", start=0, total_bytes=11).complete

    assert in_child(other) is True
    assert whole(store, upload) == b"hello world"


def test_threads_and_processes_put_at_once_and_one_completes(tmp_path, clock):
    """Each piece comes twice, once from either of two processes with four threads."""
    pieces = 40
    store = made(tmp_path, clock=clock, max_stored_bytes=10**6)
    upload = store.open("li", ["a"], Facts(size_bytes=pieces * 7))
    store.close()
    body = b"".join(b"%07d" % number for number in range(pieces))

    def work(order):
        own = made(tmp_path, clock=clock, max_stored_bytes=10**6)
        with ThreadPoolExecutor(4) as pool:
            done = list(
                pool.map(lambda n: put(own, upload, body[n * 7 : n * 7 + 7], start=n * 7).became_complete, order)
            )
        own.close()
        return sum(done)

    with ThreadPoolExecutor(2) as pool:
        halves = [range(pieces), range(pieces - 1, -1, -1)]
        completed = list(pool.map(lambda order: in_child(lambda: work(order)), halves))
    assert sum(completed) == 1
    (found,) = store.find("li", ["a"])
    assert (found.segments, found.content_bytes, found.stored_bytes) == (2 * pieces, pieces * 7, 2 * pieces * 7)
    assert whole(store, upload) == body
    store.close()


@pytest.mark.parametrize("of_file", [False, True], ids=["bytes", "file"])
def test_a_full_disk_refuses_the_piece_and_keeps_the_others(tmp_path, of_file):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        store = made(disk, max_stored_bytes=10**9)
        upload = store.open("li", ["a"], FACTS)
        put(store, upload, b"hello", start=0)
        body = b"x" * (3 << 20)
        (tmp_path / "body").write_bytes(body)
        with (tmp_path / "body").open("rb") as file:
            source = file.fileno() if of_file else body
            for _ in range(2):
                with pytest.raises(StoreFull) as caught:
                    store.put(upload.id, Segment(0, 0, start=5), len(body), source, len(body))
                assert caught.value.bound == "disk"
        (found,) = store.find("li", ["a"])
        assert (found.segments, found.stored_bytes, files(disk)[upload.id]) == (1, 5, b"hello")
        assert put(store, upload, b"!", start=5).content_bytes == 6
        assert whole(store, upload) == b"hello!"
        store.close()


def test_a_disk_without_room_for_a_row_refuses_the_piece(tmp_path):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        store = made(disk, max_stored_bytes=10**9, max_uploads=10**6)
        upload = store.open("li", ["a"], FACTS)
        fill(disk)
        names = [f"key-{number}" for number in range(10_000)]
        with pytest.raises(StoreError) as caught:
            store.open("li", names, FACTS)
        assert caught.value.reason == "full"
        assert store.find("li", names) == ()
        (disk / "filler").unlink()
        assert put(store, upload, b"hello", start=0).segments == 1
        store.close()

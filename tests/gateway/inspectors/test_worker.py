from __future__ import annotations

import gc
import os
import resource
import signal
import socket
from dataclasses import replace

import pytest

from gateway.findings import Inspection
from gateway.inspectors import kernel
from gateway.inspectors.board import Board, Doing
from gateway.inspectors.bounds import Bounds
from gateway.inspectors.deaths import Exit
from gateway.inspectors.rlimits import MemoryGauge
from gateway.inspectors.words import Carriage, Failure, JobHead, Reason, Ticket, pack_head, read_reply, reply_length
from gateway.inspectors.worker import Worker, close_other_files, place_of, quiet_signals
from gateway.limits import MIB
from gateway.uploads.model import Ask, Assembly, Segment
from tests.samples.inspectors import TRANSFER, inspect
from tests.support.pool import fork, in_child, open_files, save_measurement


@pytest.fixture
def desk(tmp_path):
    """A listening socket with clients in its backlog, so that the worker runs in this very thread."""
    made = Desk(str(tmp_path / "i.sock"))
    limits = {what: resource.getrlimit(what) for what in (resource.RLIMIT_AS, resource.RLIMIT_CPU)}
    yield made
    for what, limit in limits.items():
        resource.setrlimit(what, limit)
    made.close()


class Desk:
    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        self.listener.setblocking(False)
        self.stop_read, self.stop_write = os.pipe()
        self.board = Board()
        self.clients = []

    def close(self):
        for client in (*self.clients, self.listener):
            client.close()
        os.close(self.stop_read)
        self.stop()
        self.board.close()

    def stop(self):
        if self.stop_write >= 0:
            os.close(self.stop_write)
            self.stop_write = -1

    def send(self, data=b"", descriptor=None):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(self.path)
        if descriptor is None:
            client.sendall(data)
        else:
            socket.send_fds(client, [data], [descriptor])
        self.clients.append(client)
        return client

    def ask(self, body, timeout_s=5.0):
        return self.send(pack_head(JobHead(TRANSFER, timeout_s, len(body), Carriage.INLINE)) + body)

    def run(self, function=inspect, **bounds):
        gauge = MemoryGauge()
        worker = Worker(
            listener=self.listener,
            stop=self.stop_read,
            board=self.board,
            inspect=function,
            bounds=Bounds(**{"memory_bytes": 256 * MIB, "max_jobs": len(self.clients), **bounds}),
            gauge=gauge,
        )
        try:
            return worker.run()
        finally:
            gauge.close()


def answer(client):
    """Ticket and reply, to the end of the stream."""
    data = b""
    while more := client.recv(1 << 16):
        data += more
    tag, length = reply_length(data[16:21])
    assert len(data) == 21 + length
    return Ticket.unpack(data[:16]), read_reply(tag, data[21:])


def test_jobs_are_answered_in_turn_until_it_is_time_for_a_fresh_process(desk):
    first, second = desk.ask(b"pid"), desk.ask(b"any other body")
    assert desk.run() is Exit.RECYCLED
    assert answer(first) == (Ticket(os.getpid(), 1), Inspection(path=str(os.getpid())))
    ticket, inspection = answer(second)
    assert ticket == Ticket(os.getpid(), 2)
    assert (inspection.parts[0].size_bytes, inspection.parts[0].media_type) == (14, "bytes")
    assert (desk.board.doing, desk.board.job, desk.board.size_bytes) == (Doing.IDLE, 2, 14)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_is_asked_for_reaches_the_inspection(desk):
    asked = []
    ask = Ask(("json:id",), "body", Assembly((Segment(0, 4, 9),), "合同"), digests=True)
    desk.send(pack_head(JobHead(TRANSFER, 5.0, 4, Carriage.INLINE, ask)) + b"body")
    desk.run(lambda _transfer, body, given: [asked.append((bytes(body), given)), Inspection()][1])
    assert asked == [(b"body", ask)]


def test_a_body_by_descriptor_is_mapped(desk, tmp_path):
    (tmp_path / "body").write_bytes(b"0123456789")
    with (tmp_path / "body").open("rb") as file:
        client = desk.send(pack_head(JobHead(TRANSFER, 5.0, 10, Carriage.DESCRIPTOR)), file.fileno())
    before = open_files()
    desk.run()
    part = answer(client)[1].parts[0]
    assert (part.size_bytes, part.sha256[:8], part.media_type) == (10, "84d89877", "memoryview")
    assert open_files() == before


def test_it_stops_when_the_other_end_of_the_pipe_is_closed(desk):
    desk.stop()
    assert desk.run(max_jobs=9) is Exit.STOPPED


def test_a_connection_that_comes_together_with_the_word_to_stop_is_served(desk):
    """It may have been woken for it in the place of all others, so nobody else would take it."""
    client = desk.ask(b"pid")
    desk.ask(b"pid")
    desk.stop()
    assert desk.run(max_jobs=9) is Exit.STOPPED
    assert answer(client)[0].job == 1
    assert desk.board.job == 1


def test_a_connection_is_found_without_a_wake(desk, monkeypatch):
    """The wake went to another inspector, which was killed."""
    monkeypatch.setattr("gateway.inspectors.worker.RECHECK_S", 0.01)
    client, gauge = desk.ask(b"pid"), MemoryGauge()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{desk.path}.silent")
        silent.listen()
        listener = TakenOnce(desk.listener)
        listener.fileno = silent.fileno
        worker = Worker(
            listener=listener,
            stop=desk.stop_read,
            board=desk.board,
            inspect=inspect,
            bounds=Bounds(max_jobs=1),
            gauge=gauge,
        )
        assert worker.run() is Exit.RECYCLED
    gauge.close()
    assert answer(client)[0].job == 1


@pytest.mark.parametrize(
    ("body", "failure", "exit_code"),
    [
        pytest.param(b"eat", Failure(Reason.MEMORY, "MemoryError"), Exit.MEMORY, id="memory"),
        pytest.param(b"raise", Failure(Reason.CRASH, "ValueError", "inspectors.py:"), Exit.RAISED, id="exception"),
        pytest.param(b"system-exit", Failure(Reason.CRASH, "SystemExit", "inspectors.py:"), Exit.RAISED, id="exit"),
        pytest.param(b"huge", Failure(Reason.PROTOCOL, "ReplyTooLarge"), Exit.RECYCLED, id="too large a reply"),
    ],
)
def test_a_failure_is_told_and_ends_the_process_where_it_may_have_hurt(desk, body, failure, exit_code):
    client = desk.ask(body)
    assert desk.run(max_jobs=1) is exit_code
    told = answer(client)[1]
    assert replace(told, where=told.where.rstrip("0123456789")) == failure
    assert "110105" not in repr(told)


def test_the_board_still_names_the_job_that_ended_the_process(desk):
    desk.ask(b"raise")
    desk.run()
    assert (desk.board.doing, desk.board.job) == (Doing.BUSY, 1)


def test_what_is_no_job_is_answered_and_the_next_one_served(desk):
    wrong, right = desk.send(b"\0\0\0\2{}"), desk.ask(b"pid")
    assert desk.run() is Exit.RECYCLED
    assert answer(wrong)[1] == Failure(Reason.PROTOCOL, "JobError")
    assert answer(right)[1].path == str(os.getpid())


def test_a_client_that_connects_and_goes_does_not_hurt(desk):
    desk.send().close()
    desk.ask(b"pid").close()
    right = desk.ask(b"pid")
    assert desk.run() is Exit.RECYCLED
    assert answer(right)[0] == Ticket(os.getpid(), 3)


def test_a_connection_that_another_inspector_took_is_no_job(desk):
    """The listening socket is shared: it may be readable, and empty when accept is called."""

    client, gauge = desk.ask(b"pid"), MemoryGauge()
    worker = Worker(
        listener=TakenOnce(desk.listener),
        stop=desk.stop_read,
        board=desk.board,
        inspect=inspect,
        bounds=Bounds(max_jobs=1),
        gauge=gauge,
    )
    assert worker.run() is Exit.RECYCLED
    gauge.close()
    assert answer(client)[0].job == 1


class TakenOnce:
    def __init__(self, listener):
        self.fileno = listener.fileno
        self.accepts = iter([self.taken, listener.accept])

    def taken(self):
        raise BlockingIOError

    def accept(self):
        return next(self.accepts)()


@pytest.mark.parametrize(
    ("given_s", "own_s", "begun_s"),
    [
        pytest.param(3.0, 60.0, 3.0, id="the client grants less"),
        pytest.param(60.0, 3.0, 3.0, id="the pool grants less"),
    ],
)
def test_the_shorter_time_holds(desk, given_s, own_s, begun_s):
    seen = []

    def function(transfer, body, _ask):
        seen.append(signal.getitimer(signal.ITIMER_REAL)[0])
        return Inspection()

    desk.ask(b"x", timeout_s=given_s)
    desk.run(function, timeout_s=own_s)
    assert begun_s - 1 < seen[0] <= begun_s


def test_its_own_timer_kills_it_inside_c_code(desk):
    desk.ask(b"loop-in-c", timeout_s=0.05)
    child = fork()
    if not child:
        quiet_signals()
        desk.run()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGALRM


@pytest.mark.parametrize(
    ("keeps", "exit_code", "served"),
    [pytest.param(True, Exit.RECYCLED, 1, id="kept"), pytest.param(False, Exit.STOPPED, 2, id="given back")],
)
def test_it_makes_way_when_a_job_left_it_large(desk, keeps, exit_code, served):
    kept = []
    gc.collect()  # what earlier tests left must not go in the middle of this one
    kernel.release_free_memory()

    def function(transfer, body, _ask):
        if len(kept) == 1:
            desk.stop()
        block = bytearray(80 * MIB)
        block[::4096] = b"x" * len(block[::4096])
        kept.append(block if keeps else None)
        cycle = [block]
        cycle.append(cycle)
        return Inspection()

    desk.ask(b"x")
    desk.ask(b"x")
    assert desk.run(function, max_jobs=9) is exit_code
    assert len(kept) == served


def test_what_a_large_job_leaves_free_is_given_back(desk):
    """The next large job may go to another inspector, and both would have it then."""
    gc.collect()
    kernel.release_free_memory()
    gauge = MemoryGauge()
    before = gauge.sizes()[1]

    def function(transfer, body, _ask):
        desk.stop()
        # A cycle, which only a collection frees, of pieces that malloc keeps for itself.
        block = [bytes([number % 256]) * 1000 for number in range(40_000)]
        block.append(block)
        return Inspection()

    desk.ask(b"x")
    assert desk.run(function, max_jobs=9) is Exit.STOPPED
    grown = gauge.sizes()[1] - before
    gauge.close()
    assert grown < 16 * MIB


def test_descriptors_are_closed_but_the_kept_ones_and_the_screen_is_nothing():
    read, write = os.pipe()
    child = fork()
    if not child:
        os.dup2(write, 40)
        keep, lose = os.open("/", os.O_RDONLY), os.open("/", os.O_RDONLY)
        close_other_files({keep, 40})
        left = [int(name) for name in os.listdir("/proc/self/fd")]
        standard = {os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)}
        right = {0, 1, 2, keep, 40} <= set(left) and lose not in left and len(left) <= 6 and standard == {"/dev/null"}
        os.write(40, b"right" if right else repr((left, standard)).encode())
        save_measurement()
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"right"
    os.waitpid(child, 0)


def test_signals_of_terminals_and_managers_are_for_the_pool():
    def run():
        quiet_signals()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        return signal.getsignal(signal.SIGALRM) is signal.SIG_DFL

    assert in_child(run) is True


def test_the_place_of_an_error_is_its_innermost_frame():
    def raiser():
        raise LookupError

    with pytest.raises(LookupError) as caught:
        raiser()
    assert place_of(caught.value) == f"test_worker.py:{raiser.__code__.co_firstlineno + 1}"
    assert place_of(ValueError()) == ""

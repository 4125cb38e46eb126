from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from gateway.errors import InspectorError
from gateway.findings import Inspection
from gateway.inspectors import client as client_module
from gateway.inspectors.client import InspectorClient
from gateway.inspectors.codec import decode, encode
from gateway.inspectors.words import Failure, JobHead, PoolState, Reason, Ticket, Why, pack_reply
from gateway.uploads.model import NO_ASK, Ask, Assembly, Segment
from tests.samples.inspectors import TRANSFER
from tests.support.pool import open_files, running_pool

KIB, MIB = 1024, 1024 * 1024
TICKET = Ticket(7, 3).pack()
FINE = pack_reply(Inspection(path="fine"))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "i.sock")


@asynccontextmanager
async def inspector(path, *said, linger=False, read_first=True):
    """One that says what a test wants, whatever it is asked, and then goes, or stays silent (`linger`)."""
    heads = []

    async def talk(reader, writer, over):
        if read_first:
            length = int.from_bytes(await reader.readexactly(4), "big")
            heads.append(decode(JobHead, await reader.readexactly(length)))
        for piece in said:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if linger:
            await over.wait()

    async with serving(path, talk):
        yield heads


@asynccontextmanager
async def serving(path, talk):
    """A server on the path; at its end every connection is closed and every talk over."""
    over, talks = asyncio.Event(), []

    async def serve(reader, writer):
        talks.append(asyncio.current_task())
        try:
            await talk(reader, writer, over)
        except (OSError, EOFError):
            pass  # the client has gone, as some tests want
        finally:
            writer.transport.abort()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        over.set()
        for _ in range(9):  # connections accepted a moment ago become talks
            await asyncio.sleep(0)
        await asyncio.gather(*talks)
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)  # aborted transports close their sockets
        Path(path).unlink(missing_ok=True)  # noqa: ASYNC240 - a name that lies in memory


@asynccontextmanager
async def control(path, *answers):
    """A control socket that gives the answers in turn, the last one again and again."""
    asked = []

    async def talk(reader, writer, _):
        asked.append(await reader.readexactly(17))
        answer = answers[min(len(asked), len(answers)) - 1]
        if answer is not None:
            writer.write(answer)
            await writer.drain()

    async with serving(path.replace(".sock", ".control"), talk):
        yield asked


def framed(value):
    data = encode(value)
    return len(data).to_bytes(4, "big") + data


async def reason_of(awaitable):
    with pytest.raises(InspectorError) as caught:
        await awaitable
    return caught.value.reason


async def test_an_inspection_comes_back_with_what_was_sent(path):
    before = open_files()
    client = InspectorClient(path, 2.5)
    async with inspector(path, TICKET, FINE) as heads:
        assert await client.inspect(TRANSFER, b"hello", 5) == Inspection(path="fine")
    assert [(head.transfer, head.timeout_s, head.size_bytes, head.carriage) for head in heads] == [
        (TRANSFER, 2.5, 5, "inline")
    ]
    assert open_files() == before


async def test_what_is_asked_for_goes_with_the_job(path):
    pieces = tuple(Segment(n * 5, 5, n * 5, content_type="multipart/form-data; boundary=x") for n in range(10_000))
    asked = [NO_ASK, Ask(("json:id",), "field:file", Assembly(pieces, "合同.docx", total_bytes=50_000), digests=True)]
    async with inspector(path, TICKET, FINE) as heads:
        for ask in asked:
            await InspectorClient(path, 5).inspect(TRANSFER, b"hello", 5, ask)
    assert [head.ask for head in heads] == asked


@pytest.mark.parametrize("step", [1, 3, 15, 16, 17, 20, 21, 22, 64], ids=str)
async def test_a_reply_may_come_in_pieces(path, step):
    data = TICKET + FINE
    async with inspector(path, *(data[at : at + step] for at in range(0, len(data), step))):
        assert (await InspectorClient(path, 5).inspect(TRANSFER, b"", 0)).path == "fine"


async def test_a_job_that_does_not_fit_the_socket_is_sent_as_it_is_read(path):
    large = replace(TRANSFER, request=replace(TRANSFER.request, query="q" * MIB))
    async with inspector(path, TICKET, FINE) as heads:
        assert (await InspectorClient(path, 5).inspect(large, b"", 0)).path == "fine"
    assert heads[0].transfer == large


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"X" + FINE[1:], id="unknown tag"),
        pytest.param(FINE[:5] + b"}" + FINE[6:], id="not JSON"),
        pytest.param(FINE.replace(b"persons", b"parsons"), id="another key"),
        pytest.param(FINE + b"\0", id="a byte more"),
        pytest.param(FINE + FINE, id="two replies"),
        pytest.param(b"I\xff\xff\xff\xff", id="an endless one"),
        pytest.param(pack_reply(Failure(Reason.CRASH)).replace(b"crash", b"tired"), id="unknown reason"),
    ],
)
async def test_a_malformed_reply_is_refused(path, reply):
    before = open_files()
    async with inspector(path, TICKET + reply):
        assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, b"", 0)) == "protocol"
    assert open_files() == before


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize(
    ("kind", "where", "logged"),
    [
        pytest.param("ValueError", "zip.py:7", ("ValueError", "zip.py:7"), id="as it should be"),
        pytest.param("", "", ("", ""), id="nothing"),
        pytest.param("4111 1111", "4111 1111", ("", ""), id="something else"),
        pytest.param("V" * 64, "z" * 60 + ".py:1", ("", ""), id="too long"),
        pytest.param("Value\nError", "zip.py:7\n", ("", ""), id="with line ends"),
        pytest.param("E", "a b.py:7", ("E", ""), id="no file name"),
        pytest.param("E", "zip.py:x", ("E", ""), id="no line"),
    ],
)
async def test_a_failure_keeps_its_reason_and_only_names_are_logged(path, reason, kind, where, logged):
    with structlog.testing.capture_logs() as logs:
        async with inspector(path, TICKET, pack_reply(Failure(reason, kind, where))):
            assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, b"", 0)) == reason
    assert logs == [
        {
            "event": "inspectors.failed",
            "log_level": "warning",
            "transfer": "0193-sample",
            "reason": reason,
            "kind": logged[0],
            "where": logged[1],
        }
    ]


@pytest.mark.parametrize(
    ("answers", "reason", "times"),
    [
        pytest.param([framed(Why("timeout"))], "timeout", 1, id="it was killed for its time"),
        pytest.param([framed(Why("memory"))], "memory", 1, id="it ran out of memory"),
        pytest.param([framed(Why("crash"))], "crash", 1, id="it crashed"),
        pytest.param([framed(Why("stopped"))], "crash", 1, id="it was stopped"),
        pytest.param([framed(Why("of old age"))], "crash", 1, id="a reason nobody knows"),
        pytest.param([framed(Why()), framed(Why()), framed(Why("memory"))], "memory", 3, id="known a little later"),
        pytest.param([framed(Why())], "crash", 25, id="never known"),
        pytest.param([b"\xff\xff\xff\xff"], "crash", 1, id="an endless answer"),
        pytest.param([b"\0\0\0\2{}"], "crash", 1, id="no answer to the question"),
        pytest.param([None], "crash", 1, id="nothing"),
    ],
)
async def test_an_inspector_that_goes_without_a_word_is_asked_about(path, answers, reason, times):
    async with inspector(path, TICKET, FINE[:9]), control(path, *answers) as asked:
        assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, b"", 0)) == reason
    assert asked == [b"W" + TICKET] * times


async def test_without_a_ticket_there_is_nothing_to_ask(path):
    async with inspector(path, TICKET[:9]), control(path, framed(Why("memory"))) as asked:
        assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, b"", 0)) == "crash"
    assert asked == []


async def test_nobody_takes_the_job(path):
    before = open_files()
    async with inspector(path, linger=True):
        client = InspectorClient(path, 5, queue_s=0.05)
        assert await reason_of(client.inspect(TRANSFER, b"", 0)) == "busy"
    assert open_files() == before


async def test_nobody_takes_a_job_that_does_not_fit_the_socket(path):
    async with inspector(path, linger=True, read_first=False):
        client = InspectorClient(path, 5, queue_s=0.05)
        large = replace(TRANSFER, request=replace(TRANSFER.request, query="q" * MIB))
        assert await reason_of(client.inspect(large, b"x" * 256 * KIB, 256 * KIB)) == "busy"


async def test_an_inspector_that_never_answers(path, monkeypatch):
    monkeypatch.setattr("gateway.inspectors.client.REPLY_GRACE_S", 0.01)
    async with inspector(path, TICKET, linger=True):
        assert await reason_of(InspectorClient(path, 0.05).inspect(TRANSFER, b"", 0)) == "timeout"


async def test_there_is_no_pool(path):
    client = InspectorClient(path, 5)
    assert await reason_of(client.inspect(TRANSFER, b"", 0)) == "crash"
    assert await reason_of(client.ping()) == "crash"


async def test_a_full_backlog_is_busy(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(path)
            assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, b"", 0)) == "busy"


async def test_more_jobs_than_allowed_are_busy_and_the_place_is_free_again(path):
    client = InspectorClient(path, 5, max_jobs=1)
    async with inspector(path, TICKET, linger=True):
        first = asyncio.create_task(client.inspect(TRANSFER, b"", 0))
        await asyncio.sleep(0)
        assert await reason_of(client.inspect(TRANSFER, b"", 0)) == "busy"
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    async with inspector(path, TICKET, FINE):
        assert (await client.inspect(TRANSFER, b"", 0)).path == "fine"


async def test_a_size_that_is_not_the_bodys_is_refused(path):
    async with inspector(path, TICKET, FINE):
        assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, b"hello", 4)) == "protocol"


async def test_a_descriptor_that_is_none(path):
    async with inspector(path, TICKET, FINE, read_first=False):
        assert await reason_of(InspectorClient(path, 5).inspect(TRANSFER, 10_000, 4)) == "crash"


@pytest.mark.parametrize("rounds", range(12))
async def test_a_cancelled_job_leaves_nothing_open_wherever_it_was(path, tmp_path, rounds):
    (tmp_path / "body").write_bytes(b"x" * MIB)
    before = open_files()
    async with inspector(path, TICKET, linger=True, read_first=False):
        with (tmp_path / "body").open("rb") as file:
            client = InspectorClient(path, 5)
            jobs = [client.inspect(TRANSFER, body, MIB) for body in (file.fileno(), b"x" * MIB)]
            tasks = [asyncio.create_task(job) for job in jobs]
            for _ in range(rounds):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            assert {type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)} == {
                asyncio.CancelledError
            }
    assert open_files() == before


async def test_a_connection_that_is_not_writable_yet_is_waited_for(path):
    """The first byte itself does not fit: the send buffer is full before the job begins."""
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.setblocking(False)
        try:
            while True:
                here.send(b"x" * 65536)
        except BlockingIOError:
            pass
        sending = asyncio.create_task(client_module._send_all(here, b"head", b"body"))
        await asyncio.sleep(0)
        assert not sending.done()
        received = b""
        while not received.endswith(b"headbody"):
            await asyncio.sleep(0)
            try:
                received = received[-64:] + there.recv(1 << 20)
            except BlockingIOError:
                continue
        await sending


async def test_a_wake_that_comes_twice_does_not_hurt():
    ready = asyncio.get_running_loop().create_future()
    client_module._wake(ready)
    client_module._wake(ready)
    assert ready.done()


async def test_ping(path):
    state = PoolState(generation=2, workers=4, idle=3, busy=1, building=True, layers={"landlock": True})
    async with control(path, framed(state)) as asked:
        assert await InspectorClient(path, 5).ping() == state
    assert asked == [b"S" + bytes(16)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(b"\0\0\0\2{}", "protocol", id="no state"),
        pytest.param(b"\xff\xff\xff\xff", "protocol", id="an endless one"),
        pytest.param(b"\0\0", "crash", id="cut"),
    ],
)
async def test_a_wrong_answer_to_a_ping(path, answer, reason):
    async with control(path, answer):
        assert await reason_of(InspectorClient(path, 5).ping()) == reason


async def test_a_pool_that_does_not_answer_a_ping(path, monkeypatch):
    monkeypatch.setattr("gateway.inspectors.client.ASK_S", 0.05)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.replace(".sock", ".control"))
        listener.listen()
        assert await reason_of(InspectorClient(path, 5).ping()) == "timeout"


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    with running_pool(tmp_path_factory.mktemp("pool")) as running:
        yield running


@pytest.mark.parametrize("size", [0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 3 * MIB], ids=str)
async def test_a_body_of_bytes_reaches_a_real_inspector_whole(pool, size):
    body = os.urandom(size)
    before = open_files()
    part = (await pool.client().inspect(TRANSFER, body, size)).parts[0]
    assert (part.size_bytes, part.sha256) == (size, digest(body))
    assert open_files() == before


@pytest.mark.parametrize("size", [0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 50 * MIB], ids=str)
@pytest.mark.parametrize("flags", [os.O_RDWR, os.O_WRONLY], ids=["read-write", "write-only"])
async def test_a_body_by_descriptor_reaches_a_real_inspector_whole(pool, tmp_path, size, flags):
    body = os.urandom(min(size, 65537)) * (size // 65537 + 1)
    file = os.open(tmp_path / "spool", flags | os.O_CREAT, 0o600)
    written = 0
    while written < len(body):
        written += os.write(file, body[written:])
    os.unlink(tmp_path / "spool")
    before = open_files()
    part = (await pool.client().inspect(TRANSFER, file, size)).parts[0]
    assert (part.size_bytes, part.sha256) == (size, digest(body[:size]))
    assert open_files() == before
    assert os.lseek(file, 0, os.SEEK_CUR) == len(body)
    os.close(file)


def digest(body):
    return sha256(body).hexdigest()

"""Floods through a real gateway: its worker's memory stays bounded, and somebody else is served all the while."""

import contextlib
import itertools
import os
import resource
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import h2.errors
import h2.settings
import pytest
import requests
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PingFrame, SettingsFrame

from gateway.demo.samples import id_list
from tests.support.dead import dead_address
from tests.support.gateway import Gateway
from tests.support.http2 import Wire
from tests.support.origin import Origin
from tests.support.raw_http import Raw
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e
ALLOWED_BYTES = 64 << 20
"""Growth of the worker under any flood that is not counted in connections."""
PER_IDLE_BYTES = 40_000
"""The same for each connection that is held open, with what the kernel does not count."""
HOST = "upload.example.com"
SLOW_HEAD_S, SLOW_BODY_S = 4.0, 6.0


@pytest.fixture(scope="module", autouse=True)
def _open_files():
    """Thousands of sockets on the client's side, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def dead():
    with dead_address() as address:
        yield address


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    names = (HOST, "dead.example.com", *(f"n{number}.example.com" for number in range(200)))
    with Origin(tmp_path_factory.mktemp("origin"), names=names, alpn=("h2", "http/1.1"), reply=reply) as origin:
        yield origin


def reply(seen):
    size = (1 << 20) if seen.path == "/large" else 2
    return 200, {"content-type": "text/plain"}, b"z" * size


def started(folder: Path, origin: Origin, dead: tuple[str, int], **limits: float) -> Gateway:
    routes = {f"{HOST}:443": f"127.0.0.1:{origin.port}", f"{HOST}:80": f"127.0.0.1:{origin.plain_port}"}
    routes["*:443"], routes["dead.example.com:80"] = f"127.0.0.1:{origin.port}", f"{dead[0]}:{dead[1]}"
    return Gateway(folder, origin_ca=origin.ca, connect_to=routes, settings={"limits": limits, "http2": True})


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, origin, dead):
    limits = {"slow_head_s": SLOW_HEAD_S, "slow_body_s": SLOW_BODY_S, "max_body_bytes": 4 << 20}
    with started(tmp_path_factory.mktemp("gateway"), origin, dead, **limits) as gateway:
        # What grows once, with the first requests, is no flood's.
        with Somebody(gateway) as somebody:
            eventually(lambda: somebody.verdicts >= 10)
        yield gateway


@dataclass
class Somebody:
    """`with Somebody(gateway)`: another client that sends clean and forbidden files in turn, and must be answered right."""

    gateway: Gateway
    verdicts: int = 0
    wrong: list[str] = field(default_factory=list)

    def __enter__(self) -> "Somebody":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env, session.proxies = False, {"http": self.gateway.proxy}
            while not self._stop.is_set():
                for name, data, status in (("a.txt", b"lunch at noon", 200), ("b.csv", id_list(), 403)):
                    try:
                        answer = session.post(f"http://{HOST}/files", files={"file": (name, data)}, timeout=60)
                        if answer.status_code != status:
                            self.wrong.append(f"{name}: {answer.status_code}")
                    except OSError as error:
                        self.wrong.append(f"{name}: {type(error).__name__}")
                    self.verdicts += 1
                self._stop.wait(0.05)


def worker(gateway: Gateway) -> int:
    (pid,) = gateway.pids("addons")
    return pid


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def survived(gateway: Gateway, allowed_bytes: int = ALLOWED_BYTES):
    """The worker is the same afterwards and did not grow by more, and somebody else was judged right meanwhile."""
    pid = worker(gateway)
    before = most = rss_bytes(pid)
    stop = threading.Event()

    def watch() -> None:
        nonlocal most
        while not stop.wait(0.05):
            most = max(most, rss_bytes(pid))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with Somebody(gateway) as somebody:
            yield
            eventually(lambda: somebody.verdicts >= 4, 60)
    finally:
        stop.set()
        watching.join()
    assert somebody.wrong == []
    assert worker(gateway) == pid
    assert most - before <= allowed_bytes, f"+{(most - before) / 1e6:.0f} MB"


ADDRESSES = (f"127.0.3.{number}" for number in itertools.count(1))
"""One for each flood: what an earlier one has left under way counts for its address."""


@contextlib.contextmanager
def raws(gateway: Gateway, count: int, source: str = ""):
    source = source or next(ADDRESSES)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Raw(gateway.port, source=source)) for _ in range(count)]


def together(clients, action) -> list:
    """The action on every client at once; what each gave back."""
    results = [None] * len(clients)

    def one(number: int) -> None:
        results[number] = action(clients[number])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def refused(gateway: Gateway, reason: str) -> float:
    return gateway.metric("sluice_refused_connections_total", reason=reason)


CHUNKED = f"POST http://{HOST}/a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
MOST = 16 << 20


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        pytest.param(b"GET http://upload.example.com/ HTTP/1.1\r\nX: ", "head-too-large", id="header"),
        pytest.param(CHUNKED + b"5;x=", "framing-too-large", id="chunk extension"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\nX: ", "framing-too-large", id="trailers"),
    ],
)
def test_line_without_end(gateway, start, reason):
    before = refused(gateway, reason)

    def flood(raw: Raw) -> int:
        raw.send(start)
        return raw.push(b"y" * 65536, MOST, stalled_s=20)

    with survived(gateway), raws(gateway, 20) as clients:
        assert max(together(clients, flood)) < MOST
    eventually(lambda: refused(gateway, reason) == before + 20)


def test_body_without_end(gateway):
    """Over the limit it is refused and thrown away, and cut off when the client has had time to read why."""
    most = 1 << 40
    chunk = b"10000\r\n" + b"y" * 65536 + b"\r\n"
    deadline = time.monotonic() + 60

    def flood(raw: Raw) -> bool:
        raw.send(CHUNKED)
        raw.push(chunk * 8, most, stalled_s=20)
        return time.monotonic() < deadline

    with survived(gateway), raws(gateway, 4) as clients:
        assert together(clients, flood) == [True] * 4


def test_chunks_of_one_byte(gateway):
    def flood(raw: Raw) -> int:
        raw.send(CHUNKED)
        raw.send(b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n")
        return raw.status()

    with survived(gateway), raws(gateway, 4) as clients:
        assert together(clients, flood) == [200] * 4


def test_pipelining_behind_a_request_that_is_not_answered(gateway):
    """Its server takes no connection, so that everything behind it has to wait somewhere."""
    dead = b"GET http://dead.example.com/ HTTP/1.1\r\nHost: dead.example.com\r\n\r\n"
    more = f"POST http://{HOST}/a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 20000\r\n\r\n".encode() + b"x" * 20000

    def flood(raw: Raw) -> int:
        raw.send(dead)
        return raw.push(more, 500 * len(more), stalled_s=1.5)

    with survived(gateway), raws(gateway, 20) as clients:
        assert max(together(clients, flood)) < 500 * len(more)


def test_ten_thousand_idle_connections(gateway):
    """Also tunnels, and tunnels with TLS; from several addresses, as one alone may not have so many."""
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    count = 10_000
    with contextlib.ExitStack() as stack, survived(gateway, count * PER_IDLE_BYTES):
        for number in range(count):
            raw = stack.enter_context(Raw(gateway.port, source=f"127.0.1.{number // 2500}", timeout_s=60))
            if number % 10 == 0:
                raw.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
                assert raw.status() == 200
            if number % 100 == 0:
                raw.socket = stack.enter_context(context.wrap_socket(raw.socket, server_hostname=HOST))
        # None of them is closed for being idle, and one of them can still be used.
        assert not raw.is_closed(SLOW_HEAD_S + 2)
        raw.socket.settimeout(20)
        raw.send(f"GET http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert raw.status() == 200


def drip(clients: list[Raw], within_s: float) -> None:
    """A byte a second on each, until all are closed; AssertionError when they are not in time."""
    left, deadline = list(clients), time.monotonic() + within_s
    for raw in left:
        raw.socket.setblocking(False)
    while left:
        assert time.monotonic() < deadline, f"{len(left)} are still open"
        for raw in list(left):
            try:
                raw.socket.send(b"x")
                if raw.socket.recv(4096) == b"":
                    left.remove(raw)
            except BlockingIOError:
                pass
            except OSError:
                left.remove(raw)
        time.sleep(1)


def test_heads_that_drip(gateway):
    before = refused(gateway, "slow-head")
    with survived(gateway), raws(gateway, 500) as clients:
        for raw in clients:
            raw.send(f"GET http://{HOST}/ HTTP/1.1\r\nX: ".encode())
        drip(clients, 60)
    eventually(lambda: refused(gateway, "slow-head") == before + 500)


def test_bodies_that_drip(gateway):
    before = refused(gateway, "slow-body")
    head = f"POST http://{HOST}/a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n\r\n".encode()
    with survived(gateway), raws(gateway, 500) as clients:
        for raw in clients:
            raw.send(head)
        drip(clients, 60)
    eventually(lambda: refused(gateway, "slow-body") == before + 500)
    eventually(lambda: gateway.metric("sluice_open_transfers") == 0)
    slow = [event for event in gateway.events() if "too slowly" in str(event["verdict"])]
    assert len(slow) == 500


def wires(gateway: Gateway, count: int) -> list[Wire]:
    source = next(ADDRESSES)
    return [Wire(gateway.port, gateway.ca, f"{HOST}:443", source=source, timeout_s=60) for _ in range(count)]


def rapid_reset(wire: Wire) -> None:
    for _ in range(3000):
        wire.conn.reset_stream(wire.request("POST", "/a", end=False))
        if wire.conn.highest_outbound_stream_id % 100 == 1:
            wire.flush()
        if wire.is_over:
            return


def endless_fields(wire: Wire) -> None:
    wire.send(HeadersFrame(1, b"\x00"))
    for _ in range(60):
        wire.send(ContinuationFrame(1, bytes(100_000)))


def fields_that_unpack(wire: Wire) -> None:
    """A field of 4,000 bytes that goes into the table, and then takes one byte each time."""
    wire.send(HeadersFrame(1, b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 100_000, flags=["END_HEADERS"]))


def pings(wire: Wire) -> None:
    for _ in range(50):
        wire.send(*[PingFrame(0, b"12345678")] * 1000)


def settings(wire: Wire) -> None:
    for _ in range(50):
        wire.send(*[SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65535})] * 1000)


def empty_data(wire: Wire) -> None:
    stream = wire.request("POST", "/a", end=False)
    for _ in range(50):
        wire.send(*[DataFrame(stream, b"")] * 1000)


@pytest.mark.parametrize(
    ("flood", "reason"),
    [
        pytest.param(rapid_reset, "http2-flood", id="rapid reset"),
        pytest.param(endless_fields, "head-too-large", id="continuation"),
        pytest.param(fields_that_unpack, "malformed-head", id="compression"),
        pytest.param(pings, "http2-flood", id="ping"),
        pytest.param(settings, "http2-flood", id="settings"),
        pytest.param(empty_data, "http2-flood", id="empty data"),
    ],
)
def test_http2(gateway, flood, reason):
    before = refused(gateway, reason)
    with survived(gateway), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(wire) for wire in wires(gateway, 4)]

        def until_closed(wire: Wire) -> bool:
            flood(wire)
            return wire.is_closed(60)

        assert together(clients, until_closed) == [True] * 4
    eventually(lambda: refused(gateway, reason) == before + 4)


def test_streams_without_a_window(gateway):
    """A hundred answers of a megabyte each that the client does not let go out; nothing spins while they wait."""
    with survived(gateway), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(wire) for wire in wires(gateway, 4)]
        for wire in clients:
            wire.conn.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
            for _ in range(90):
                wire.request("GET", "/large", end=True)
            wire.flush()
        pid = worker(gateway)
        eventually(lambda: gateway.metric("sluice_open_transfers") >= 300, 60)
        time.sleep(5)
        before = cpu_s(pid)
        time.sleep(3)
        assert cpu_s(pid) - before < 1.5


def test_more_streams_than_allowed(gateway):
    with survived(gateway), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(wire) for wire in wires(gateway, 4)]
        for wire in clients:
            wire.conn.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 10_000
            wire.conn.remote_settings.acknowledge()
            for _ in range(2000):
                wire.request("POST", "/a", end=False)
            wire.flush()
        assert together(clients, lambda wire: wire.is_closed(60)) == [True] * 4


def test_two_thousand_connections_to_a_dead_address(gateway):
    """Each waits for its server as long as it takes to give up, not for minutes; every client is told."""
    request = b"GET http://dead.example.com/ HTTP/1.1\r\nHost: dead.example.com\r\n\r\n"
    with survived(gateway, 2000 * PER_IDLE_BYTES), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(raws(gateway, 500, f"127.0.2.{number}")) for number in range(4)]
        everybody = [raw for group in clients for raw in group]
        for raw in everybody:
            raw.send(request)
        deadline = time.monotonic() + 90
        for raw in everybody:
            raw.socket.settimeout(max(deadline - time.monotonic(), 0.1))
            assert raw.status() == 502


def test_many_names(gateway):
    """A certificate for each; how many are kept is bounded (tests/addons/test_leaves.py)."""
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with survived(gateway):
        for number in range(200):
            with Raw(gateway.port, source="127.0.0.9") as raw:
                name = f"n{number}.example.com"
                raw.send(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
                assert raw.status() == 200
                with context.wrap_socket(raw.socket, server_hostname=name) as tls:
                    assert tls.getpeercert()["subjectAltName"] == (("DNS", name),)


# --- one address leaves something for the others ---


@pytest.fixture(scope="module")
def strict(tmp_path_factory, origin, dead):
    limits = {"max_open_per_address": 20, "max_connections_per_address": 60, "max_spool_bytes_per_address": 8 << 20}
    with started(tmp_path_factory.mktemp("strict"), origin, dead, **limits) as gateway:
        yield gateway


def test_requests_under_way_of_one_address(strict):
    head = f"POST http://{HOST}/a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\n".encode()
    before = refused(strict, "address-requests")
    with survived(strict), raws(strict, 21, "127.0.0.9") as clients:
        for raw in clients[:20]:
            raw.send(head)
        eventually(lambda: strict.metric("sluice_open_transfers") >= 20)
        clients[20].send(head)
        assert clients[20].status() == 429
        # One that ends makes room.
        clients[0].send(b"x" * 10)
        assert clients[0].status() == 200
        with Raw(strict.port, source="127.0.0.9") as late:
            late.send(head + b"x" * 10)
            assert late.status() == 200
    assert refused(strict, "address-requests") == before + 1


def test_connections_of_one_address(strict):
    before = refused(strict, "address-connections")
    with survived(strict), raws(strict, 60, "127.0.0.9"), Raw(strict.port, source="127.0.0.9") as late:
        assert late.is_closed(20)
    assert refused(strict, "address-connections") == before + 1


def spooled_bytes(pid: int) -> int:
    """Bytes of the worker's spool files, which have no names."""
    files = [file for file in Path(f"/proc/{pid}/fd").iterdir() if "/spool/" in os.readlink(file)]
    return sum(file.stat().st_size for file in files)


def test_disk_of_one_address(strict):
    size, part = 4_000_000, b"x" * 3_000_000
    head = f"POST http://{HOST}/a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode()
    with survived(strict), raws(strict, 3) as (first, second, third), Raw(strict.port, source="127.0.0.8") as other:
        first.send(head + part)
        second.send(head + part)
        eventually(lambda: spooled_bytes(worker(strict)) >= 2 * len(part))
        third.send(head + part)
        assert third.status() == 403
        other.send(head + b"lunch at noon. " * (size // 15) + b"." * (size % 15))
        assert other.status() == 200
        first.send(b"x" * (size - len(part)))
        assert first.status() == 200
    refusals = [event for event in strict.events() if "gateway.spool" in str(event["verdict"])]
    assert len(refusals) == 1


def test_when_descriptors_are_few(tmp_path, origin, dead):
    """Connections over what the process can hold are closed at once; those inside go on, and room comes back."""
    few = started(tmp_path, origin, dead)
    few.prefix = ("bash", "-c", 'ulimit -n 400 && exec "$@"', "-")
    with few as gateway, survived(gateway):
        eventually(lambda: gateway.metric("sluice_transfers_total") >= 2)
        with raws(gateway, 200) as clients:
            closed = [raw for raw in clients[150:] if raw.is_closed(20)]
            assert len(closed) == 50
            assert not clients[0].is_closed(0.2)
            assert refused(gateway, "connections-full") >= 50
        eventually(lambda: is_let_in(gateway))


def is_let_in(gateway: Gateway) -> bool:
    with raws(gateway, 1) as (raw,):
        return not raw.is_closed(0.3)

"""Each correction to mitmproxy beside what the stock code does: the stock half shows why the correction is there."""

import asyncio
import os
import socket
import ssl
import time

import h2.connection
import pytest
from mitmproxy import version

from addons import patches
from addons.layers import unsent_bytes
from gateway.errors import StartError
from metrics import catalogue as metrics
from tests.support.engine import Engine, allow
from tests.support.gateway import free_port
from tests.support.origin import Origin
from tests.support.waiting import eventually


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path) as origin:
        yield origin


def connect(engine: Engine) -> socket.socket:
    return socket.create_connection(("127.0.0.1", engine.port), timeout=20)


def tunnel(engine: Engine, alpn: str = "http/1.1") -> ssl.SSLSocket:
    raw = connect(engine)
    raw.sendall(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
    assert b" 200 " in raw.recv(4096)
    context = ssl.create_default_context(cafile=str(engine.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols([alpn])
    return context.wrap_socket(raw, server_hostname="localhost")


def rss_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def push(sock: socket.socket, data: bytes, most_bytes: int, stalled_s: float = 2.0) -> int:
    """Bytes the other end took before it took nothing for a while."""
    sock.settimeout(stalled_s)
    sent = 0
    try:
        while sent < most_bytes:
            sent += sock.send(data)
    except (TimeoutError, OSError):
        pass
    return sent


def closes(sock: socket.socket, within_s: float) -> bool:
    """Whether the other end closes the connection in time."""
    sock.settimeout(within_s)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("patched", [True, False], ids=["ours", "stock"])
def test_reading_pauses_behind_a_waiting_hook(tmp_path, origin, patched):
    """A pipelining client must not fill the memory while a verdict is awaited."""
    go_on = asyncio.Event()

    async def wait(flow, held):
        await go_on.wait()
        await allow(flow, held)

    most = 48 << 20
    with Engine(tmp_path, origin, wait) as engine:
        sock = tunnel(engine)
        sock.sendall(b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
        eventually(lambda: engine.decide.held)
        if not patched:
            patches.uninstall()
        sent = push(sock, b"y" * 65536, most)
        sock.close()
        engine.loop.call_soon_threadsafe(go_on.set)
    # Socket buffers on both sides take some megabytes whoever reads.
    assert (sent < most / 2) is patched


@pytest.mark.parametrize("patched", [True, False], ids=["ours", "stock"])
def test_endless_head_is_cut(tmp_path, origin, patched):
    most = 8 << 20
    before = metrics.REFUSED_CONNECTIONS.labels(reason="head-too-large")._value.get()
    with Engine(tmp_path, origin) as engine:
        if not patched:
            patches.uninstall()
        sock = connect(engine)
        sock.sendall(b"POST http://localhost/ HTTP/1.1\r\nX: ")
        sent = push(sock, b"y" * 65536, most)
        sock.close()
    counted = metrics.REFUSED_CONNECTIONS.labels(reason="head-too-large")._value.get() - before
    assert (sent < most, counted) == ((True, 1) if patched else (False, 0))


@pytest.mark.parametrize("patched", [True, False], ids=["ours", "stock"])
def test_after_100_continue_a_failure_is_still_told(tmp_path, origin, patched):
    """A client that was told to go on must hear that the server is away, not find the connection closed."""

    async def allow_nowhere(flow, held):
        engine.loop.routes.target = lambda _asked: ("127.0.0.1", free_port())
        await allow(flow, held)

    with Engine(tmp_path, origin, allow_nowhere) as engine:
        if not patched:
            patches.Http1Server.send = patches._stock_send
        sock = tunnel(engine)
        sock.sendall(b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"x")
        assert sock.recv(4096).startswith(b"HTTP/1.1 502 ") is patched
        sock.close()


@pytest.mark.parametrize("patched", [True, False], ids=["ours", "stock"])
def test_fault_in_a_layer_closes_the_connection(tmp_path, origin, patched):
    """Request trailers over HTTP/1 raise inside the stock engine."""
    with Engine(tmp_path, origin) as engine:
        if not patched:
            patches.ConnectionHandler.log = patches._stock_log
        patches.Http1Connection.read_body = patches._stock_read_body
        sock = tunnel(engine)
        sock.sendall(
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: v\r\n\r\n"
        )
        assert closes(sock, 3.0) is patched
        sock.close()
    assert origin.requests == []


@pytest.mark.parametrize("patched", [True, False], ids=["ours", "stock"])
def test_socket_is_closed_when_its_handler_is_cancelled(tmp_path, origin, patched):
    """A close that meets bytes already read left the socket open for good: the client waits, the descriptor leaks."""
    with Engine(tmp_path, origin) as engine:
        if not patched:
            patches.ConnectionHandler.handle_connection = patches._stock_handle_connection
        sock = connect(engine)
        sock.sendall(b"GET http://localhost/ HTTP/1.1\r\nHost: local")
        proxy = engine.master.addons.get("proxyserver")
        (handler,) = eventually(lambda: list(proxy.connections.values()))

        async def cancel_inside_an_event():
            # The lock that every event takes is held while the rest of the head arrives, and the cancel comes then.
            async with handler._server_event_lock:
                sock.sendall(b"host\r\n\r\n")
                deadline = time.monotonic() + 10
                while not handler._server_event_lock._waiters and time.monotonic() < deadline:  # noqa: ASYNC110 - no event for this
                    await asyncio.sleep(0.01)
                handler.close_connection(handler.client)
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(cancel_inside_an_event(), engine.loop).result(20)
        assert closes(sock, 3.0) is patched
        sock.close()
        for left in handler.transports.values():
            engine.loop.call_soon_threadsafe(left.writer.close)


@pytest.mark.parametrize("patched", [True, False], ids=["ours", "stock"])
def test_download_waits_for_a_slow_http2_client(tmp_path, patched):
    body = b"z" * (24 << 20)

    def reply(_seen):
        return 200, {"content-type": "application/octet-stream"}, body

    with Origin(tmp_path, alpn=("http/1.1",), reply=reply) as origin, Engine(tmp_path, origin) as engine:
        if not patched:
            patches.uninstall()
        sock = tunnel(engine, alpn="h2")
        client = h2.connection.H2Connection()
        client.initiate_connection()
        head = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/big")]
        client.send_headers(1, head, end_stream=True)
        sock.sendall(client.data_to_send())
        # The client opens no window beyond the first 64 KiB: the rest has to wait somewhere.
        (handler,) = engine.master.addons.get("proxyserver").connections.values()
        eventually(lambda: unsent_bytes(handler.layer, handler.client) > (1 << 18 if patched else 16 << 20))
        assert not patched or max(unsent_bytes(handler.layer, handler.client) for _ in range(2000)) < 1 << 20
        sock.close()


def test_not_http_is_counted_and_closed(tmp_path, origin):
    before = metrics.REFUSED_CONNECTIONS.labels(reason="not-http")._value.get()
    with Engine(tmp_path, origin) as engine:
        sock = connect(engine)
        sock.sendall(b"\x16\x03nonsense\r\n\r\n")
        assert closes(sock, 5.0)
        sock.close()
    assert metrics.REFUSED_CONNECTIONS.labels(reason="not-http")._value.get() == before + 1


def test_unread_version_is_refused(monkeypatch):
    monkeypatch.setattr(version, "VERSION", "99.0.0")
    with pytest.raises(StartError, match=r"99\.0\.0 is installed"):
        patches.install(new_spool=lambda: None, max_body_bytes=1, refuse=lambda flow: None)

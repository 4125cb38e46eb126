"""What is not HTTP is closed before a byte goes on, and counted."""

import socket
import ssl

import pytest
from mitmproxy import connection, options
from mitmproxy.proxy import context, events, layer, layers
from mitmproxy.proxy.layers.http import HTTPMode

from addons.opaque import MAX_LINE_BYTES, Opaque, could_be_request
from metrics import catalogue as metrics
from tests.support.engine import Engine, Unlisted
from tests.support.origin import Origin
from tests.support.waiting import eventually


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path) as origin:
        yield origin


def refused(reason: str) -> float:
    return metrics.REFUSED_CONNECTIONS.labels(reason=reason)._value.get()


def tunnel(engine: Engine, port: int) -> socket.socket:
    raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
    raw.sendall(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    assert b" 200 " in raw.recv(4096)
    return raw


def closed(sock: socket.socket) -> bool:
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize(
    ("port", "data"),
    [
        pytest.param(
            53,
            b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01",
            id="DNS",
        ),
        pytest.param(443, b"\xef\xee\xee\xee" + bytes(60), id="MTProto"),
        pytest.param(22, b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="SSH"),
        pytest.param(443, b"\x16\xf1\x04" + bytes(60) + b"\r\n\r\n", id="MMTLS"),
    ],
)
def test_other_protocols_in_a_tunnel(tmp_path, origin, port, data):
    with Engine(tmp_path, origin) as engine:
        raw = tunnel(engine, port)
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        assert closed(raw)
        raw.close()
    assert (origin.connections, origin.requests) == (0, [])


def test_dns_is_counted(tmp_path, origin):
    before = refused("unknown-protocol")
    with Engine(tmp_path, origin) as engine:
        raw = tunnel(engine, 53)
        raw.sendall(b"\x00\x05hello")
        assert closed(raw)
        raw.close()
    assert refused("unknown-protocol") == before + 1


def test_client_that_does_not_trust_us_is_counted(tmp_path, origin):
    before = refused("tls-client")
    with Engine(tmp_path, origin) as engine:
        raw = tunnel(engine, 443)
        with pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
        raw.close()
        eventually(lambda: refused("tls-client") == before + 1)


def test_server_nobody_trusts_gets_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before = refused("tls-server")
    with Origin(tmp_path / "a") as trusted, Origin(tmp_path / "b") as other, Engine(tmp_path, trusted) as engine:
        engine.loop.routes.target = lambda _asked: ("127.0.0.1", other.port)
        raw = tunnel(engine, 443)
        context = ssl.create_default_context(cafile=str(engine.ca))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with context.wrap_socket(raw, server_hostname="localhost") as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
            assert b" 502 " in sock.recv(4096)
        eventually(lambda: refused("tls-server") == before + 1)
        assert other.requests == []


@pytest.mark.parametrize(
    ("line", "is_whole", "could_be"),
    [
        pytest.param(b"POST http://a.example/x HTTP/1.1\r", True, True, id="request"),
        pytest.param(b"GET / HTTP/1.0", True, True, id="request of 1.0, bare line feed"),
        pytest.param(b"", False, True, id="nothing yet"),
        pytest.param(b"PO", False, True, id="half a method"),
        pytest.param(b"GET http://a.exam", False, True, id="half a target"),
        pytest.param(b"\r", True, False, id="empty line"),
        pytest.param(b"\x05\x01\x00", False, False, id="SOCKS"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6 x\r", True, False, id="SSH"),
        pytest.param(b"PRI * HTTP/2.0\r", True, False, id="HTTP/2 preface"),
        pytest.param(b"GET /\r", True, False, id="HTTP/0.9"),
        pytest.param(b" / HTTP/1.1\r", True, False, id="no method"),
        pytest.param(b" / HT", False, False, id="no method, half a line"),
        pytest.param(b"M" * 33, False, False, id="a method that does not end"),
    ],
)
def test_first_lines(line, is_whole, could_be):
    assert could_be_request(line, is_whole=is_whole) is could_be


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n", b"\x05\x01\x00", b"\x16\x03\x01\x02\x00\x01"], ids=["SSH", "SOCKS", "TLS"]
)
def test_nonsense_on_the_proxy_port_is_counted(tmp_path, origin, data):
    before = refused("not-http")
    with Engine(tmp_path, origin) as engine:
        raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
        raw.sendall(data)
        assert closed(raw)
        raw.close()
    assert refused("not-http") == before + 1


def test_first_line_in_pieces(tmp_path, origin):
    """A request whose first line comes byte by byte is one all the same."""
    with Engine(tmp_path, origin) as engine:
        raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in f"CONNECT localhost:{origin.port} HTTP/1.1\r\nHost: localhost:{origin.port}\r\n\r\n".encode():
            raw.sendall(bytes([byte]))
        assert b" 200 " in raw.recv(4096)
        raw.close()


def test_longest_first_line_is_not_waited_for(tmp_path, origin):
    with Engine(tmp_path, origin) as engine:
        raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
        raw.sendall(b"GET http://localhost/" + b"x" * MAX_LINE_BYTES)
        raw.sendall(b" HTTP/1.1\r\nHost: other\r\nContent-Length: nonsense\r\n\r\n")
        assert b" 400 " in raw.recv(4096)
        raw.close()


@pytest.fixture
def choice():
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("", 0), state=connection.ConnectionState.OPEN)
    return layer.NextLayer(context.Context(client, options.Options()))


def test_choice_is_put_off_until_the_first_line_is_there(choice):
    choice.layer = layers.HttpLayer(choice.context, HTTPMode.regular)
    choice.events.append(events.DataReceived(choice.context.client, b"GE"))
    Opaque(Unlisted(), Unlisted()).next_layer(choice)
    assert (choice.layer, choice.context.layers) == (None, [])


def test_choice_that_was_put_off_stays_so(choice):
    Opaque(Unlisted(), Unlisted()).next_layer(choice)
    assert choice.layer is None

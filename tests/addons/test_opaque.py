"""What is not HTTP is closed before a byte goes on, and counted."""

import socket
import ssl

import pytest
from mitmproxy import connection, options
from mitmproxy.proxy import context, events, layer, layers
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow
from mitmproxy.tls import TlsData

from addons.hello import Hello
from addons.opaque import (
    MAX_LINE_BYTES,
    Opaque,
    RefuseLayer,
    could_be_request,
    name_meant,
    replace_layer,
    why_failed,
)
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


def test_names_of_what_is_refused(tmp_path, origin):
    with Engine(tmp_path, origin) as engine:
        raw = tunnel(engine, 443)
        raw.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        assert closed(raw)
        raw.close()
        raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
        raw.sendall(b"\x05\x01\x00")
        assert closed(raw)
        raw.close()
        assert engine.unread.refused == [
            ("localhost", 443, "ssh", "unknown-protocol", 21),
            ("", 0, "socks", "unknown-protocol", 3),
        ]


def test_dns_over_tls_is_refused_before_it_is_answered(tmp_path, origin):
    with Engine(tmp_path, origin) as engine:
        raw = tunnel(engine, 853)
        context = ssl.create_default_context(cafile=str(engine.ca))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw, server_hostname="localhost")
        raw.close()
        ((host, port, protocol, reason, size),) = engine.unread.refused
        assert (host, port, protocol, reason) == ("localhost", 853, "dot", "hidden-dns")
        assert size > 100


def test_tls_to_an_address_that_names_no_server(tmp_path, origin):
    before = refused("tls-unclear")
    with Engine(tmp_path, origin) as engine:
        raw = socket.create_connection(("127.0.0.1", engine.port), timeout=20)
        raw.sendall(b"CONNECT 203.0.113.9:443 HTTP/1.1\r\nHost: 203.0.113.9:443\r\n\r\n")
        assert b" 200 " in raw.recv(4096)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw)
        raw.close()
        assert engine.unread.refused[0][:4] == ("203.0.113.9", 443, "tls", "tls-unclear")
    assert refused("tls-unclear") == before + 1


def test_a_handshake_in_pieces_is_a_handshake(tmp_path, origin):
    """The first bytes of TLS are looked at whole, however they come."""
    with Engine(tmp_path, origin) as engine:
        raw = tunnel(engine, origin.port)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context(cafile=str(engine.ca))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    raw.sendall(bytes([byte]))
                incoming.write(raw.recv(65536))
        raw.close()
    assert tls.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("The client does not trust the proxy's certificate for a (sslv3 alert bad certificate)", "does not trust"),
        ("(OpenSSL Error([('SSL routines', '', 'tlsv1 alert unknown ca')]))", "does not trust"),
        ("The client disconnected during the handshake. If this happens …", "closed the connection"),
        ("connection closed early", "closed the connection"),
        ("Cannot parse ClientHello: 16030100", "no handshake of TLS"),
        ("Client and mitmproxy cannot agree on a TLS version to use.", "agreed on no handshake"),
        (None, "agreed on no handshake"),
    ],
)
def test_why_a_handshake_failed_is_told_without_bytes(error, why):
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("", 0))
    client.error = error
    assert why in why_failed(client)
    assert "16030100" not in why_failed(client)


@pytest.mark.parametrize(
    ("mode", "host", "hello", "name"),
    [
        pytest.param("regular", "a.example", Hello("a.example"), "a.example", id="both agree"),
        pytest.param("regular", "a.example", Hello("b.example"), "", id="a borrowed name"),
        pytest.param("regular", "a.example", Hello(), "", id="no name"),
        pytest.param("regular", "a.example", Hello("a.example", hides_name=True), "", id="a name may be hidden"),
        pytest.param("regular", "203.0.113.9", Hello("a.example"), "", id="an address in a CONNECT"),
        pytest.param("transparent", "203.0.113.9", Hello("a.example"), "a.example", id="redirected"),
        pytest.param("socks5", "203.0.113.9", Hello("a.example"), "a.example", id="dialled by SOCKS"),
        pytest.param("socks5", "b.example", Hello("a.example"), "", id="another name by SOCKS"),
    ],
)
def test_the_one_name_a_connection_means(mode, host, hello, name):
    client = connection.Client(peername=("127.0.0.1", 1), sockname=("", 0), proxy_mode=ProxyMode.parse(mode))
    assert name_meant(context.Context(client, options.Options()), host, hello) == name


def test_advice_to_come_back_over_quic_is_taken_out(choice):
    flow = tflow.tflow(resp=True)
    flow.response.headers["Alt-Svc"] = 'h3=":443"; ma=86400'
    flow.response.headers["Alternate-Protocol"] = "443:quic"
    Opaque(Unlisted(), Unlisted()).responseheaders(flow)
    assert not {"alt-svc", "alternate-protocol"} & {name.lower() for name in flow.response.headers}
    flow.response = None
    Opaque(Unlisted(), Unlisted()).responseheaders(flow)


def test_a_layer_that_forwards_unread_is_replaced(choice):
    """Whatever mitmproxy chooses: only the layers that are read here stay."""
    choice.context.server.address = ("a.example", 443)
    choice.layer = layers.TCPLayer(choice.context)
    own = Opaque(Unlisted(), Unlisted())
    own.next_layer(choice)
    assert isinstance(choice.layer, RefuseLayer)
    assert choice.context.layers == [choice.layer]
    assert own.unread.refused == [("a.example", 443, "unknown", "unknown-protocol", 0)]


def test_top_layer_of_a_mode_stays(choice):
    choice.layer = modes.HttpProxy(choice.context)
    Opaque(Unlisted(), Unlisted()).next_layer(choice)
    assert isinstance(choice.layer, modes.HttpProxy)


def test_tls_to_the_proxys_own_port(choice):
    chosen = choice.layer = layers.ClientTLSLayer.__new__(layers.ClientTLSLayer)
    Opaque(Unlisted(), Unlisted(), speaks_tls=True).next_layer(choice)
    assert choice.layer is chosen


def test_tls_that_fails_on_the_proxys_own_port_is_nobodys_upload(choice):
    own = Opaque(Unlisted(), Unlisted())
    own.tls_failed_client(TlsData(choice.context.client, choice.context))
    assert own.unread.refused == []


def test_layers_that_were_never_listed_are_replaced_too(choice):
    other = RefuseLayer(choice.context)
    replace_layer(choice, other)
    assert (choice.layer, choice.context.layers) == (other, [other])
    choice.layer = object()
    replace_layer(choice, other)
    assert choice.layer is other

"""What is not HTTP under TLS or in the clear: refused before a byte goes on, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy.proxy import commands, events, layer, layers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.mode_specs import Socks5Mode, TransparentMode

from addons.capture import TOKEN
from addons.hello import Hello, read_hello
from addons.names import is_address
from addons.passthrough import RawRelay
from gateway.channels.protocols import FAMILIES, PORTS, SPEAKS_FIRST, recognise
from gateway.limits import KIB
from gateway.settings import normal_host
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import http, tls
    from mitmproxy.connection import Client

    from addons.passthrough import Passthrough
    from addons.unread import Unread

ALTERNATIVES = ("alt-svc", "alternate-protocol")
"""Fields of a response that name another way to the same service; the second is Google's older one."""
READ_HERE = (modes.HttpProxy, layers.HttpLayer, layers.ServerTLSLayer, layers.ClientTLSLayer)
"""Layers whose content the gateway reads; everything else would forward bytes unread."""


MAX_LINE_BYTES = 16 * KIB
"""A first line longer than this is not waited for; the bound on the whole head holds for it."""
MAX_METHOD_BYTES = 32
"""Longest method; the longest that is registered has 17 bytes (UPDATEREDIRECTREF, RFC 4437)."""


def could_be_request(line: bytes, *, is_whole: bool) -> bool:
    r"""Whether the bytes may be, or begin, the first line of an HTTP/1 request (RFC 9112, 3).

    >>> could_be_request(b"GET http://a.example/ HTTP/1.1\r", is_whole=True), could_be_request(b"PO", is_whole=False)
    (True, True)
    >>> could_be_request(b"SSH-2.0-OpenSSH_9.6\r", is_whole=True), could_be_request(b"\x05\x01\x00", is_whole=False)
    (False, False)
    """
    method, space, rest = line.partition(b" ")
    if len(method) > MAX_METHOD_BYTES or not TOKEN.issuperset(method):
        return False
    if not is_whole:
        return bool(method) or not line
    return bool(method and space) and rest.rstrip(b"\r").endswith((b" HTTP/1.1", b" HTTP/1.0"))


class RefuseLayer(layer.Layer):
    """Closes the client's connection and forwards nothing."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)


class Opaque:
    """Placed after mitmproxy's own NextLayer, so that it sees and can replace every choice."""

    def __init__(self, unread: Unread, passthrough: Passthrough, *, speaks_tls: bool = False) -> None:
        self.unread = unread
        self.passthrough = passthrough
        self.speaks_tls = speaks_tls
        """Whether a client may speak TLS to the proxy's own port."""

    def next_layer(self, choice: layer.NextLayer) -> None:
        """Replace a layer that forwards unread, and one that would wait for a request in what is none."""
        chosen = choice.layer
        if chosen is None:
            return
        if isinstance(chosen, layers.ServerTLSLayer):
            self.check_hello(choice, chosen)
        elif isinstance(chosen, layers.ClientTLSLayer):
            # TLS to the proxy's own port; in a tunnel the layer for the server comes first.
            if not self.speaks_tls:
                self.refuse_nonsense(choice)
        elif isinstance(chosen, layers.HttpLayer):
            if choice.context.client.alpn != b"h2":
                self.check_first_line(choice, chosen)
        elif not isinstance(chosen, READ_HERE):
            self.pass_or_refuse(choice)

    def check_first_line(self, choice: layer.NextLayer, chosen: layers.HttpLayer) -> None:
        """Refuse what cannot become a request, and put the choice off while that cannot be told."""
        data = choice.data_client()
        line, end, _ = data[:MAX_LINE_BYTES].partition(b"\n")
        if data and len(data) < len(TLS_RECORD) and TLS_RECORD.startswith(data):
            put_off(choice, chosen)
        elif (not data and speaks_first(choice.context)) or not could_be_request(line, is_whole=bool(end)):
            self.pass_or_refuse(choice)
        elif not end and len(line) < MAX_LINE_BYTES:
            put_off(choice, chosen)

    def check_hello(self, choice: layer.NextLayer, chosen: layers.ServerTLSLayer) -> None:
        """Before TLS is answered: refuse what hides where it goes, and pass what an entry of the list names."""
        context = choice.context
        host, port = server_of(context)
        is_bare = is_address(host)
        try:
            hello = read_hello(choice.data_client())
        except ValueError:
            # The layer for TLS refuses it, and `tls_failed_client` hears of it.
            return
        if hello is None:
            put_off(choice, chosen)
            return
        protocol = recognise(choice.data_client(), host, port, hello.sni, hello.alpn)
        if protocol in FAMILIES:
            self.pass_or_refuse(choice, protocol)
        elif is_bare and not hello.sni and not self.unread.is_listed(host, port):
            metrics.REFUSED_CONNECTIONS.labels(reason="tls-unclear").inc()
            self.close(choice, protocol, "tls-unclear")
        elif (name := name_meant(context, host, hello)) and (entry := self.passthrough.entry_for(name)):
            # The name that is listed is resolved and connected to, whatever address the client dialled.
            context.server.address = (name, port)
            passing = self.passthrough.by_entry(context.client, name, port, protocol, entry)
            replace_layer(choice, RawRelay(context, passing))

    def pass_or_refuse(self, choice: layer.NextLayer, protocol: str = "") -> None:
        """Pass bytes that an exception of the policy names, else close the connection of a client that does not speak HTTP."""
        context = choice.context
        host, port = server_of(context)
        if not host:
            self.refuse_nonsense(choice)
            return
        data = choice.data_client()
        protocol = protocol or recognise(data, host, port, context.client.sni or "")
        reason = FAMILIES.get(protocol, "unknown-protocol")
        exception = self.unread.lifted(context.client, host, port, protocol=protocol, reason=reason)
        if exception is not None and context.client.transport_protocol == "tcp":
            passing = self.passthrough.by_exception(context.client, host, port, protocol, exception)
            replace_layer(choice, RawRelay(context, passing))
            return
        metrics.REFUSED_CONNECTIONS.labels(reason="unknown-protocol").inc()
        self.close(choice, protocol, reason)

    def refuse_nonsense(self, choice: layer.NextLayer) -> None:
        """Close the connection of a client that does not speak HTTP to the proxy's own port."""
        metrics.REFUSED_CONNECTIONS.labels(reason="not-http").inc()
        self.close(choice, recognise(choice.data_client(), "", 0), "unknown-protocol")

    def close(self, choice: layer.NextLayer, protocol: str, reason: str) -> None:
        """Refuse with a record, and forward nothing."""
        host, port = server_of(choice.context)
        size = len(choice.data_client())
        replace_layer(choice, RefuseLayer(choice.context))
        self.unread.refuse(choice.context.client, host, port, protocol=protocol, reason=reason, size_bytes=size)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Take out the advice to come back over QUIC, which would go past the gateway (RFC 7838)."""
        if flow.response is not None:
            for name in ALTERNATIVES:
                flow.response.headers.pop(name, None)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """The client would not have its TLS opened (a pinned certificate, or no trust in our CA)."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tls-client").inc()
        client = data.context.client
        host, port = server_of(data.context)
        if not host:
            # TLS to the proxy itself: nothing was asked for yet.
            return
        sni = normal_host(client.sni or "")
        protocol = recognise(TLS_RECORD, host, port, sni)
        self.unread.refuse(
            client, sni or host, port, protocol=protocol, reason="tls-refused", because=why_failed(client)
        )

    def tls_failed_server(self, _data: tls.TlsData) -> None:
        """The server's certificate is not one we trust; nothing was sent."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tls-server").inc()


TLS_RECORD = b"\x16\x03\x01"
"""Start of any ClientHello."""
DISTRUST = ("unknown ca", "bad certificate", "certificate unknown")
"""What the engine writes of a client that says why."""


def why_failed(client: Client) -> str:
    """Why the handshake failed, one of four sentences: the engine's own may hold bytes of the client."""
    error = client.error or ""
    if any(word in error for word in DISTRUST):
        return "the client says that it does not trust the gateway's certificate"
    if "client disconnected" in error or error.startswith("connection closed"):
        return "the client closed the connection during the handshake"
    if error.startswith("Cannot parse"):
        return "what the client sent is no handshake of TLS"
    return "the client and the gateway agreed on no handshake"


def server_of(context: Context) -> tuple[str, int]:
    """Host in its normal form and port that the client asked for; empty and 0 on the proxy's own port."""
    address = context.server.address
    return (normal_host(address[0]), address[1]) if address else ("", 0)


def speaks_first(context: Context) -> bool:
    """Whether the server is the one to begin, as its port tells."""
    return PORTS.get(server_of(context)[1], "") in SPEAKS_FIRST


def name_meant(context: Context, host: str, hello: Hello) -> str:
    """The one name that target and ClientHello agree on; empty when they differ or a name may be hidden.

    A redirected client names its server in the ClientHello alone.
    """
    if hello.hides_name or not hello.sni:
        return ""
    dials = isinstance(context.client.proxy_mode, TransparentMode | Socks5Mode) and is_address(host)
    return hello.sni if dials or hello.sni == host else ""


def put_off(choice: layer.NextLayer, chosen: layer.Layer) -> None:
    """Ask again when more has arrived."""
    forget_after(choice, chosen)
    choice.layer = None


def replace_layer(choice: layer.NextLayer, other: layer.Layer) -> None:
    """Take `other` in place of what was chosen."""
    if choice.layer is not None:
        forget_after(choice, choice.layer)
    choice.context.layers[:] = [one for one in choice.context.layers if one is not other]
    choice.context.layers.append(other)
    choice.layer = other


def forget_after(choice: layer.NextLayer, chosen: layer.Layer) -> None:
    """Take the chosen layer and those inside it out of the context's list."""
    if chosen in choice.context.layers:
        del choice.context.layers[choice.context.layers.index(chosen) :]

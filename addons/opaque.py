"""What is not HTTP under TLS or in the clear: refused before a byte goes on, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy.proxy import commands, events, layer, layers
from mitmproxy.proxy.layers import modes

from addons.capture import TOKEN
from gateway.limits import KIB
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import tls

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

    def next_layer(self, choice: layer.NextLayer) -> None:
        """Replace a layer that forwards unread, and one that would wait for a request in what is none."""
        if choice.layer is None:
            return
        if isinstance(choice.layer, layers.ClientTLSLayer):
            # TLS to the proxy's own port; in a tunnel the layer for the server comes first.
            self.refuse_nonsense(choice)
            return
        if isinstance(choice.layer, READ_HERE):
            if isinstance(choice.layer, layers.HttpLayer) and choice.context.client.alpn != b"h2":
                self.check_first_line(choice, choice.layer)
            return
        choice.context.layers.remove(choice.layer)
        choice.layer = RefuseLayer(choice.context)
        metrics.REFUSED_CONNECTIONS.labels(reason="unknown-protocol").inc()

    def check_first_line(self, choice: layer.NextLayer, chosen: layers.HttpLayer) -> None:
        """Refuse what cannot become a request, and put the choice off while that cannot be told."""
        line, end, _ = choice.data_client()[:MAX_LINE_BYTES].partition(b"\n")
        if not could_be_request(line, is_whole=bool(end)):
            self.refuse_nonsense(choice)
        elif not end and len(line) < MAX_LINE_BYTES:
            choice.context.layers.remove(chosen)
            choice.layer = None

    def refuse_nonsense(self, choice: layer.NextLayer) -> None:
        """Close the connection of a client that does not speak HTTP, and count it."""
        choice.layer = RefuseLayer(choice.context)
        metrics.REFUSED_CONNECTIONS.labels(reason="not-http").inc()

    def tls_failed_client(self, _data: tls.TlsData) -> None:
        """The client would not have its TLS opened (a pinned certificate, or no trust in our CA)."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tls-client").inc()

    def tls_failed_server(self, _data: tls.TlsData) -> None:
        """The server's certificate is not one we trust; nothing was sent."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tls-server").inc()

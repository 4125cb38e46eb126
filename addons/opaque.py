"""What is not HTTP under TLS or in the clear: refused before a byte goes on, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy.proxy import commands, events, layer, layers
from mitmproxy.proxy.layers import modes

from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import tls

READ_HERE = (modes.HttpProxy, layers.HttpLayer, layers.ServerTLSLayer, layers.ClientTLSLayer)
"""Layers whose content the gateway reads; everything else would forward bytes unread."""


class RefuseLayer(layer.Layer):
    """Closes the client's connection and forwards nothing."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)


class Opaque:
    """Placed after mitmproxy's own NextLayer, so that it sees and can replace every choice."""

    def next_layer(self, choice: layer.NextLayer) -> None:
        """Replace a layer that forwards unread."""
        if choice.layer is None or isinstance(choice.layer, READ_HERE):
            return
        choice.context.layers.remove(choice.layer)
        choice.layer = RefuseLayer(choice.context)
        metrics.REFUSED_CONNECTIONS.labels(reason="unknown-protocol").inc()

    def tls_failed_client(self, _data: tls.TlsData) -> None:
        """The client would not have its TLS opened (a pinned certificate, or no trust in our CA)."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tls-client").inc()

    def tls_failed_server(self, _data: tls.TlsData) -> None:
        """The server's certificate is not one we trust; nothing was sent."""
        metrics.REFUSED_CONNECTIONS.labels(reason="tls-server").inc()

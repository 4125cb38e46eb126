"""Counting what waits in the tree of layers, inside tunnels too."""

import asyncio
import http.client
import ssl

import pytest
from mitmproxy.proxy.layers.http import HttpLayer

from addons.layers import every_layer, queued_bytes, unsent_bytes
from tests.support.engine import Engine, allow
from tests.support.origin import Origin
from tests.support.waiting import eventually


@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
def test_layers_of_a_tunnel_with_an_open_request(tmp_path, alpn):
    go_on = asyncio.Event()

    async def wait(flow, held):
        await go_on.wait()
        await allow(flow, held)

    with Origin(tmp_path, alpn=(alpn,)) as origin, Engine(tmp_path, origin, wait) as engine:
        context = ssl.create_default_context(cafile=str(engine.ca))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        client = http.client.HTTPSConnection("127.0.0.1", engine.port, context=context)
        client.set_tunnel("localhost", 443)
        client.connect()
        client.sock.sendall(b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx" + b"P" * 5000)
        eventually(lambda: engine.decide.held)
        (handler,) = engine.master.addons.get("proxyserver").connections.values()
        eventually(lambda: queued_bytes(handler.layer) == 5000)
        layers = list(every_layer(handler.layer))
        assert sum(isinstance(layer, HttpLayer) for layer in layers) == 2
        assert len({id(layer) for layer in layers}) == len(layers)
        assert unsent_bytes(handler.layer, handler.client) == 0
        engine.loop.call_soon_threadsafe(go_on.set)
        client.close()

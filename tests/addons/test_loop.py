"""Connections go where a verdict approved, and nowhere else."""

import asyncio
import socket

import pytest

from addons import loop
from addons.loop import GatewayLoop, Routes
from tests.support.dead import dead_address


def test_unknown_destination_is_refused():
    with pytest.raises(OSError, match="no verdict has approved"):
        Routes().target(("a.example", 443))


def test_last_approval_counts_and_the_oldest_is_forgotten(monkeypatch):
    monkeypatch.setattr(loop, "MAX_ROUTES", 2)
    routes = Routes()
    for asked, target in (("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")):
        routes.approve((asked, 443), (target, 443))
    assert routes.target(("a", 443)) == ("3", 443)
    with pytest.raises(OSError, match="no verdict"):
        routes.target(("b", 443))


def test_behind_another_proxy_nothing_else_can_be_approved():
    routes = Routes()
    routes.only = ("proxy.example", 3128)
    with pytest.raises(OSError, match="only the next proxy may be connected to"):
        routes.approve(("upload.example.com", 443), ("203.0.113.9", 443))
    with pytest.raises(OSError, match="no verdict"):
        routes.target(("upload.example.com", 443))
    routes.approve(("proxy.example", 3128), ("10.0.0.9", 3128))
    assert routes.target(("proxy.example", 3128)) == ("10.0.0.9", 3128)


async def talk(loop: GatewayLoop) -> bytes:
    async def answer(_reader, writer):
        writer.write(b"hello")
        writer.close()

    first = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = first.sockets[0].getsockname()[1]
    # A second listener on the same port, as the next worker opens it.
    second = await asyncio.start_server(answer, "127.0.0.1", port)
    with pytest.raises(OSError, match="no verdict"):
        await asyncio.open_connection("upload.example.com", 443)
    loop.routes.approve(("upload.example.com", 443), ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection("Upload.Example.com.", 443)
    text = await reader.read()
    writer.close()
    await writer.wait_closed()
    for server in (first, second):
        server.close()
        await server.wait_closed()
    return text


def test_connections_follow_the_routes():
    with asyncio.Runner(loop_factory=GatewayLoop) as runner:
        made = runner.get_loop()
        assert isinstance(made, GatewayLoop)
        assert runner.run(talk(made)) == b"hello"


def test_a_given_socket_needs_no_route():
    async def connect() -> None:
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
        raw = socket.create_connection(server.sockets[0].getsockname())
        _, writer = await asyncio.open_connection(sock=raw)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    with asyncio.Runner(loop_factory=GatewayLoop) as runner:
        runner.run(connect())


def test_server_that_answers_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(loop, "CONNECT_S", 0.2)
    with dead_address() as address, asyncio.Runner(loop_factory=GatewayLoop) as runner:
        runner.get_loop().routes.approve(("dead.example.com", 443), address)

        async def connect() -> None:
            await asyncio.open_connection("dead.example.com", 443)

        with pytest.raises(OSError, match="timed out"):
            runner.run(connect())


def test_a_burst_of_connections_waits_to_be_accepted(monkeypatch):
    asked = []
    monkeypatch.setattr(
        asyncio.SelectorEventLoop, "create_server", lambda *_arguments, **options: once(asked.append(options))
    )
    with asyncio.Runner(loop_factory=GatewayLoop) as runner:
        runner.run(runner.get_loop().create_server(None, "127.0.0.1", 0))
    assert asked == [{"reuse_port": True, "backlog": 512}]


async def once(value):
    return value

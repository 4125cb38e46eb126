"""Hooks go to who has them, commands are carried out in order, short pieces go out together."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from mitmproxy import exceptions
from mitmproxy.connection import Client, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.server import ConnectionIO, TimeoutWatchdog
from mitmproxy.proxy.server_hooks import ClientConnectedHook
from mitmproxy.test import taddons, tflow

from addons import dispatch


class Addon:
    """Notes what it hears."""

    def __init__(self, heard, name, fault=None, addons=()):
        self.heard, self.name, self.fault, self.addons = heard, name, fault, addons

    def client_connected(self, _client):
        self.heard.append(self.name)
        if self.fault:
            raise self.fault


class Later(Addon):
    async def client_connected(self, client):
        await asyncio.sleep(0)
        super().client_connected(client)


class Deaf:
    client_connected = "no function"


def client():
    return Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0.0)


def handler(*addons):
    """What `handle_hook` uses of a connection's handler."""
    watchdog = TimeoutWatchdog(60, asyncio.sleep)
    with taddons.context(*addons, loadcore=False) as context:
        return SimpleNamespace(master=context.master, timeout_watchdog=watchdog)


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        pytest.param(None, ["outer", "inner", "later", "last"], id="all in order"),
        pytest.param(ValueError("secret"), ["outer", "inner", "later", "last"], id="a fault stops nobody"),
        pytest.param(exceptions.AddonHalt(), ["outer", "inner"], id="halt"),
    ],
)
async def test_hooks(fault, heard, caplog):
    found = []
    inner = Addon(found, "inner", fault)
    own = handler(Addon(found, "outer", addons=[inner]), Deaf(), Later(found, "later"), Addon(found, "last"))
    await dispatch.handle_hook(own, ClientConnectedHook(client()))
    assert found == heard
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == (1 if isinstance(fault, ValueError) else 0)
    assert own.timeout_watchdog.blocker == 0


async def test_who_listens_is_asked_once():
    found = []
    own = handler(Addon(found, "a"))
    addons = own.master.addons
    assert [one.__self__.name for one in dispatch.listeners(addons, "client_connected")] == ["a"]
    assert dispatch.listeners(addons, "client_connected") is dispatch.listeners(addons, "client_connected")
    assert dispatch.listeners(addons, "nobody_listens") == ()


async def test_an_intercepted_flow_waits():
    own, flow = handler(), tflow.tflow()
    flow.intercept()
    waiting = asyncio.ensure_future(
        dispatch.handle_hook(own, SimpleNamespace(name="request", args=lambda: [flow]))  # type: ignore[arg-type]
    )
    await asyncio.sleep(0)
    assert not waiting.done()
    flow.resume()
    await waiting


class Writer:
    def __init__(self, *, closing=False):
        self.written, self.closing = [], closing

    def is_closing(self):
        return self.closing

    def write(self, data):
        self.written.append(data)


class Handler:
    """What `server_event` uses of a connection's handler; its layer gives the commands of the test."""

    def __init__(self, own):
        self._server_event_lock = asyncio.Lock()
        self.timeout_watchdog = TimeoutWatchdog(60, asyncio.sleep)
        self.layer = self
        self.own = own
        self.client, self.server, self.gone = client(), Server(address=("a", 1)), Server(address=("b", 1))
        self.writer, self.other, self.closing = Writer(), Writer(), Writer(closing=True)
        self.transports = {self.client: ConnectionIO(writer=self.writer), self.server: ConnectionIO(writer=self.other)}
        self.wakeup_timer = set()
        self.done = []

    def handle_event(self, _event):
        yield from self.own(self)

    def close_connection(self, connection, half_close=False):
        self.done.append(("close", connection is self.client, half_close, len(self.writer.written)))

    def log(self, message, level=0, exc_info=None):
        self.done.append(("log", message))

    async def hook_task(self, hook):
        self.done.append(("hook", hook.name, len(self.writer.written)))

    async def wakeup(self, command):
        self.done.append(("wakeup", command.delay))

    async def open_connection(self, command):
        await asyncio.sleep(0)
        self.done.append(("open", command.connection is self.gone))


async def ran(own):
    handler = Handler(own)
    # As mitmproxy's loop: a hook begins before the next command.
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await dispatch.server_event(handler, events.Start())
    for _ in range(3):
        await asyncio.sleep(0)
    return handler


LARGE = b"x" * 20_000


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        pytest.param([b"a"], [b"a"], id="one"),
        pytest.param([b"a", b"b", b"c"], [b"abc"], id="short ones together"),
        pytest.param([LARGE, LARGE], [LARGE, LARGE], id="long ones apart"),
    ],
)
async def test_data(pieces, written):
    handler = await ran(lambda own: [commands.SendData(own.client, piece) for piece in pieces])
    assert handler.writer.written == written


async def test_data_of_two_connections():
    handler = await ran(
        lambda own: [
            commands.SendData(to, data) for to, data in ((own.client, b"1"), (own.server, b"2"), (own.client, b"3"))
        ]
    )
    assert (handler.writer.written, handler.other.written) == ([b"13"], [b"2"])


async def test_data_goes_out_before_what_follows():
    handler = await ran(
        lambda own: [
            commands.SendData(own.client, b"1"),
            ClientConnectedHook(own.client),
            commands.SendData(own.client, b"2"),
            commands.CloseTcpConnection(own.client, half_close=True),
            commands.CloseConnection(own.client),
        ]
    )
    assert handler.writer.written == [b"1", b"2"]
    assert handler.done == [
        ("hook", "client_connected", 1),
        ("close", True, True, 2),
        ("close", True, False, 2),
    ]


async def test_what_is_gone_gets_nothing():
    def own(handler):
        handler.transports[handler.server] = ConnectionIO(writer=handler.closing)
        return [
            commands.SendData(handler.gone, b"1"),
            commands.SendData(handler.server, b"2"),
            commands.CloseConnection(handler.gone),
        ]

    handler = await ran(own)
    assert (handler.closing.written, handler.done) == ([], [])


async def test_other_commands():
    handler = await ran(
        lambda own: [commands.Log("hello"), commands.RequestWakeup(0.5), commands.OpenConnection(own.gone)]
    )
    assert handler.done == [("log", "hello"), ("wakeup", 0.5), ("open", True)]
    assert handler.gone in handler.transports
    assert len(handler.wakeup_timer) == 1


async def test_an_unknown_command_ends_the_connection():
    handler = await ran(lambda _own: [commands.Command()])
    assert handler.done == [("log", "mitmproxy has crashed!")]

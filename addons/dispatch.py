"""mitmproxy's own steps between an event and its commands, with what this gateway never uses left out.

They cost more than the verdict does: every event was offered to every addon twice, each piece of data was a system call.
Read against the release that `addons.patches` names, which puts them in force.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mitmproxy import exceptions, flow
from mitmproxy.addonmanager import traverse
from mitmproxy.proxy import commands
from mitmproxy.proxy.server import ConnectionHandler, ConnectionIO
from mitmproxy.utils import asyncio_utils

from gateway.limits import KIB

if TYPE_CHECKING:
    from mitmproxy.addonmanager import AddonManager
    from mitmproxy.connection import Connection
    from mitmproxy.proxy import events
    from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

JOINED_BYTES = 32 * KIB
"""Most bytes of one event that are joined before they are sent; a copy of more would cost more than the call it saves."""

type Listener = Callable[[Any], Any]

_listeners: WeakKeyDictionary[AddonManager, dict[str, tuple[Listener, ...]]] = WeakKeyDictionary()
_log = logging.getLogger(__name__)


def listeners(addons: AddonManager, name: str) -> tuple[Listener, ...]:
    """What the addons have for a hook, in their order; asked once, because a worker's addons never change."""
    try:
        return _listeners[addons][name]
    except KeyError:
        found = (getattr(addon, name, None) for addon in traverse(addons.chain))
        own = _listeners.setdefault(addons, {})[name] = tuple(one for one in found if callable(one))
        return own


async def handle_hook(self: ProxyConnectionHandler, hook: commands.StartHook) -> None:
    """The stock call of the addons, without the `update` hook that follows each call and that nobody here has.

    As stock, a fault of one addon is logged and the others are called; the refusal is in place by then.
    """
    own = listeners(self.master.addons, hook.name)
    (data,) = hook.args()
    with self.timeout_watchdog.disarm():
        for listener in own:
            try:
                result = listener(data)
                if result is not None and inspect.isawaitable(result):
                    await result
            except exceptions.AddonHalt:
                break
            except Exception:  # noqa: BLE001 - as stock: one fault must not keep the hook from the others
                _log.exception("addon error")
        if isinstance(data, flow.Flow) and data.intercepted:
            await data.wait_for_resume()


async def server_event(self: ConnectionHandler, event: events.Event) -> None:
    """The stock step from an event to its commands, with short pieces for one connection sent in one call."""
    async with self._server_event_lock:
        # No `await` beyond this point.
        self.timeout_watchdog.register_activity()
        unsent: dict[Connection, list[bytes]] = {}
        try:
            for command in self.layer.handle_event(event):
                if isinstance(command, commands.SendData):
                    unsent.setdefault(command.connection, []).append(command.data)
                    continue
                if unsent:
                    send(self, unsent)
                if isinstance(command, commands.StartHook):
                    asyncio_utils.create_task(
                        self.hook_task(command),
                        name=command.name,
                        keep_ref=True,
                        client=self.client.peername,
                    )
                else:
                    other(self, command)
            if unsent:
                send(self, unsent)
        except Exception:  # noqa: BLE001 - as stock: `log` closes the client's connection
            self.log("mitmproxy has crashed!", logging.ERROR, exc_info=True)


def send(self: ConnectionHandler, unsent: dict[Connection, list[bytes]]) -> None:
    """Write what is gathered, unless its connection is gone, and forget it."""
    for connection, pieces in unsent.items():
        transport = self.transports.get(connection)
        if transport is None or transport.writer is None or transport.writer.is_closing():
            continue
        if len(pieces) > 1 and sum(map(len, pieces)) <= JOINED_BYTES:
            transport.writer.write(b"".join(pieces))
        else:
            for piece in pieces:
                transport.writer.write(piece)
    unsent.clear()


def other(self: ConnectionHandler, command: commands.Command) -> None:
    """The stock handling of the commands that are neither data nor hooks."""
    match command:
        case commands.OpenConnection():
            opening = asyncio_utils.create_task(
                self.open_connection(command), name="open", keep_ref=False, client=self.client.peername
            )
            self.transports[command.connection] = ConnectionIO(handler=opening)
        case commands.RequestWakeup():
            timer = asyncio_utils.create_task(
                self.wakeup(command), name="wakeup", keep_ref=False, client=self.client.peername
            )
            self.wakeup_timer.add(timer)
        case commands.ConnectionCommand() if command.connection not in self.transports:
            pass  # The connection has already been closed.
        case commands.CloseTcpConnection():
            self.close_connection(command.connection, command.half_close)
        case commands.CloseConnection():
            self.close_connection(command.connection)
        case commands.Log():
            self.log(command.message, command.level)
        case _:
            raise RuntimeError(f"unexpected command {type(command).__name__}")

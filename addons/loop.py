"""The event loop of a proxy worker: it connects only where a verdict has approved a route, and shares its port."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import OrderedDict
from typing import Any

from gateway.settings import normal_host

MAX_ROUTES = 10_000
"""Most approved routes remembered; the oldest are forgotten and approved anew by the next request."""
CONNECT_S = 30.0
"""Longest wait for a server to take a connection; the kernel would try for two minutes, a browser stops after 20 to 30 s."""
BACKLOG = 512
"""Connections that wait to be accepted; with asyncio's 100 the clients of a burst would have to try again a second later."""


class Routes:
    """(host, port) as the client asked → (address, port) as resolved and judged."""

    only: tuple[str, int] | None = None
    """The next proxy, in mode `upstream`: nothing else can be approved then."""

    def __init__(self) -> None:
        self._approved: OrderedDict[tuple[str, int], tuple[str, int]] = OrderedDict()

    def approve(self, asked: tuple[str, int], target: tuple[str, int]) -> None:
        """Let connections to `asked` go to `target` and nowhere else; OSError for another than the next proxy."""
        if self.only is not None and asked != self.only:
            raise OSError(errno.EACCES, "only the next proxy may be connected to")
        self._approved[asked] = target
        self._approved.move_to_end(asked)
        if len(self._approved) > MAX_ROUTES:
            self._approved.popitem(last=False)

    def target(self, asked: tuple[str, int]) -> tuple[str, int]:
        """Where a connection to `asked` goes; raises OSError when no verdict has approved it."""
        try:
            return self._approved[asked]
        except KeyError:
            raise OSError(errno.EACCES, "no verdict has approved this destination") from None


class GatewayLoop(asyncio.SelectorEventLoop):
    """Resolving is done before the verdict, so that the address judged is the address connected to."""

    def __init__(self) -> None:
        super().__init__()
        self.routes = Routes()

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """A TCP connection to the approved target of (host, port)."""
        if host is not None:
            host, port = self.routes.target((normal_host(host), port))
        try:
            async with asyncio.timeout(CONNECT_S):
                return await super().create_connection(protocol_factory, host, port, **options)
        except TimeoutError:
            # The kernel's own has its words, and this is the same to whoever asked.
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """A listening socket that the other workers of this machine can listen on too."""
        own = {"reuse_port": True, "backlog": BACKLOG, **options}
        return await super().create_server(protocol_factory, host, port, **own)

"""mitmproxy with the hold in this process, and a decision that the test gives instead of the judge."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from mitmproxy import http
from mitmproxy.addons.core import Core
from mitmproxy.addons.disable_h2c import DisableH2C
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.master import Master
from mitmproxy.options import Options

from addons import patches
from addons.answer import last_resort
from addons.ca import ensure_ca
from addons.enforce import Enforce
from addons.held import Held, held_of
from addons.loop import GatewayLoop
from addons.opaque import Opaque
from gateway.findings import Action, Verdict
from gateway.spool import Spool
from tests.support.gateway import free_port
from tests.support.origin import Origin

type Decision = Callable[[http.HTTPFlow, Held], Awaitable[None]]


async def allow(_flow: http.HTTPFlow, held: Held) -> None:
    """A recorded verdict that lets through."""
    held.verdict, held.recorded = Verdict(Action.ALLOW), True


class Decide:
    """Calls the test's decision where the judge would be asked."""

    def __init__(self, decision: Decision, at_head: Decision | None) -> None:
        self.decision, self.at_head = decision, at_head
        self.drain = Enforce(None).sluice_drain  # type: ignore[arg-type]
        self.held: list[Held] = []

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        if self.at_head is not None:
            await self.at_head(flow, held_of(flow))

    async def request(self, flow: http.HTTPFlow) -> None:
        self.held.append(held_of(flow))
        await self.decision(flow, held_of(flow))

    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        flow.response.stream = True  # type: ignore[union-attr]

    async def sluice_drain(self, flow: http.HTTPFlow) -> None:
        await self.drain(flow)


class Unlisted:
    """Refuses what nobody can read, as the worker does when no list and no exception names it; keeps what it was told."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, int, str, str, int]] = []

    def refuse(
        self,
        client: object,
        host: str,
        port: int,
        *,
        protocol: str,
        reason: str,
        because: str = "",
        size_bytes: int = 0,
    ) -> str:
        self.refused.append((host, port, protocol, reason, size_bytes))
        return ""

    def lifted(self, *_: object, **__: object) -> None:
        return None

    def is_listed(self, *_: object) -> bool:
        return False

    def entry_for(self, _host: str) -> None:
        return None


@dataclass
class Engine:
    """`with Engine(folder, origin, decision) as engine`: a proxy on loopback whose every connection goes to the origin."""

    folder: Path
    origin: Origin
    decision: Decision = allow
    at_head: Decision | None = None
    max_body_bytes: int = 64 * 1024 * 1024
    http2: bool = True
    patched: bool = True

    def __enter__(self) -> Engine:
        self.port = free_port()
        (self.folder / "spool").mkdir(exist_ok=True)
        self.ca = ensure_ca(self.folder / "ca")
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        proxy = self.master.addons.get("proxyserver")
        asyncio.run_coroutine_threadsafe(proxy.servers.update([]), self.loop).result(10)
        self.master.shutdown()
        self._thread.join(20)
        patches.uninstall()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=GatewayLoop) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, GatewayLoop)
            loop.routes.target = lambda _asked: ("127.0.0.1", self.origin.port)  # type: ignore[method-assign]
            self.loop = loop
            runner.run(self._serve())

    async def _serve(self) -> None:
        if self.patched:
            spools = str(self.folder / "spool")
            patches.install(new_spool=lambda: Spool(spools), max_body_bytes=self.max_body_bytes, refuse=last_resort)
        self.master = Master(Options())
        self.unread = Unlisted()
        self.decide = Decide(self.decision, self.at_head)
        self.master.addons.add(
            Core(),
            Proxyserver(),
            NextLayer(),
            Opaque(self.unread, self.unread),
            TlsConfig(),
            DisableH2C(),
            self.decide,
            self,
        )
        self.master.options.update(
            listen_host="127.0.0.1",
            listen_port=self.port,
            confdir=str(self.folder / "ca"),
            ssl_verify_upstream_trusted_ca=str(self.origin.ca),
            connection_strategy="lazy",
            rawtcp=False,
            http2=self.http2,
        )
        await self.master.run()

    def running(self) -> None:
        self._started.set()

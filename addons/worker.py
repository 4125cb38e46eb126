"""Composition of one proxy worker: mitmproxy's Master built in code, the addons as a literal list."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi
import structlog
from mitmproxy.addons.core import Core
from mitmproxy.addons.disable_h2c import DisableH2C
from mitmproxy.addons.errorcheck import ErrorCheck
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.master import Master
from mitmproxy.options import Options

from addons import patches
from addons.answer import last_resort
from addons.door import Door
from addons.enforce import Enforce
from addons.identify import ip_of
from addons.judge import Judge
from addons.opaque import Opaque
from addons.parent import Parent
from addons.passthrough import Passthrough
from addons.patience import Patience
from addons.proxy_tls import ProxyTls
from addons.socks import Socks
from addons.tenants import Tenants
from addons.tunnel import Tunnel
from addons.unread import Unread
from addons.websocket import WebSockets
from gateway.destinations.tenant_headers import TenantHeaders
from gateway.errors import StartError
from gateway.identity.backoff import source_of
from gateway.setting_values import parent_of
from gateway.settings import Settings
from gateway.spool import Spool
from metrics import catalogue as metrics

DRAIN_S = 25.0
"""Longest wait for open uploads after SIGTERM; below the supervisor's own patience."""
DRAIN_POLL_S = 0.1
COLLECT_OBJECTS = 10_000
"""New objects between two looks for cycles of them; with the bodies in the spool a few megabytes."""

log = structlog.get_logger()


@dataclass
class Ready:
    """Tells the supervisor that the port is open."""

    descriptor: int

    def running(self) -> None:
        """All addons run and the port is bound."""
        if self.descriptor >= 0:
            with contextlib.suppress(OSError), os.fdopen(self.descriptor, "wb") as pipe:
                pipe.write(b"1")
            self.descriptor = -1


def build_master(settings: Settings, judge: Judge, *, ready_fd: int = -1, login: str = "") -> Master:
    """The Master of a worker; raises StartError when mitmproxy is not the version the hold was built on.

    `login` is `NAME:PASSWORD` for the next proxy, in mode `upstream`.
    """
    spool_dir = str(settings.state_dir / "spool")
    patches.install(
        new_spool=lambda: Spool(spool_dir),
        max_body_bytes=settings.limits.max_body_bytes,
        max_message_bytes=settings.limits.max_websocket_message_bytes,
        quota_of=lambda client: judge.shares.quota(source_of(ip_of(client))),
        refuse=last_resort,
    )
    unread = Unread(judge)
    passthrough = Passthrough(judge, unread)
    master = Master(Options())
    master.addons.add(
        Core(),
        Proxyserver(),
        NextLayer(),
        Opaque(unread, passthrough, speaks_tls=settings.tls.to_proxy),
        ProxyTls(settings.tls),
        TlsConfig(),
        DisableH2C(),
        judge.identify,
        *([Socks(judge.identify)] if settings.mode == "socks5" else []),
        Tunnel(unread),
        unread,
        passthrough,
        Enforce(judge),
        Door(settings.limits.max_connections_per_address),
        Patience(settings.limits.slow_head_s, settings.limits.slow_body_s),
        Tenants(judge, TenantHeaders(judge.resolver.catalogue.tenant_headers, settings.tenants.values())),
        WebSockets(judge, settings.limits),
        *([Parent(login)] if parent_of(settings.mode) else []),
        ErrorCheck(),
        Ready(ready_fd),
    )
    master.options.update(**engine_options(settings))
    return master


def engine_options(settings: Settings) -> dict[str, Any]:
    """Mitmproxy's options; what could stream, ignore or pass bytes unread is off and stays off."""
    return {
        "mode": [settings.mode],
        # asyncio binds an IPv6 socket for IPv6 alone, and both families for no name at all.
        "listen_host": "" if settings.listen.host == "::" else settings.listen.host,
        "listen_port": settings.listen.port,
        "confdir": str(settings.tls.ca_dir),
        "ssl_verify_upstream_trusted_ca": str(trust_bundle(settings)),
        "http2": settings.http2,
        "connection_strategy": "lazy",
        "rawtcp": False,
        "websocket": True,
        "validate_inbound_headers": True,
        "stream_large_bodies": None,
        "store_streamed_bodies": False,
        "ignore_hosts": [],
        "allow_hosts": [],
        "tcp_hosts": [],
        "udp_hosts": [],
    }


def trust_bundle(settings: Settings) -> Path:
    """Path of one PEM file with the public trust anchors and the extra ones of the settings."""
    if not settings.upstream.trusted_ca:
        return Path(certifi.where())
    texts = [Path(certifi.where()).read_text("ascii")]
    for path in settings.upstream.trusted_ca:
        text = path.read_text("ascii")
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise StartError(f"{path}: upstream.trusted_ca needs a PEM certificate; this file has none")
        texts.append(text)
    bundle = settings.state_dir / "run" / "trust.pem"
    content = "\n".join(texts)
    if not bundle.exists() or bundle.read_text("ascii") != content:
        aside = bundle.with_suffix(f".{time.monotonic_ns()}")
        aside.write_text(content, "ascii")
        aside.replace(bundle)
    return bundle


class EngineLog(logging.Handler):
    """mitmproxy's log holds addresses and bytes of requests, so only the kind of its errors is kept."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line without the message."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        log.error("engine error", logger=record.name, line=record.lineno, kind=kind)


def quiet_engine() -> None:
    """Send every stdlib log of ERROR and above to structlog without its text, and drop the rest."""
    root = logging.getLogger()
    root.handlers[:] = [EngineLog(logging.ERROR)]
    root.setLevel(logging.ERROR)


def settle_garbage() -> None:
    """Take what is there at the start for permanent, and look for cycles of the rest less often.

    Every request leaves cycles of some hundred objects in mitmproxy's layers; a collection at each seventh request costs a
    twentieth of all CPU, one at each thirtieth next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_OBJECTS, *gc.get_threshold()[1:])


async def serve(settings: Settings, judge: Judge, *, ready_fd: int, reload: Any, login: str = "") -> None:
    """Run a worker until SIGTERM, then stop listening and wait for open uploads."""
    master = build_master(settings, judge, ready_fd=ready_fd, login=login)
    quiet_engine()
    settle_garbage()
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    reloads = (reload, judge.identify.reload, master.addons.get("proxytls").reload)
    loop.add_signal_handler(signal.SIGHUP, lambda: [again() for again in reloads])
    running = asyncio.create_task(master.run())
    tending = asyncio.create_task(judge.uploads.tend())
    running.add_done_callback(lambda _: tending.cancel())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([running, stop], return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        await drain(master, judge)
        master.shutdown()
    stop.cancel()
    try:
        await running
    finally:
        judge.gathered().flush()


async def drain(master: Master, judge: Judge) -> None:
    """Stop listening, refuse what is new on open connections, and wait for what is open."""
    proxy = master.addons.get("proxyserver")
    await proxy.servers.update([])
    judge.draining = True
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline and metrics.OPEN_TRANSFERS._value.get() > 0:  # noqa: SLF001 - no public reader
        await asyncio.sleep(DRAIN_POLL_S)


def fail(message: str) -> int:
    """Print one sentence for the supervisor to show, and the exit code of a start that failed."""
    sys.stderr.write(message + "\n")
    return 1

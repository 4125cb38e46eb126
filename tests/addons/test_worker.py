"""One worker: the addons are a literal list, nothing may stream or pass unread, trust is the public one and the extra."""

import asyncio
import gc
import json
import logging
import os
import threading
from types import SimpleNamespace

import certifi
import pytest
import trustme
from mitmproxy.options import Options

from addons import patches
from addons.hold import HoldStream
from addons.worker import (
    DRAIN_S,
    EngineLog,
    Ready,
    build_master,
    drain,
    engine_options,
    fail,
    quiet_engine,
    settle_garbage,
    trust_bundle,
)
from gateway.config import load_settings
from gateway.errors import StartError
from gateway.supervisor import STOP_S
from metrics import catalogue as metrics
from tests.support.gateway import free_port


def settings(tmp_path, **given):
    (tmp_path / "state" / "run").mkdir(parents=True, exist_ok=True)
    (tmp_path / "state" / "spool").mkdir(exist_ok=True)
    config = tmp_path / "sluice.yaml"
    config.write_text(json.dumps({"state_dir": "state", "listen": f"127.0.0.1:{free_port()}", **given}), "utf-8")
    return load_settings(str(config), {})


class Judge:
    """What the Master needs of a judge before any request: its identify addon, and headers of the catalogue."""

    identify = type("Identify", (), {})()
    resolver = SimpleNamespace(catalogue=SimpleNamespace(tenant_headers=()))
    draining = False


async def test_master_has_these_addons_and_no_other(tmp_path):
    master = build_master(settings(tmp_path), Judge())
    try:
        names = [type(addon).__name__ for addon in master.addons.chain]
        assert names == [
            "Core", "Proxyserver", "NextLayer", "Opaque", "ProxyTls", "TlsConfig", "DisableH2C", "Identify", "Tunnel", "Unread", "Passthrough", "Enforce", "Door", "Patience", "Tenants", "WebSockets", "ErrorCheck", "Ready",
        ]  # fmt: skip
        assert master.options.stream_large_bodies is None
        assert (master.options.rawtcp, master.options.websocket, master.options.connection_strategy) == (
            False,
            True,
            "lazy",
        )
        assert HoldStream.max_body_bytes == 512 * 1024 * 1024
        assert HoldStream.new_spool().directory == str(tmp_path / "state" / "spool")
    finally:
        patches.uninstall()
        master.addons.get("errorcheck").finish()
        master._legacy_log_events.uninstall()


@pytest.mark.parametrize(
    ("mode", "extra"),
    [("transparent", []), ("socks5", ["Socks"]), ("upstream:http://proxy.example:3128", ["Parent"])],
)
async def test_modes_add_what_they_need_and_drop_nothing(tmp_path, mode, extra):
    judge = Judge()
    judge.identify.asks = False
    master = build_master(settings(tmp_path, mode=mode), judge, login="gate:hunter2")
    try:
        names = [type(addon).__name__ for addon in master.addons.chain]
        assert [name for name in names if name not in extra] == [
            "Core", "Proxyserver", "NextLayer", "Opaque", "ProxyTls", "TlsConfig", "DisableH2C", "Identify", "Tunnel", "Unread", "Passthrough", "Enforce", "Door", "Patience", "Tenants", "WebSockets", "ErrorCheck", "Ready",
        ]  # fmt: skip
        assert [name for name in names if name in extra] == extra
        # A login must not be there yet when the request is inspected.
        assert "Parent" not in names or names.index("Parent") > names.index("Enforce")
        assert master.options.mode == [mode]
    finally:
        patches.uninstall()
        master.addons.get("errorcheck").finish()
        master._legacy_log_events.uninstall()


@pytest.mark.parametrize(
    ("listen", "host"), [("[::]:8080", ""), ("0.0.0.0:8080", "0.0.0.0"), ("[2001:db8::1]:8080", "2001:db8::1")]
)
def test_unspecified_ipv6_address_is_both_families(tmp_path, listen, host):
    assert engine_options(settings(tmp_path, listen=listen))["listen_host"] == host


def test_options_leave_nothing_that_passes_unread(tmp_path):
    options = engine_options(settings(tmp_path))
    assert [options[name] for name in ("ignore_hosts", "allow_hosts", "tcp_hosts", "udp_hosts")] == [[], [], [], []]
    known = Options().keys() | {
        "connection_strategy",
        "validate_inbound_headers",
        "stream_large_bodies",
        "store_streamed_bodies",
    }
    assert options.keys() <= known


def test_trust_is_the_public_one(tmp_path):
    assert str(trust_bundle(settings(tmp_path))) == certifi.where()


def test_extra_trust_is_added_once(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "extra.pem"))
    made = settings(tmp_path, upstream={"trusted_ca": ["extra.pem"]})
    first = trust_bundle(made)
    text = first.read_text("ascii")
    assert authority.cert_pem.bytes().decode() in text
    assert text.count("BEGIN CERTIFICATE") > 100
    stamp = first.stat().st_mtime_ns
    assert trust_bundle(made).stat().st_mtime_ns == stamp


def test_extra_trust_without_a_certificate_is_one_sentence(tmp_path):
    (tmp_path / "extra.pem").write_text("hello", "ascii")
    with pytest.raises(StartError, match=r"extra\.pem: upstream\.trusted_ca needs a PEM certificate"):
        trust_bundle(settings(tmp_path, upstream={"trusted_ca": ["extra.pem"]}))


def test_ready_says_so_once():
    read, write = os.pipe()
    ready = Ready(write)
    ready.running()
    ready.running()
    assert os.read(read, 10) == b"1"
    os.close(read)
    Ready(-1).running()


def test_engine_log_keeps_the_kind_only(capsys):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        quiet_engine()
        assert [type(handler) for handler in root.handlers] == [EngineLog]
        try:
            raise ValueError("11010519491231002X")
        except ValueError:
            logging.getLogger("mitmproxy.proxy.server").exception("crashed on 11010519491231002X")
        logging.getLogger("mitmproxy").info("client said 11010519491231002X")
        logging.getLogger("mitmproxy").error("plain 11010519491231002X")
    finally:
        root.handlers[:], root.level = before
    said = "".join(capsys.readouterr())
    assert "ValueError" in said
    assert "11010519491231002X" not in said


async def test_drain_waits_for_open_uploads():
    class Servers:
        updates: list = []  # noqa: RUF012

        async def update(self, modes):
            self.updates.append(modes)

    class Master:
        addons = {"proxyserver": type("P", (), {"servers": Servers()})()}  # noqa: RUF012

    # The gauge is the process's own, and other tests leave requests open in it.
    metrics.OPEN_TRANSFERS.set(1)
    threading.Timer(0.2, metrics.OPEN_TRANSFERS.dec).start()
    judge = Judge()
    await asyncio.wait_for(drain(Master(), judge), 5)
    assert (Servers.updates, judge.draining) == ([[]], True)


async def test_drain_ends_though_an_upload_does_not(monkeypatch):
    class Servers:
        async def update(self, modes):
            assert modes == []

    class Master:
        addons = {"proxyserver": type("P", (), {"servers": Servers()})()}  # noqa: RUF012

    monkeypatch.setattr("addons.worker.DRAIN_S", 0.2)
    metrics.OPEN_TRANSFERS.set(1)
    try:
        await asyncio.wait_for(drain(Master(), Judge()), 5)
    finally:
        metrics.OPEN_TRANSFERS.set(0)


def test_patience_of_the_supervisor_is_longer_than_a_drain():
    assert STOP_S["worker"] > DRAIN_S


def test_fail_is_a_sentence_and_one(capsys):
    assert fail("no port") == 1
    assert capsys.readouterr().err == "no port\n"


def test_what_is_there_at_the_start_is_not_looked_at_again():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        settle_garbage()
        assert gc.get_freeze_count() > frozen + 1000
        assert gc.get_threshold() == (10_000, *before[1:])
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

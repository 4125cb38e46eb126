"""The hold, with real clients and a real origin: nothing leaves without a recorded verdict that lets through."""

import asyncio
import contextlib
import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.connection import ConnectionState

from addons.answer import response_of
from addons.held import Held
from gateway.findings import Action, Verdict
from tests.support.engine import Engine, allow
from tests.support.origin import Origin
from tests.support.waiting import eventually

SMALL = b"hello " * 100
LARGE = os.urandom(1 << 20) * 5
VERSIONS = [pytest.param("--http1.1", id="http1"), pytest.param("--http2", id="http2")]


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path, alpn=("h2", "http/1.1")) as origin:
        yield origin


def curl(
    engine: Engine, body: bytes, *options: str, stdin: bool = False
) -> tuple[str, str, subprocess.CompletedProcess]:
    """Status, body and process of one upload with curl."""
    path = engine.folder / "upload.bin"
    path.write_bytes(body)
    data = "-" if stdin else str(path)
    command = ["curl", "-sS", "-x", f"http://127.0.0.1:{engine.port}", "--cacert", str(engine.ca), "--max-time", "60"]
    command += ["-w", "\n%{http_code} %{size_upload}", "-T", data, *options, "https://localhost/upload"]
    done = subprocess.run(command, input=body if stdin else None, capture_output=True, check=False)
    text, _, tail = done.stdout.decode().rpartition("\n")
    return tail.split(" ")[0], text, done


def open_files() -> list[str]:
    """What this process has open, beside the pipes and sockets of the event loops themselves."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return sorted(found)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("body", "options", "stdin"),
    [
        pytest.param(b"", (), False, id="empty"),
        pytest.param(SMALL, (), False, id="in-memory"),
        pytest.param(LARGE, (), False, id="on-disk"),
        pytest.param(LARGE, (), True, id="chunked"),
        pytest.param(LARGE, ("-H", "Expect: 100-continue"), False, id="expect"),
    ],
)
def test_allowed_body_arrives_byte_exact(tmp_path, origin, version, body, options, stdin):
    with Engine(tmp_path, origin) as engine:
        status, _, done = curl(engine, body, version, *options, stdin=stdin)
    assert (status, done.returncode) == ("200", 0), done.stderr
    assert [(seen.bytes, seen.sha256, seen.complete) for seen in origin.requests] == [
        (len(body), hashlib.sha256(body).hexdigest(), True)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_origin_sees_nothing_before_the_verdict(tmp_path, origin, version):
    seen = []

    async def look_then_allow(flow: http.HTTPFlow, held: Held) -> None:
        seen.append((origin.connections, len(origin.requests), held.spool.size_bytes))
        await allow(flow, held)

    with Engine(tmp_path, origin, look_then_allow) as engine:
        assert curl(engine, LARGE, version)[0] == "200"
    assert seen == [(0, 0, len(LARGE))]


async def raising(_flow: http.HTTPFlow, _held: Held) -> None:
    raise RuntimeError("a fault of ours")


async def silent(_flow: http.HTTPFlow, _held: Held) -> None:
    """A hook that forgets to decide."""


async def cancelled(_flow: http.HTTPFlow, _held: Held) -> None:
    raise asyncio.CancelledError


async def unrecorded(_flow: http.HTTPFlow, held: Held) -> None:
    held.verdict = Verdict(Action.ALLOW)


async def blocked(_flow: http.HTTPFlow, held: Held) -> None:
    held.verdict, held.recorded = Verdict(Action.BLOCK), True


async def on_hold(_flow: http.HTTPFlow, held: Held) -> None:
    held.verdict, held.recorded = Verdict(Action.HOLD), True


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("decision", [raising, silent, unrecorded, blocked, on_hold])
def test_without_a_recorded_yes_nothing_leaves(tmp_path, origin, version, decision):
    with Engine(tmp_path, origin, decision) as engine:
        status, text, _ = curl(engine, LARGE, version)
    assert (status, '"title":"blocked"' in text) == ("403", True)
    assert (origin.connections, origin.requests) == (0, [])


def test_cancelled_hook_forwards_nothing(tmp_path, origin):
    with Engine(tmp_path, origin, cancelled) as engine:
        status, _, done = curl(engine, SMALL, "--max-time", "3")
        assert (status, done.returncode) != ("200", 0)
    assert (origin.connections, origin.requests) == (0, [])


async def too_large_at_head(flow: http.HTTPFlow, held: Held) -> None:
    if int(flow.request.headers.get("content-length", 0)) > 1000:
        held.refusal = response_of(413, (("x-sluice-verdict", "block"),), b"too large")


@pytest.mark.parametrize("version", VERSIONS)
def test_declared_length_is_refused_before_the_body_is_asked_for(tmp_path, origin, version):
    with Engine(tmp_path, origin, at_head=too_large_at_head) as engine:
        options = ("--expect100-timeout", "30", "-w", "\n%{http_code} %{size_upload}")
        status, text, done = curl(engine, LARGE, version, "-H", "Expect: 100-continue", *options)
    uploaded = int(done.stdout.decode().rpartition(" ")[2])
    assert (status, text) == ("413", "too large")
    # Over HTTP/2 curl sends without waiting for permission, so some of it is on its way when the answer comes.
    assert uploaded < (200_000 if version == "--http1.1" else len(LARGE))
    assert origin.connections == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_early_refusal_leaves_the_connection_usable(tmp_path, origin, version):
    with Engine(tmp_path, origin, at_head=too_large_at_head) as engine:
        (tmp_path / "a").write_bytes(b"x" * 50_000)
        (tmp_path / "b").write_bytes(b"y" * 10)
        common = ["--cacert", str(engine.ca), version, "-x", f"http://127.0.0.1:{engine.port}", "-s", "-H", "Expect:"]
        command = ["curl", *common, "--data-binary", f"@{tmp_path}/a", "-w", " %{http_code}\n", "https://localhost/1"]
        command += ["--next", *common, "--data-binary", f"@{tmp_path}/b", "-w", " %{http_code}\n", "-o", "/dev/null"]
        done = subprocess.run([*command, "https://localhost/2"], capture_output=True, check=False, timeout=60)
    assert done.stdout.decode().split() == ["too", "large", "413", "200"], done.stderr
    assert [seen.path for seen in origin.requests] == ["/2"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stdin", [False, True], ids=["declared", "counted"])
def test_counted_length_over_the_limit_is_refused(tmp_path, origin, version, stdin):
    with Engine(tmp_path, origin, silent, max_body_bytes=1 << 20) as engine:
        status, _, _ = curl(engine, LARGE, version, stdin=stdin)
        assert [held.too_large for held in engine.decide.held] == [True]
    assert status == "403"
    assert origin.connections == 0


def test_limit_is_inclusive(tmp_path, origin):
    with Engine(tmp_path, origin, max_body_bytes=len(LARGE)) as engine:
        assert curl(engine, LARGE)[0] == "200"


@pytest.mark.parametrize("version", VERSIONS)
def test_slow_origin_makes_the_pump_wait(tmp_path, version):
    with Origin(tmp_path, alpn=("h2", "http/1.1"), read_delay_s=0.002) as origin, Engine(tmp_path, origin) as engine:
        status, _, done = curl(engine, LARGE, version)
        assert status == "200", done.stderr
        assert origin.requests[0].sha256 == hashlib.sha256(LARGE).hexdigest()


def test_broken_disk_is_refused(tmp_path, origin):
    with Engine(tmp_path, origin, silent) as engine:
        (tmp_path / "spool").rmdir()
        status, _, _ = curl(engine, LARGE)
        assert [held.spool_failed for held in engine.decide.held] == [True]
    assert (status, origin.connections) == ("403", 0)


def test_client_gone_while_the_verdict_is_awaited(tmp_path, origin):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def wait(flow: http.HTTPFlow, held: Held) -> None:
        started.set()
        await go_on.wait()
        await allow(flow, held)

    with Engine(tmp_path, origin, wait) as engine:
        before = open_files()
        (tmp_path / "f").write_bytes(LARGE)
        command = [
            "curl",
            "-sS",
            "-x",
            f"http://127.0.0.1:{engine.port}",
            "--cacert",
            str(engine.ca),
            "-T",
            str(tmp_path / "f"),
        ]
        client = subprocess.Popen([*command, "https://localhost/u"], stderr=subprocess.DEVNULL)
        asyncio.run_coroutine_threadsafe(started.wait(), engine.loop).result(20)
        proxy = engine.master.addons.get("proxyserver")
        (handler,) = proxy.connections.values()
        client.kill()
        client.wait()
        eventually(lambda: not handler.client.state & ConnectionState.CAN_READ)
        engine.loop.call_soon_threadsafe(go_on.set)
        eventually(lambda: not proxy.connections)
        eventually(lambda: open_files() == before)
    assert (origin.connections, origin.requests) == (0, [])


def test_spool_files_have_no_name(tmp_path, origin):
    names: list[list[Path]] = []

    async def look(flow: http.HTTPFlow, held: Held) -> None:
        names.append(list((tmp_path / "spool").iterdir()))
        await allow(flow, held)

    with Engine(tmp_path, origin, look) as engine:
        curl(engine, LARGE)
    assert names == [[]]

"""The hooks: every error leaves the refusal in place, is counted and, where it can be, recorded."""

import asyncio
import json
import socket
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.test import taddons, tflow, tutils

from addons import enforce as module
from addons.enforce import Enforce, declared_bytes
from addons.held import HELD, Held
from addons.judge import Judge
from addons.loop import Routes
from addons.resolve import Resolver
from addons.senders import build_identify
from addons.shares import Shares
from addons.uploads import Uploads
from gateway.config import load_settings
from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.geo import Geo
from gateway.identity.backoff import Backoff
from gateway.identity.memory import LoginMemory
from gateway.identity.passwords import Passwords
from gateway.identity.verifier import Verifier
from gateway.inspectors.client import InspectorClient
from gateway.inspectors.slots import Slots
from gateway.limits import Limits
from gateway.policy.load import load_policy
from gateway.records.journal import Journal
from gateway.spool import Spool
from metrics import catalogue as metrics


@pytest.fixture
def enforce(tmp_path):
    config = tmp_path / "sluice.yaml"
    config.write_text(json.dumps({"upstream": {"connect_to": {"*:443": "127.0.0.1:9"}}}), "utf-8")
    settings = load_settings(str(config), {})
    journal = Journal.open(tmp_path / "journal", node="n", worker="0", version="0", now=lambda: datetime.now(UTC))
    policy, uploads = load_policy(None), Uploads.open(tmp_path / "uploads", Limits(), lambda _: False)
    yield Enforce(
        Judge(
            resolver=Resolver(settings, load_catalogue(settings.catalogue), Geo.open(None)),
            identify=build_identify(settings),
            identity_required=False,
            policy=lambda: policy,
            inspectors=InspectorClient(str(tmp_path / "nobody.sock"), 1),
            slots=Slots(tmp_path, 1),
            journal=journal,
            routes=Routes(),
            uploads=uploads,
            node="n",
        )
    )
    uploads.close()
    journal.close()


def make(tmp_path, body: bytes = b"hello", **headers: str):
    fields = [(b"Host", b"upload.example.com"), *((k.encode(), v.encode()) for k, v in headers.items())]
    request = tutils.treq(
        host="upload.example.com", port=443, scheme=b"https", authority=b"", method=b"PUT", path=b"/n",
        headers=http.Headers(fields), content=b"",
    )  # fmt: skip
    made = tflow.tflow(req=request)
    made.client_conn.sni = "upload.example.com"
    held = Held(spool=Spool(str(tmp_path)), max_body_bytes=1 << 30)
    held.spool.write(body)
    made.metadata[HELD] = held
    return made, held


def failures(part: str) -> float:
    return metrics.FAILURES.labels(part=part)._value.get()


def open_transfers() -> float:
    return metrics.OPEN_TRANSFERS._value.get()


def journal_lines(tmp_path) -> list[dict]:
    return [
        json.loads(line) for file in (tmp_path / "journal").glob("*.jsonl") for line in file.read_text().splitlines()
    ]


async def test_no_inspector_is_a_recorded_refusal(enforce, tmp_path):
    flow, held = make(tmp_path)
    before = open_transfers()
    await enforce.requestheaders(flow)
    await enforce.request(flow)
    assert (held.refusal.status_code, held.may_leave, open_transfers()) == (403, False, before + 1)
    assert [line["kind"] for line in journal_lines(tmp_path)] == ["open", "verdict", "outcome"]
    enforce.response(flow)
    enforce.response(flow)
    assert open_transfers() == before


async def test_no_journal_is_a_counted_refusal(enforce, tmp_path):
    flow, held = make(tmp_path)
    enforce.judge.journal.close()
    before = failures("journal")
    await enforce.requestheaders(flow)
    await enforce.request(flow)
    assert (held.refusal.status_code, held.may_leave) == (403, False)
    assert b"gateway.not-recorded" in held.refusal.raw_content
    assert failures("journal") > before


async def test_fault_of_ours_is_a_refusal(enforce, tmp_path):
    flow, held = make(tmp_path)
    before = failures("judge")
    await enforce.requestheaders(flow)
    enforce.judge.resolver = None
    await enforce.request(flow)
    assert (held.refusal.status_code, held.may_leave, failures("judge")) == (403, False, before + 1)


async def test_fault_at_the_head_is_a_refusal(enforce, tmp_path):
    flow, held = make(tmp_path)
    enforce.judge.resolver = None
    await enforce.requestheaders(flow)
    assert (held.refusal.status_code, held.may_leave) == (403, False)
    # The refusal stands; the body is not even looked at.
    await enforce.request(flow)
    assert held.verdict.grounds[0].rule == "gateway.not-inspected"


async def test_request_that_was_never_opened_is_refused(enforce, tmp_path):
    flow, held = make(tmp_path)
    await enforce.request(flow)
    assert (held.refusal.status_code, held.may_leave) == (403, False)


async def test_cancelled_hook_is_a_refusal(enforce, tmp_path):
    flow, held = make(tmp_path)
    await enforce.requestheaders(flow)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "nobody.sock"))
    listener.listen()
    enforce.judge.inspectors = InspectorClient(str(tmp_path / "nobody.sock"), 60)
    task = asyncio.create_task(enforce.request(flow))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert (held.refusal.status_code, held.may_leave) == (403, False)
    listener.close()


async def test_head_is_refused_and_recorded_at_once(enforce, tmp_path):
    flow, held = make(tmp_path, b"", Upgrade="websocket")
    await enforce.requestheaders(flow)
    assert (held.refusal.status_code, held.recorded) == (403, True)
    assert [line["kind"] for line in journal_lines(tmp_path)] == ["open", "verdict", "outcome"]


async def test_login_is_asked_before_anything_else(enforce, tmp_path):
    memory = LoginMemory(key=b"k", ttl_s=1, clock=time.monotonic)
    passwords = Passwords({}, key=b"k")
    enforce.judge.identify.verifier = Verifier(passwords, memory=memory, backoff=Backoff(time.monotonic), threads=1)
    flow, held = make(tmp_path)
    await enforce.requestheaders(flow)
    assert held.refusal.status_code == 407


async def test_client_gone_before_the_verdict_is_recorded_as_aborted(enforce, tmp_path):
    flow, held = make(tmp_path)
    await enforce.requestheaders(flow)
    await enforce.error(flow)
    kinds = [(line["kind"], line["body"].get("outcome")) for line in journal_lines(tmp_path)]
    assert kinds[1:] == [("verdict", None), ("outcome", "aborted")]
    assert held.aborted


async def test_client_gone_without_a_journal_is_counted(enforce, tmp_path):
    flow, _ = make(tmp_path)
    await enforce.requestheaders(flow)
    enforce.judge.journal.close()
    before = failures("journal")
    await enforce.error(flow)
    assert failures("journal") > before


async def test_flows_the_layer_did_not_make_are_left_alone(enforce):
    flow = tflow.tflow(resp=True)
    flow.error = mitm_flow.Error("x")
    for hook in (enforce.requestheaders, enforce.request, enforce.error):
        await hook(flow)
    enforce.responseheaders(flow)
    assert flow.response.stream is False


async def test_response_streams(enforce, tmp_path):
    flow, _ = make(tmp_path)
    enforce.responseheaders(flow)
    flow.response = http.Response.make(200)
    enforce.responseheaders(flow)
    assert flow.response.stream is True


async def test_drain_of_a_connection_that_is_gone_aborts(enforce, tmp_path):
    flow, held = make(tmp_path)

    class Proxyserver:
        connections: dict = {}  # noqa: RUF012

    with taddons.context(Proxyserver()):
        await enforce.sluice_drain(flow)
    assert held.aborted


@pytest.mark.parametrize(("text", "expected"), [("12", 12), ("", 0), ("+1", 0), ("٣", 0)])
def test_declared_bytes(tmp_path, text, expected):
    flow, _ = make(tmp_path)
    flow.request.headers["content-length"] = text
    assert declared_bytes(flow) == expected


async def test_head_that_the_engine_refuses_is_counted_and_never_open(enforce, tmp_path):
    flow, _ = make(tmp_path)
    flow.error = mitm_flow.Error("two readings")
    open_before = open_transfers()
    refused = metrics.REFUSED_CONNECTIONS.labels(reason="malformed-head")
    before = refused._value.get()
    await enforce.requestheaders(flow)
    await enforce.error(flow)
    assert (open_transfers() - open_before, refused._value.get() - before) == (0, 1)


async def test_address_with_too_many_requests_is_told_to_wait(enforce, tmp_path):
    enforce.judge.shares = Shares(Limits(max_open_per_address=1))
    counter = metrics.REFUSED_CONNECTIONS.labels(reason="address-requests")
    before = counter._value.get()
    (first, one), (second, two) = make(tmp_path), make(tmp_path)
    await enforce.requestheaders(first)
    await enforce.requestheaders(second)
    assert (one.refusal, two.refusal.status_code, two.refusal.headers["retry-after"]) == (None, 429, "5")
    assert (two.may_leave, two.transfer) == (False, None)
    assert counter._value.get() == before + 1
    # It is over when the exchange is, and what was refused took nothing.
    enforce.response(second)
    enforce.response(first)
    third, held = make(tmp_path)
    await enforce.requestheaders(third)
    assert held.refusal is None


async def test_inspection_without_a_client_still_counts(enforce, tmp_path):
    enforce.judge.shares = Shares(Limits(max_open_per_address=1))
    flow, held = make(tmp_path)
    await enforce.requestheaders(flow)
    go_on = asyncio.Event()
    enforce.judge.resolver = SlowResolver(go_on)
    judging = asyncio.create_task(enforce.request(flow))
    await asyncio.sleep(0)
    enforce.closed(flow)
    assert enforce.judge.shares.begin("127.0.0.1") is None
    go_on.set()
    await judging
    assert enforce.judge.shares.begin("127.0.0.1") is not None
    assert not held.may_leave


class SlowResolver:
    """Waits, and then knows nothing."""

    def __init__(self, go_on: asyncio.Event) -> None:
        self.go_on = go_on

    async def locate(self, *_arguments):
        await self.go_on.wait()
        raise OSError


async def test_slow_body_is_recorded_as_such(enforce, tmp_path):
    flow, held = make(tmp_path)
    await enforce.requestheaders(flow)
    held.slow = True
    await enforce.error(flow)
    (verdict,) = [line["body"] for line in journal_lines(tmp_path) if line["kind"] == "verdict"]
    assert "too slowly" in json.dumps(verdict)


async def test_uploads_that_wait_for_one_server_do_not_all_look(enforce, tmp_path, monkeypatch):
    """Each look walks all layers of the connection; twenty that looked at once would take twenty times as much."""
    looks = []

    def unsent(_top, _connection):
        looks.append(1)
        return 2 << 20 if len(looks) < 10 else 0

    monkeypatch.setattr(module, "unsent_bytes", unsent)
    flow, held = make(tmp_path)
    with taddons.context() as context:
        proxy = SimpleNamespace(connections={flow.client_conn.id: SimpleNamespace(transports={}, layer=None)})
        monkeypatch.setattr(context.master.addons, "get", lambda _name: proxy)
        await asyncio.gather(*(enforce.sluice_drain(flow) for _ in range(20)))
    assert not held.aborted
    assert len(looks) == 10 + 19

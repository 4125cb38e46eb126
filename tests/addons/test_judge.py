"""One held request → a recorded verdict, with real inspectors, a real journal and the shipped policy."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils
from pytest import param

from addons.held import Held
from addons.judge import Judge, now
from addons.loop import Routes
from addons.resolve import Resolver
from addons.senders import build_identify
from addons.uploads import Uploads
from gateway.config import load_settings
from gateway.destinations.catalogue import load_catalogue
from gateway.destinations.geo import Geo
from gateway.errors import InspectorError, RecordError
from gateway.findings import Action
from gateway.inspectors.client import InspectorClient
from gateway.inspectors.slots import Slots
from gateway.limits import MIB, Limits
from gateway.policy.load import load_policy
from gateway.records.journal import Journal
from gateway.spool import Spool
from metrics import catalogue as metrics
from tests.support.waiting import eventually

ID = b"11010519491231002X"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judge")
    config = folder / "sluice.yaml"
    routes = {"upload.example.com:443": "127.0.0.1:9", "qyapi.weixin.qq.com:443": "127.0.0.1:9"}
    config.write_text(
        json.dumps({"state_dir": "state", "inspectors": {"workers": 1}, "upstream": {"connect_to": routes}})
    )
    (folder / "state" / "run").mkdir(parents=True)
    (folder / "state" / "spool").mkdir()
    command = [sys.executable, "-m", "gateway.inspectors", "--config", str(config)]
    with (folder / "pool.log").open("wb") as log:
        pool = subprocess.Popen(command, stderr=log)
    made = load_settings(str(config), {})
    client = InspectorClient(str(folder / "state" / "run" / "inspectors.sock"), 20)

    def up() -> bool:
        assert pool.poll() is None, (folder / "pool.log").read_text()
        try:
            return asyncio.run(client.ping()).workers > 0
        except InspectorError:
            return False

    try:
        eventually(up, 60)
        yield made
    finally:
        pool.terminate()
        pool.wait(30)


@pytest.fixture
def judge(settings, tmp_path):
    journal = Journal.open(tmp_path / "journal", node="n", worker="0", version="0", now=lambda: datetime.now(UTC))
    policy, uploads = load_policy(None), Uploads.open(tmp_path / "uploads", Limits(), lambda _: False)
    yield Judge(
        resolver=Resolver(settings, load_catalogue(settings.catalogue), Geo.open(None)),
        identify=build_identify(settings),
        identity_required=False,
        policy=lambda: policy,
        inspectors=InspectorClient(str(settings.state_dir / "run" / "inspectors.sock"), 20),
        slots=Slots(settings.state_dir / "run", 1),
        journal=journal,
        routes=Routes(),
        uploads=uploads,
        node="n",
    )
    uploads.close()
    journal.close()


def flow(host: str = "upload.example.com", path: str = "/notes.txt", **headers: str):
    fields = [(b"Host", host.encode()), *((k.replace("_", "-").encode(), v.encode()) for k, v in headers.items())]
    request = tutils.treq(
        host=host, port=443, scheme=b"https", authority=b"", method=b"PUT", path=path.encode(),
        headers=http.Headers(fields), content=b"",
    )  # fmt: skip
    made = tflow.tflow(req=request)
    made.client_conn.sni = host
    return made


def held(settings, body: bytes = b"", **facts) -> Held:
    spool = Spool(str(settings.state_dir / "spool"))
    spool.write(body)
    return Held(spool=spool, max_body_bytes=200 * MIB, bare=not body, **facts)


async def judged(judge, settings, body: bytes, made=None, **facts) -> Held:
    found = held(settings, body, **facts)
    assert judge.open(made or flow(), found, len(body)) is None
    await judge.judge(found, found.transfer)
    return found


def lines(tmp_path: Path) -> list[dict]:
    files = sorted((tmp_path / "journal").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def rules(held: Held) -> list[str]:
    return [ground.rule for ground in held.verdict.enforced]


async def test_clean_upload_is_recorded_and_its_route_approved(judge, settings, tmp_path):
    found = await judged(judge, settings, "今天开会。".encode())
    assert (found.verdict.action, found.recorded, found.may_leave) == (Action.ALLOW, True, True)
    assert judge.routes.target(("upload.example.com", 443)) == ("127.0.0.1", 9)
    judge.tell_outcome(found, "forwarded (200)")
    judge.tell_outcome(found, "forwarded (500)")
    judge.gathered().flush()
    judge.journal.close()
    assert [(line["kind"], line["body"].get("outcome")) for line in lines(tmp_path)[1:3]] == [
        ("verdict", None),
        ("outcome", "forwarded (200)"),
    ]


def redirected(host: str, address: str, path: str = "/notes.txt"):
    """The flow of a client that was redirected on its way to the address, and names the host in the clear."""
    made = flow(host, path)
    made.request.scheme, made.request.host, made.request.port = "http", address, 80
    made.client_conn.sni, made.client_conn.proxy_mode = None, ProxyMode.parse("transparent")
    made.request.headers["Host"] = host
    return made


async def test_claimed_name_is_judged_as_the_address_it_came_with(judge, settings):
    """The catalogue's trust in a name is not lent to an address that the name does not resolve to."""
    found = await judged(judge, settings, "今天开会。".encode(), redirected("qyapi.weixin.qq.com", "203.0.113.9"))
    destination = found.transfer.destination
    assert (destination.host, destination.ip, destination.service) == ("203.0.113.9", "203.0.113.9", "")
    assert found.may_leave
    assert judge.routes.target(("203.0.113.9", 80)) == ("203.0.113.9", 80)
    with pytest.raises(OSError, match="no verdict"):
        judge.routes.target(("qyapi.weixin.qq.com", 80))


async def test_claimed_name_that_is_refused_is_refused_at_any_address(judge, settings):
    body = "一百万字的报告。".encode()
    personal = redirected("d.pcs.baidu.com", "203.0.113.9", "/rest/2.0/pcs/file?method=upload")
    found = await judged(judge, settings, body, personal)
    assert (found.may_leave, found.transfer.destination.host) == (False, "d.pcs.baidu.com")
    assert found.transfer.destination.ip == "203.0.113.9"
    with pytest.raises(OSError, match="no verdict"):
        judge.routes.target(("203.0.113.9", 80))
    bare = await judged(judge, settings, body, redirected("203.0.113.9", "203.0.113.9"))
    assert bare.may_leave


async def test_refused_upload_has_no_route(judge, settings, tmp_path):
    found = await judged(judge, settings, b"id " + ID)
    assert (found.verdict.action, found.recorded, found.may_leave) == (Action.BLOCK, True, False)
    assert "sensitive.unencrypted" in rules(found)
    with pytest.raises(OSError, match="no verdict"):
        judge.routes.target(("upload.example.com", 443))
    text = "".join(json.dumps(line) for line in lines(tmp_path))
    assert ID.decode() not in text
    assert lines(tmp_path)[2]["body"]["outcome"] == "refused (403)"


async def test_page_without_a_body_needs_no_record(judge, settings, tmp_path):
    found = await judged(judge, settings, b"")
    assert (found.verdict.action, found.recorded, found.may_leave) == (Action.ALLOW, False, True)
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("path", [f"/q?id={ID.decode()}", f"/files/{ID.decode()}.txt"], ids=["query", "path"])
async def test_identifier_in_a_bare_request_is_refused(judge, settings, tmp_path, path):
    found = await judged(judge, settings, b"", flow(path=path))
    assert (found.verdict.action, found.recorded) == (Action.BLOCK, True)
    assert ID.decode() not in "".join(json.dumps(line) for line in lines(tmp_path))


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        param({"trailers": True}, "wire.trailers", id="trailers"),
        param({"spool_failed": True}, "gateway.spool", id="disk"),
        param({"too_large": True}, "limits.body", id="too large for any"),
    ],
)
async def test_what_the_layer_saw_is_refused(judge, settings, facts, rule):
    found = await judged(judge, settings, b"x", **facts)
    assert (rules(found), found.recorded, found.may_leave) == ([rule], True, False)


async def test_a_body_that_was_not_announced_is_refused_where_the_method_has_none(judge, settings):
    made = flow()
    made.request.method = "GET"
    found = await judged(judge, settings, b"x", made)
    assert (rules(found), found.recorded) == (["wire.unexpected-body"], True)
    assert (await judged(judge, settings, b"", made)).may_leave


@pytest.mark.parametrize(("value", "action"), [(b"1", Action.ALLOW), (ID, Action.BLOCK)], ids=["clean", "identifier"])
async def test_trailer_fields_are_inspected(judge, settings, value, action):
    found = await judged(judge, settings, b"", trailer_fields=http.Headers([(b"x-note", value)]))
    assert (found.verdict.action, found.transfer.request.headers["trailer:x-note"]) == (action, value.decode())


async def test_too_large_for_the_destination_is_told_as_such(judge, settings):
    made = flow("qyapi.weixin.qq.com", "/cgi-bin/media/upload")
    found = held(settings, b"x")
    assert judge.open(made, found, 0) is None
    assert found.max_body_bytes == 50 * MIB
    found.too_large = True
    await judge.judge(found, found.transfer)
    assert rules(found) == ["size.messaging-file"]


@pytest.mark.parametrize(
    ("host", "rule"),
    [("10.0.0.1", "destination.private"), ("name.invalid", "destination.unresolved")],
)
async def test_unreachable_destinations_are_refused(judge, settings, host, rule):
    found = await judged(judge, settings, b"x", flow(host))
    assert (rules(found), found.recorded) == ([rule], True)


@pytest.mark.parametrize(
    ("made", "declared_bytes", "rule"),
    [
        param(flow(Upgrade="websocket"), 0, "wire.upgrade", id="websocket"),
        param(flow(X_A="a\x00b"), 0, "wire.malformed-head", id="NUL"),
        param(flow(), 201 * MIB, "limits.body", id="over every limit"),
        param(flow("qyapi.weixin.qq.com", "/x"), 51 * MIB, "size.messaging-file", id="over the limit there"),
    ],
)
def test_head_alone_refuses(judge, settings, made, declared_bytes, rule):
    verdict = judge.open(made, held(settings), declared_bytes)
    assert [ground.rule for ground in verdict.enforced] == [rule]


def test_unknown_sender_is_refused_where_identity_is_required(judge, settings):
    judge.identity_required = True
    assert judge.open(flow(), held(settings), 0).grounds[0].rule == "identity.required"


def test_new_requests_are_refused_while_draining(judge, settings):
    judge.draining = True
    assert judge.open(flow(), held(settings), 0).grounds[0].rule == "gateway.draining"


async def test_without_inspectors_it_is_refused(judge, settings, tmp_path):
    judge.inspectors = InspectorClient(str(tmp_path / "nobody.sock"), 1)
    before = metrics.FAILURES.labels(part="inspector")._value.get()
    found = await judged(judge, settings, b"hello")
    assert (rules(found)[0], found.recorded, found.may_leave) == ("gateway.not-inspected", True, False)
    assert metrics.FAILURES.labels(part="inspector")._value.get() == before + 1


async def test_without_a_journal_it_is_refused(judge, settings):
    judge.journal.close()
    found = held(settings, b"hello")
    assert judge.open(flow(), found, 5) is None
    with pytest.raises(RecordError):
        await judge.judge(found, found.transfer)
    assert (rules(found), found.recorded, found.may_leave) == (["gateway.not-recorded"], False, False)
    judge.tell_outcome(found, "aborted")


def test_now_is_utc_in_milliseconds():
    assert now().endswith("Z")
    assert len(now()) == len("2026-11-21T06:03:09.120Z")

"""The hooks of WebSockets with real parts but no inspectors: every fault leaves the message refused, and is counted."""

import asyncio
import json
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from mitmproxy.test import taddons, tflow

from addons.conversation import CONVERSATION, Conversation, Message
from addons.held import HELD, Held
from addons.hold import HoldStream
from addons.judge import Judge
from addons.loop import Routes
from addons.uploads import Uploads
from addons.websocket import QUIET_BYTES, WebSockets
from addons.websocket_files import Files
from gateway.findings import Action, Finding, Inspection, PartReport, Severity, Verdict
from gateway.inspectors.slots import Slots
from gateway.limits import Limits
from gateway.parts import Coverage, Encryption, Grade
from gateway.policy.load import load_policy
from gateway.records.journal import Journal
from gateway.spool import Spool
from gateway.transfer import Actor, Category, Channel, Destination, Region, Request, Transfer
from metrics import catalogue as metrics

param = pytest.param
CLEAN = Inspection(parts=(PartReport("body", "", 5, "", "text/plain", "text/plain"),), path="/room")


def finding(name: str = "cn.resident-id", *classes: str) -> Finding:
    return Finding(name, 1, Severity.HIGH, 0.9, classes or ("personal",), 1)


class Inspectors:
    """Stands where the client of the pool would: answers what the test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Inspection | Exception] = []
        self.asked: list[tuple[Transfer, bytes]] = []

    async def inspect(self, transfer, payload, size, *_):
        data = payload if isinstance(payload, bytes) else os.pread(payload, size, 0)
        self.asked.append((transfer, data))
        answer = self.answers.pop(0) if self.answers else CLEAN
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def sockets(tmp_path):
    HoldStream.new_spool = staticmethod(lambda: Spool(str(tmp_path)))
    journal = Journal.open(tmp_path / "journal", node="n", worker="0", version="0", now=lambda: datetime.now(UTC))
    policy, uploads = load_policy(None), Uploads.open(tmp_path / "uploads", Limits(), lambda _: False)
    judge = Judge(
        resolver=None,
        identify=None,
        identity_required=False,
        policy=lambda: policy,
        inspectors=Inspectors(),
        slots=Slots(tmp_path, 1),
        journal=journal,
        routes=Routes(),
        uploads=uploads,
        node="n",
    )
    yield WebSockets(judge, Limits())
    uploads.close()
    journal.close()


def handshake(**destination: object) -> Transfer:
    where = Destination("chat.example", region=Region.DOMESTIC, **destination)
    actor = Actor(user="zhang", ip="10.0.0.1")
    return Transfer("c", "2026-12-01T00:00:00.000Z", actor, where, Channel.WEBSOCKET, Request("GET", "/room"))


def opened(tmp_path, identity: str = "c", **destination: object):
    flow = tflow.twebsocketflow()
    files = Files(HoldStream.new_spool, 1 << 30)
    flow.metadata[CONVERSATION] = Conversation(replace(handshake(**destination), id=identity), files)
    return flow, flow.metadata[CONVERSATION]


async def say(sockets, flow, data: bytes, *, is_text: bool = True, problem: str = "") -> Message:
    spool = HoldStream.new_spool()
    spool.write(data)
    message = flow.metadata[CONVERSATION].message = Message(spool, is_text, problem=problem)
    before = metrics.OPEN_TRANSFERS._value.get()
    await sockets.sluice_message(flow)
    assert metrics.OPEN_TRANSFERS._value.get() == before
    return message


def lines(tmp_path, kind: str = "verdict") -> list[dict]:
    found = [json.loads(line) for f in (tmp_path / "journal").glob("*.jsonl") for line in f.read_text().splitlines()]
    return [line["body"] for line in found if line["kind"] == kind]


def failures(part: str) -> float:
    return metrics.FAILURES.labels(part=part)._value.get()


async def test_what_passes_is_counted_and_told_once(sockets, tmp_path):
    flow, conversation = opened(tmp_path)
    for data in (b"hello", b"", b"you"):
        assert (await say(sockets, flow, data)).may_leave
    assert (lines(tmp_path), conversation.passed.messages) == ([], 3)
    sockets.websocket_end(flow)
    sockets.websocket_end(flow)
    await asyncio.sleep(0.05)
    (record,) = lines(tmp_path)
    assert (record["messages"], record["handshake"], record["request"]) == (
        3, "c", {"method": "WS", "path": "/room", "content_type": "", "bytes": 8},
    )  # fmt: skip
    assert (record["channel"], record["verdict"]["action"], record["actor"]["user"]) == ("websocket", "allow", "zhang")
    assert [line["outcome"] for line in lines(tmp_path, "outcome")] == ["forwarded (101)"]


async def test_a_stop_tells_what_is_still_open(sockets, tmp_path):
    flow, conversation = opened(tmp_path)
    sockets.websocket_start(flow)
    sockets.websocket_start(tflow.twebsocketflow())
    await say(sockets, flow, b"hello")
    sockets.done()
    await asyncio.sleep(0.05)
    assert [line["messages"] for line in lines(tmp_path)] == [1]
    sockets.websocket_end(flow)
    assert (sockets.open, conversation.passed.messages) == ({}, 0)


@pytest.mark.parametrize(
    ("data", "is_text", "inspection", "action"),
    [
        param(b"x" * (QUIET_BYTES + 1), True, CLEAN, "allow", id="long"),
        param(b"x", False, Inspection(parts=(replace(CLEAN.parts[0], is_file=True),)), "allow", id="file"),
        param(
            b"x",
            True,
            Inspection(parts=(replace(CLEAN.parts[0], findings=(finding("email", "contact"),)),)),
            "log",
            id="found",
        ),
    ],
)
async def test_what_is_more_than_a_few_words_has_a_record_of_its_own(
    sockets, tmp_path, data, is_text, inspection, action
):
    sockets.judge.inspectors.answers = [inspection]
    flow, conversation = opened(tmp_path)
    assert (await say(sockets, flow, data, is_text=is_text)).may_leave
    await asyncio.sleep(0.05)
    (record,) = lines(tmp_path)
    assert (record["verdict"]["action"], record["request"]["bytes"], conversation.passed.messages) == (
        action,
        len(data),
        0,
    )
    assert [line["outcome"] for line in lines(tmp_path, "outcome")] == ["forwarded (101)"]


async def test_a_finding_refuses_with_the_number_of_the_incident(sockets, tmp_path):
    sockets.judge.inspectors.answers = [Inspection(parts=(replace(CLEAN.parts[0], findings=(finding(),)),))]
    flow, _ = opened(tmp_path)
    message = await say(sockets, flow, b"hello")
    (record,) = lines(tmp_path)
    assert (message.may_leave, message.close) == (False, (1008, f"blocked, incident {record['id']}"))
    assert [line["outcome"] for line in lines(tmp_path, "outcome")] == ["refused (1008)"]


@pytest.mark.parametrize(
    ("problem", "rule"),
    [("body-limit", "limits.body"), ("websocket-frames", "wire.websocket"), ("spool", "gateway.spool")],
)
async def test_what_the_layer_gave_up_is_recorded(sockets, tmp_path, problem, rule):
    flow, _ = opened(tmp_path)
    message = await say(sockets, flow, b"hello", problem=problem)
    assert not message.may_leave
    assert [record["verdict"]["rules"][0]["id"] for record in lines(tmp_path)] == [rule]
    assert sockets.judge.inspectors.asked == []


async def test_a_gateway_that_stops_takes_no_message(sockets, tmp_path):
    flow, _ = opened(tmp_path)
    sockets.judge.draining = True
    message = await say(sockets, flow, b"hello")
    assert (message.may_leave, message.close[0]) == (False, 1012)
    assert [line["outcome"] for line in lines(tmp_path, "outcome")] == ["refused (1012)"]


@pytest.mark.parametrize("data", [b"hello", b"x" * (QUIET_BYTES + 1)], ids=["counted", "recorded"])
async def test_without_a_journal_nothing_passes_for_long(sockets, tmp_path, data):
    flow, conversation = opened(tmp_path)
    sockets.judge.journal.close()
    before = failures("journal")
    first = await say(sockets, flow, data)
    sockets.record_passed(conversation)
    await asyncio.sleep(0.05)
    second = await say(sockets, flow, data)
    assert (first.may_leave, second.may_leave) == (data == b"hello", False)
    assert failures("journal") > before


async def test_a_fault_of_ours_is_a_refusal(sockets, tmp_path):
    flow, _ = opened(tmp_path)
    sockets.judge.inspectors.answers = [ZeroDivisionError()]
    before = failures("judge")
    message = await say(sockets, flow, b"hello")
    assert (message.may_leave, message.close[0], failures("judge")) == (False, 1008, before + 1)


async def test_a_hook_without_a_message_does_nothing(sockets, tmp_path):
    flow, _ = opened(tmp_path)
    await sockets.sluice_message(flow)
    assert lines(tmp_path) == []


# The handshake


def asking(tmp_path, channel: Channel = Channel.WEBSOCKET):
    flow = tflow.tflow()
    flow.request.headers["sec-websocket-extensions"] = "permessage-deflate"
    held = Held(Spool(str(tmp_path)), 1 << 30, replace(handshake(), channel=channel))
    held.bare, held.verdict = True, Verdict(Action.ALLOW)
    flow.metadata[HELD] = held
    return flow, held


async def test_a_handshake_that_may_pass_is_recorded(sockets, tmp_path):
    flow, held = asking(tmp_path)
    await sockets.request(flow)
    assert (held.recorded, [record["id"] for record in lines(tmp_path)]) == (True, ["c"])
    assert "sec-websocket-extensions" not in flow.request.headers
    assert flow.metadata[CONVERSATION].transfer is held.transfer


async def test_one_that_is_recorded_already_is_not_recorded_again(sockets, tmp_path):
    flow, held = asking(tmp_path)
    held.recorded = True
    await sockets.request(flow)
    assert (lines(tmp_path), CONVERSATION in flow.metadata) == ([], True)


async def test_one_that_cannot_be_recorded_is_refused(sockets, tmp_path):
    flow, held = asking(tmp_path)
    sockets.judge.journal.close()
    await sockets.request(flow)
    assert (held.may_leave, held.refusal.status_code, CONVERSATION in flow.metadata) == (False, 403, False)


@pytest.mark.parametrize("why", ["refused", "no websocket", "no state", "no verdict"])
async def test_other_requests_are_left_alone(sockets, tmp_path, why):
    flow, held = asking(tmp_path, Channel.HTTP1 if why == "no websocket" else Channel.WEBSOCKET)
    if why == "refused":
        held.refusal = tflow.tresp()
    elif why == "no state":
        flow.metadata.clear()
    elif why == "no verdict":
        held.verdict = None
    await sockets.request(flow)
    assert (lines(tmp_path), CONVERSATION in flow.metadata) == ([], False)


# DingTalk's page


def lwp(path: str, up_req: str = "", body: object = None) -> bytes:
    return json.dumps({"lwp": path, "headers": {"up-req": up_req} if up_req else {}, "body": body or ""}).encode()


DINGTALK = {"reader": "dingtalk-lwp", "category": Category.MESSAGING}


async def test_the_whole_is_inspected_with_the_last_piece(sockets, tmp_path):
    flow, conversation = opened(tmp_path, **DINGTALK)
    unread = replace(CLEAN.parts[0], coverage=Coverage.MALFORMED, reason="malformed", is_file=True)
    sockets.judge.inspectors.answers = [CLEAN, Inspection(parts=(unread,)), Inspection(parts=(unread,)), CLEAN]
    steps = [
        lwp("/up/pre", body=[{"name": "名单.txt", "size": 4}]),
        lwp("/up/frag", "u;0;0", "YWI="),
        lwp("/up/ci", "u;1;0", "Y2Q="),
    ]
    assert [(await say(sockets, flow, step)).may_leave for step in steps] == [True] * 3
    transfer, data = sockets.judge.inspectors.asked[-1]
    assert (data, transfer.request.method, conversation.files.open) == (b"abcd", "WS", {})
    assert "filename*=UTF-8''%E5%90%8D%E5%8D%95.txt" in transfer.request.headers["content-disposition"]


async def test_a_whole_that_holds_something_keeps_the_last_piece_back(sockets, tmp_path):
    flow, conversation = opened(tmp_path, **DINGTALK)
    sockets.judge.inspectors.answers = [
        CLEAN,
        CLEAN,
        Inspection(parts=(replace(CLEAN.parts[0], findings=(finding(),)),)),
    ]
    await say(sockets, flow, lwp("/up/frag", "u;0;0", "YWI="))
    message = await say(sockets, flow, lwp("/up/ci", "u;1;0", "Y2Q="))
    (record,) = lines(tmp_path)
    assert (message.may_leave, message.close) == (False, (1008, f"blocked, incident {record['id']}"))
    assert (record["request"]["bytes"], conversation.passed.messages) == (4, 2)


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        param([lwp("/up/nothing")], "gateway.not-inspected", id="unknown step"),
        param([lwp("/up/ci", "u;5;0", "YWI=")], "gateway.not-inspected", id="begun elsewhere"),
        param([lwp("/up/pre", body=[{"size": 52_428_801}])], "size.messaging-file", id="declared too large"),
        param(
            [lwp("/up/pre", "u;0", body=[{"size": 52_428_801}])],
            "size.messaging-file",
            id="declared too large, with its id",
        ),
    ],
)
async def test_steps_that_are_refused(sockets, tmp_path, steps, rule):
    flow, _ = opened(tmp_path, **DINGTALK)
    messages = [await say(sockets, flow, step) for step in steps]
    assert [message.may_leave for message in messages] == [False]
    assert [record["verdict"]["rules"][0]["id"] for record in lines(tmp_path)] == [rule]


async def test_a_piece_in_which_something_is_found_does_not_leave(sockets, tmp_path):
    part = replace(CLEAN.parts[0], findings=(finding(),), encryption=Encryption("zip", Grade.WEAK), reason="malformed")
    sockets.judge.inspectors.answers = [Inspection(parts=(part,))]
    flow, _ = opened(tmp_path, **DINGTALK)
    assert not (await say(sockets, flow, lwp("/up/frag", "u;0;0", "YWI="))).may_leave
    assert [[rule["id"] for rule in record["verdict"]["rules"]] for record in lines(tmp_path)] == [
        ["sensitive.unencrypted"]
    ]


async def test_an_upload_of_another_connection_is_refused(sockets, tmp_path):
    """Its whole would be judged without the pieces that went there."""
    first, _ = opened(tmp_path, **DINGTALK)
    assert (await say(sockets, first, lwp("/up/frag", "u;1;0", "Y2Q="))).may_leave
    other, _ = opened(tmp_path, "d", **DINGTALK)
    assert not (await say(sockets, other, lwp("/up/ci", "u;0;0", "YWI="))).may_leave
    assert (await say(sockets, first, lwp("/up/frag", "u;2;0", "Y2Q="))).may_leave
    (noted,) = sockets.judge.uploads.kept.store.find("c", ["id:dingtalk-lwp:u"])
    assert noted.state == "passed"
    assert [record["verdict"]["rules"][0]["id"] for record in lines(tmp_path)] == ["gateway.not-inspected"]


async def test_a_step_in_a_binary_message_is_one(sockets, tmp_path):
    flow, conversation = opened(tmp_path, **DINGTALK)
    assert (await say(sockets, flow, lwp("/up/frag", "u;0;0", "YWI="), is_text=False)).may_leave
    assert conversation.files.open["u"].size_bytes == 2
    assert not (await say(sockets, flow, lwp("/up/frag", "u;0;0", "Y2Q="), is_text=False)).may_leave


async def test_messages_beside_uploads_are_inspected(sockets, tmp_path):
    flow, _ = opened(tmp_path, **DINGTALK)
    for data, is_text in ((lwp("/r/IDLSend/send", body=["hi"]), True), (b"\x00\x01", False)):
        assert (await say(sockets, flow, data, is_text=is_text)).may_leave
    assert len(sockets.judge.inspectors.asked) == 2


# The wait for the server


class Handler:
    def __init__(self, transports: dict) -> None:
        self.transports = transports


class Proxyserver:
    def __init__(self, connections: dict) -> None:
        self.connections = connections


async def test_the_wait_ends_when_the_server_takes_nothing_or_is_gone(sockets, tmp_path, monkeypatch):
    monkeypatch.setattr("addons.websocket.STALL_S", 0.05)
    flow, _ = opened(tmp_path)
    with taddons.context() as context:
        server = Proxyserver({})
        context.master.addons.add(server)
        await sockets.sluice_message_drain(flow)
        near, far = socket.socketpair()
        with far:
            _, writer = await asyncio.open_connection(sock=near)
            io = type("Io", (), {"writer": writer})()
            server.connections[flow.client_conn.id] = Handler({flow.server_conn: io})
            await sockets.sluice_message_drain(flow)
            assert not writer.transport.is_closing()
            writer.write(bytes(8 << 20))
            await sockets.sluice_message_drain(flow)
            assert writer.transport.is_closing()
            await asyncio.sleep(0)
        server.connections[flow.client_conn.id] = Handler({})
        await sockets.sluice_message_drain(flow)

"""Steps of uploads that span requests, with a real store: what is kept, judged, answered and refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from addons.held import Held
from addons.steps import Ruling, Step
from addons.uploads import Uploads, owner_of
from gateway.destinations.facts import Facts as Places
from gateway.destinations.split import Split
from gateway.errors import StoreError
from gateway.findings import Action, Inspection, Verdict
from gateway.limits import Limits
from gateway.policy.load import load_policy
from gateway.spool import Spool
from gateway.transfer import Actor, Category, Channel, Destination, Request, Transfer
from gateway.uploads.model import NO_ASK
from gateway.uploads.state import Facts as Declared
from metrics import catalogue as metrics
from tests.samples.policies import policy, rule

POLICY, TODAY = load_policy(None), date(2026, 12, 1)
ASKS = policy(rule(when={"known_hash": "unknown"}))
BLOCK, PASS = Verdict(Action.BLOCK, policy_digest="d"), Verdict(Action.LOG, policy_digest="d")
RANGE = Split(step="chunk", key=("signed-url",), order="range", answer="google-308")
PART = Split(step="chunk", key=("query:id",), order="index:query:n")
INIT = Split(step="init", key=("query:id",), gives=("json:id",), gives_url=("json:url",), size="query:size")
WHOLE = Split(step="whole", key=("url",))
FINISH = Split(step="finish", key=("query:id",))


@dataclass
class Run:
    """One worker's uploads, and the next request to them."""

    uploads: Uploads
    folder: str
    mode: str = "commit"
    service: str = "svc"
    seen: list[bytes] = field(default_factory=list)
    """Wholes that were inspected."""
    verdict: Callable[[bytes], Verdict] = lambda _: PASS
    """The policy's word on a whole."""

    async def send(
        self,
        split: Split,
        body: bytes = b"",
        query: str = "",
        own: Verdict = PASS,
        values: dict | None = None,
        **headers: str,
    ) -> tuple[Held, Ruling]:
        held = Held(spool=Spool(self.folder), max_body_bytes=1 << 30, bare=not body)
        held.spool.write(body)
        destination = Destination("up.example.com", service=self.service, category=Category.MESSAGING)
        request = Request("PUT", "/up", query, {k.replace("_", "-"): v for k, v in headers.items()}, len(body))
        transfer = Transfer("t-1", "2026-12-01T00:00:00Z", Actor("li"), destination, Channel.HTTP1, request)
        held.plan = self.uploads.plan(transfer, split)
        step = Step(
            held=held,
            plan=held.plan,
            transfer=transfer,
            inspection=Inspection(content_bytes=len(body), values=values or {}),
            verdict=own,
            owner=owner_of(transfer),
            mode=self.mode,
            policy=POLICY,
            today=TODAY,
            decide=self.decide,
            inspect=self.inspect,
        )
        return held, await self.uploads.rule(step)

    def decide(self, transfer: Transfer, inspection: Inspection) -> tuple[Transfer, Verdict]:
        if inspection.failure:
            return transfer, BLOCK
        return transfer, self.verdict(self.seen[-1] if self.seen else b"")

    async def inspect(self, _transfer, descriptor, size_bytes, ask):
        stored = os.pread(descriptor, size_bytes, 0)
        parts = sorted(ask.assembly.segments, key=lambda one: (one.start, one.index))
        self.seen.append(b"".join(stored[one.offset_bytes : one.offset_bytes + one.size_bytes] for one in parts))
        return Inspection(content_bytes=len(self.seen[-1]))


@pytest.fixture
def run(tmp_path):
    uploads = Uploads.open(tmp_path / "uploads", Limits(), lambda service: service == "svc")
    yield Run(uploads, str(tmp_path))
    uploads.close()


def announce(run: Run, size: int = -1) -> None:
    """As if a service had given out the URL of the requests."""
    run.uploads.kept.store.open("li", ["signed:up.example.com/up?"], Declared(size_bytes=size))


def told(ruling: Ruling) -> list[str]:
    return [ground.rule for ground in ruling.verdict.grounds] or [ruling.verdict.action.word]


def at(start: int, end: int, total: object = 6) -> str:
    return f"bytes {start}-{end}/{total}"


async def test_pieces_go_on_and_the_last_waits(run):
    announce(run)
    held, first = await run.send(RANGE, b"abc", content_range=at(0, 2))
    assert (told(first), held.own_answer, run.seen) == (["log"], None, [])
    run.verdict = lambda whole: BLOCK if whole == b"abcdef" else PASS
    _, last = await run.send(RANGE, b"def", content_range=at(3, 5))
    assert (last.verdict.action, run.seen) == (Action.BLOCK, [b"abcdef"])
    assert told((await run.send(RANGE, b"abc", content_range=at(0, 2)))[1]) == ["upload.refused"]


async def test_pieces_are_kept_and_the_last_carries_all(run):
    run.mode = "chunks"
    held, _ = await run.send(RANGE, b"abc", content_range=at(0, 2))
    assert held.own_answer.headers == (("range", "bytes=0-2"),)
    ahead, _ = await run.send(RANGE, b"f", content_range=at(5, 5))
    assert ahead.own_answer.headers == (("range", "bytes=0-2"),)
    asked, _ = await run.send(RANGE, content_range="bytes */6")
    assert (asked.own_answer.status, asked.own_answer.headers) == (308, (("range", "bytes=0-2"),))
    last, ruling = await run.send(RANGE, b"def", content_range=at(3, 5))
    assert (told(ruling), last.own_answer, last.fields) == (["log"], None, {"content-range": "bytes 0-5/6"})
    assert b"".join(last.spool.chunks()) == b"abcdef"
    assert told((await run.send(RANGE, b"abc", content_range=at(0, 2)))[1]) == ["upload.changed"]


async def test_what_has_all_in_one_piece_is_sent_as_it_came(run):
    run.mode = "chunks"
    held, ruling = await run.send(replace(RANGE, answer=""), b"abcdef", content_range=at(0, 5))
    assert (told(ruling), held.fields, run.seen) == (["log"], {}, [b"abcdef"])


@pytest.mark.parametrize(
    ("split", "headers"),
    [
        pytest.param(replace(RANGE, answer=""), {"content_range": at(0, 2)}, id="nobody can answer"),
        pytest.param(
            replace(RANGE, answer="graph-202"),
            {"content_range": at(0, 2, 63 << 20)},
            id="whole too large for one request",
        ),
        pytest.param(replace(INIT, order="offset:query:at"), {}, id="announced with bytes"),
        pytest.param(replace(FINISH, order="offset:query:at"), {"query": "id=known&at=0"}, id="committed with bytes"),
    ],
)
async def test_what_cannot_be_kept_honestly_is_refused(run, split, headers):
    await run.send(PART, b"x", query="id=known&n=1")
    run.mode = "chunks"
    query = headers.pop("query", "id=1")
    assert told((await run.send(split, b"abc", query=query, **headers))[1])[0] in {
        "upload.pieces",
        "size.messaging-file",
    }


async def test_a_service_that_only_takes_pieces_is_refused_at_the_announcement(run):
    run.mode = "chunks"
    assert told((await run.send(INIT, query="id=1"))[1]) == ["upload.pieces"]


async def test_pieces_that_may_not_go_on_alone_are_refused(run):
    assert told((await run.send(replace(PART, forwardable=False), b"x", query="id=1&n=1"))[1]) == ["upload.pieces"]


async def test_an_announcement_gives_names_and_the_commit_uses_them(run):
    held, ruling = await run.send(INIT, query="id=1&size=6")
    assert (told(ruling), bool(held.upload)) == (["log"], True)
    run.uploads.link(held, "https://up.example.com/new", {}, {"id": "B", "url": "https://up.example.com/up?k=9"})
    await run.send(RANGE, b"abcdef", query="k=9", content_range=at(0, 5))
    assert run.seen == [b"abcdef"]
    assert told((await run.send(FINISH, query="id=B"))[1]) == ["log"]


async def test_an_announcement_may_carry_the_first_piece_and_the_commit_the_last(run):
    await run.send(replace(INIT, order="offset:query:at", size=""), b"abc", query="id=1")
    _, ruling = await run.send(replace(FINISH, order="offset:query:at"), b"def", query="id=1&at=3")
    assert (told(ruling), run.seen) == (["log"], [b"abcdef"])


async def test_bytes_sent_whole_are_judged_with_their_announcement(run):
    held, _ = await run.send(INIT, query="id=1")
    run.uploads.link(held, "https://up.example.com/new", {}, {"url": "https://up.example.com/up"})
    assert told((await run.send(WHOLE, b"abc"))[1]) == ["log"]
    assert told((await run.send(FINISH, query="id=1"))[1]) == ["log"]


async def test_bytes_refused_whole_cannot_be_committed(run):
    held, _ = await run.send(INIT, query="id=1")
    run.uploads.link(held, "https://up.example.com/new", {}, {"url": "https://up.example.com/up"})
    run.verdict = lambda _: BLOCK
    assert (await run.send(WHOLE, b"abc"))[1].verdict is BLOCK
    assert told((await run.send(FINISH, query="id=1"))[1]) == ["upload.refused"]


async def test_a_piece_refused_by_itself_ends_the_upload(run):
    assert (await run.send(PART, b"secret", query="id=1&n=1", own=BLOCK))[1].verdict is BLOCK
    assert told((await run.send(PART, b"more", query="id=1&n=2"))[1]) == ["upload.refused"]
    assert (await run.send(replace(PART, key=("field:none",)), b"secret", query="n=1", own=BLOCK))[1].verdict is BLOCK


async def test_a_commit_of_what_nobody_saw_is_refused(run):
    assert told((await run.send(FINISH, query="id=1"))[1]) == ["upload.unknown"]
    await run.send(INIT, query="id=2")
    assert told((await run.send(FINISH, query="id=2"))[1]) == ["upload.unknown"]


async def test_each_upload_that_a_commit_names_is_judged(run):
    two = Split(step="finish", key=("json:files[].id",))
    await run.send(PART, b"abc", query="id=F1&n=1")
    await run.send(PART, b"def", query="id=F2&n=1")
    run.verdict = lambda whole: BLOCK if whole == b"def" else PASS
    _, ruling = await run.send(two, b"{}", values={"json:files[].id": ("F1", "F2")})
    assert (ruling.verdict, run.seen) == (BLOCK, [b"abc", b"def"])
    assert told((await run.send(two, b"{}", values={"json:files[].id": ("F1", "F9")}))[1]) == ["upload.unknown"]


@pytest.mark.parametrize(
    ("split", "body", "query", "headers"),
    [
        pytest.param(RANGE, b"abcd", "", {"content_range": at(0, 2)}, id="other length than its range"),
        pytest.param(RANGE, b"abc", "", {"content_range": "bytes a-b/c"}, id="no range"),
        pytest.param(replace(INIT, order="offset:query:at"), b"x", "id=1&at=z", {}, id="no number"),
    ],
)
async def test_numbers_that_contradict_are_malformed(run, split, body, query, headers):
    announce(run)
    _, ruling = await run.send(split, body, query=query, **headers)
    assert (ruling.verdict, ruling.inspection.failure.startswith("malformed")) == (BLOCK, True)


async def test_a_piece_without_content_is_malformed(run):
    held = Held(spool=Spool(run.folder), max_body_bytes=9)
    held.spool.write(b"x")
    _, ruling = await run.send(PART, b"x", query="id=1&n=1")
    assert told(ruling) == ["log"]
    run_inspection = Inspection(content_bytes=-1)
    transfer = ruling.transfer
    plan = run.uploads.plan(transfer, PART)
    step = Step(held, plan, transfer, run_inspection, PASS, "li", "commit", POLICY, TODAY, run.decide, run.inspect)
    assert (await run.uploads.rule(step)).verdict is BLOCK


@pytest.mark.parametrize("service", ["", "generic"])
async def test_a_server_that_nobody_knows_gets_no_piece(run, service):
    """It may take a piece for the whole file, whatever the client calls it."""
    run.service = service
    assert told((await run.send(replace(RANGE, answer=""), b"abc", content_range=at(0, 2)))[1]) == ["upload.pieces"]
    held, _ = await run.send(RANGE, b"abc", content_range=at(0, 2))
    assert held.own_answer.status == 308


async def test_a_server_that_nobody_knows_gets_no_announcement_with_bytes(run):
    """It may not know of such announcements, and then the bytes are the file."""
    run.service = "generic"
    first = replace(INIT, order="offset:header:upload-offset")
    assert told((await run.send(first, b"abc", query="id=8"))[1]) == ["upload.pieces"]
    assert told((await run.send(first, query="id=9"))[1]) == ["log"]


@pytest.mark.parametrize(
    ("size", "total", "reason"),
    [
        pytest.param(None, 6, ["upload.unknown"], id="another spelling of the URL"),
        pytest.param(99, 6, ["block"], id="announced longer than it is"),
        pytest.param(-1, "*", ["upload.pieces"], id="nobody says when it ends"),
    ],
)
async def test_what_ends_by_itself_goes_on_only_when_its_end_can_be_told(run, size, total, reason):
    if size is not None:
        announce(run, size)
    _, ruling = await run.send(RANGE, b"abc", content_range=at(0, 2, total))
    assert told(ruling) == reason


async def test_a_piece_that_has_all_by_its_size_is_judged_at_once(run):
    """There is no other end: the service has no commit, and its pieces do not go on."""
    split = Split(step="chunk", key=("query:id",), order="index:query:n", size="query:size", forwardable=False)
    run.verdict = lambda whole: BLOCK if whole == b"evil" else PASS
    assert told((await run.send(split, b"abc", query="id=1&size=3"))[1]) == ["log"]
    assert (await run.send(split, b"evil", query="id=2&n=0&size=4"))[1].verdict is BLOCK
    assert told((await run.send(split, b"abc", query="id=3&n=0&size=4"))[1]) == ["upload.pieces"]


async def test_a_piece_without_a_number_is_malformed(run):
    assert (await run.send(PART, b"abc", query="id=1"))[1].verdict is BLOCK


async def test_a_piece_of_an_upload_that_somebody_else_has_is_refused(run):
    """To the service it is one upload, and its commit would be judged without this piece."""
    run.uploads.kept.store.open("wang", ["id:svc:1"], Declared())
    assert told((await run.send(PART, b"abc", query="id=1&n=1"))[1]) == ["upload.unknown"]


async def test_a_piece_that_the_service_copies_is_refused(run):
    await run.send(PART, b"abc", query="id=1&n=1")
    assert told((await run.send(PART, query="id=1&n=2", x_amz_copy_source="/b/k"))[1]) == ["upload.pieces"]


async def test_a_piece_without_a_name_is_refused(run):
    assert told((await run.send(PART, b"abc", query="n=1"))[1]) == ["upload.unknown"]


async def test_declared_and_counted_sizes_are_refused_and_remembered(run):
    announce(run)
    assert told((await run.send(RANGE, b"abc", content_range=at(0, 2, 60 << 20)))[1]) == ["size.messaging-file"]
    assert told((await run.send(RANGE, b"abc", content_range=at(0, 2, 6)))[1]) == ["upload.refused"]
    assert told((await run.send(INIT, query=f"id=1&size={60 << 20}"))[1]) == ["size.messaging-file"]


async def test_a_full_store_refuses(tmp_path):
    uploads = Uploads.open(tmp_path / "small", Limits(max_uploads_bytes=4), lambda _: False)
    try:
        assert told((await Run(uploads, str(tmp_path)).send(PART, b"abcdef", query="id=1&n=1"))[1]) == [
            "upload.no-room"
        ]
    finally:
        uploads.close()


async def test_a_piece_that_comes_during_the_inspection_undoes_the_verdict(run):
    await run.send(PART, b"abc", query="id=1&n=1")
    inspect = run.inspect

    async def slow(*arguments):
        await run.send(PART, b"evil", query="id=1&n=2")
        return await inspect(*arguments)

    run.inspect = slow
    assert told((await run.send(FINISH, query="id=1"))[1]) == ["upload.changed"]


async def test_questions_and_the_rest_go_on(run):
    await run.send(PART, b"abc", query="id=1&n=1")
    for step in ("status", "abort"):
        held, ruling = await run.send(Split(step=step, key=("query:id",)), query="id=1")
        assert (told(ruling), held.own_answer) == (["log"], None)


async def test_a_question_about_kept_pieces_is_answered_here(run):
    run.mode = "chunks"
    split = replace(RANGE, key=("url",), answer="graph-202")
    await run.send(split, b"abc", content_range=at(0, 2))
    held, _ = await run.send(Split(step="status", key=("url",), answer="graph-202"))
    assert json.loads(held.own_answer.body)["nextExpectedRanges"] == ["3-"]


def transfer(method: str = "PUT", kind: str = "", size: int = 1, **headers: str) -> Transfer:
    destination = Destination("up.example.com", service="svc", kind=kind)
    request = Request(method, "/up", "k=9", {k.replace("_", "-"): v for k, v in headers.items()}, size)
    return Transfer("t-1", "2026-12-01T00:00:00Z", Actor(ip="192.0.2.1"), destination, Channel.HTTP1, request)


@pytest.mark.parametrize(
    ("split", "headers", "method", "step"),
    [
        pytest.param(None, {}, "PUT", None, id="none"),
        pytest.param(None, {"content_range": "bytes 0-1/2"}, "PUT", "piece", id="a range nobody is known to heed"),
        pytest.param(None, {"content_range": "bytes 0-1/2"}, "GET", None, id="not of what is asked for"),
        pytest.param(RANGE, {"content_range": "bytes 0-1/2"}, "PUT", "chunk", id="catalogue"),
        pytest.param(RANGE, {}, "PUT", "whole", id="without a range it is all"),
        pytest.param(PART, {}, "PUT", "chunk", id="a number is no range"),
    ],
)
def test_which_step_a_request_is(run, split, headers, method, step):
    plan = run.uploads.plan(transfer(method, **headers), split)
    assert (plan and plan.split.step) == step


async def test_a_piece_that_nobody_can_follow_is_a_step_of_its_own(run):
    assert run.uploads.plan(transfer(kind="part"), None).split.step == "piece"
    whole = {"mail_upload_offset": "0", "mail_upload_length": "9", "mail_upload_size": "9"}
    assert run.uploads.plan(transfer(kind="part", **whole), None) is None


async def test_a_piece_without_an_upload_does_not_go_on(run):
    split = Split(step="piece")
    assert told((await run.send(split, b"abc"))[1]) == ["upload.pieces"]
    assert told((await run.send(split))[1]) == ["log"]


async def asked(run, made: Transfer, under=POLICY, **facts):
    held = Held(spool=Spool(run.folder), max_body_bytes=9, **facts)
    return held, await run.uploads.ask(held, made, under)


async def test_what_inspectors_are_asked_for(run):
    assert (await asked(run, transfer()))[1] is NO_ASK
    where = Places(hashes=("json:md5",), conversation=("json:to",))
    assert (await asked(run, transfer(), where=where))[1].places == ("json:to", "json:md5")
    assert (await asked(run, transfer(), ASKS))[1].digests
    plan = run.uploads.plan(transfer(), replace(PART, key=("field:id",), content="field:file"))
    _, ask = await asked(run, transfer(), plan=plan, where=where)
    assert (ask.places, ask.content) == (("json:to", "json:md5", "field:id"), "field:file")
    whole = run.uploads.plan(transfer(), WHOLE)
    assert (
        (await asked(run, transfer(), plan=whole))[1].content,
        (await asked(run, transfer(), plan=whole))[1].name,
    ) == ("", "")
    run.uploads.kept.store.open("192.0.2.1", ["url:up.example.com/up"], Declared(name="a.txt"))
    assert (await asked(run, transfer(), plan=whole))[1].name == "a.txt"
    twice = run.uploads.plan(transfer(), replace(WHOLE, key=("query:k",)))
    twice = replace(twice, head=replace(twice.head, query="k=1&k=2"))
    assert (await asked(run, transfer(), plan=twice))[1].name == ""


async def test_a_url_that_was_given_out_makes_a_step(run):
    upload = run.uploads.kept.store.open("192.0.2.1", ["signed:up.example.com/up?k=9"], Declared())
    held, _ = await asked(run, transfer())
    assert (held.plan.split.step, upload.state) == ("whole", "open")


def failures() -> float:
    return metrics.FAILURES.labels(part="uploads")._value.get()


async def test_uploads_without_an_end_are_counted(tmp_path):
    uploads = Uploads.open(tmp_path / "old", Limits(keep_upload_s=1e-9), lambda _: False)
    before = metrics.UPLOADS_EXPIRED.labels(hold="commit")._value.get()
    await Run(uploads, str(tmp_path)).send(PART, b"abc", query="id=1&n=1")
    await uploads.forget()
    assert metrics.UPLOADS_EXPIRED.labels(hold="commit")._value.get() == before + 1
    uploads.close()


async def test_a_store_that_is_gone_is_counted_and_looked_for_again(tmp_path):
    uploads = Uploads.open(tmp_path / "gone", Limits(), lambda _: False)
    uploads.kept.store.close()
    (tmp_path / "gone" / "uploads.db").unlink()
    before = failures()
    tending = asyncio.create_task(uploads.tend())
    async with asyncio.timeout(10):
        await uploads.forget()
    tending.cancel()
    assert failures() > before
    uploads.close()


def test_a_database_that_cannot_be_read_is_set_aside_and_counted(tmp_path):
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "uploads.db").write_bytes(b"no database" * 1000)
    before = failures()
    Uploads.open(tmp_path / "uploads", Limits(), lambda _: False).close()
    assert failures() == before + 1


async def test_without_an_announcement_nothing_is_linked(run):
    run.uploads.link(Held(spool=Spool(run.folder), max_body_bytes=9), "https://a.example", {}, None)
    with pytest.raises(StoreError):
        run.uploads.kept.store.link("nobody", ["x"])

"""What is known of one request of an upload, and what becomes of it together with the whole."""

from __future__ import annotations

import os
from datetime import date

import pytest

from addons.held import Held
from addons.steps import (
    Refused,
    Step,
    announced_bytes,
    plan_of,
    refuse_whole,
    shown,
    together,
    with_facts,
    with_values,
    write_whole,
)
from gateway.destinations.facts import Facts as Places
from gateway.destinations.split import Split
from gateway.findings import Action, Finding, Inspection, PartReport, Severity, Verdict
from gateway.limits import MIB
from gateway.policy.load import load_policy
from gateway.spool import Spool
from gateway.transfer import Actor, Category, Channel, Destination, Request, Transfer
from gateway.uploads.model import Assembly, Segment
from gateway.uploads.plan import Facts
from gateway.uploads.state import Facts as Declared
from gateway.uploads.state import Upload

POLICY, TODAY = load_policy(None), date(2026, 12, 1)


def transfer(service: str = "dingtalk", **headers: str) -> Transfer:
    destination = Destination("oapi.dingtalk.com", service=service, category=Category.MESSAGING, many_files=True)
    request = Request("PUT", "/up/1", "upload_id=U1", {k.replace("_", "-"): v for k, v in headers.items()})
    return Transfer("t", "2026-12-01T00:00:00Z", Actor("li"), destination, Channel.HTTP1, request)


def part(path: str, *signatures: str) -> PartReport:
    found = tuple(Finding(name, 1, Severity.HIGH, 0.9) for name in signatures)
    return PartReport(path, path, 1, "", "", "text/plain", findings=found)


@pytest.mark.parametrize(
    ("service", "scope"), [("dingtalk", "dingtalk"), ("generic", "oapi.dingtalk.com"), ("", "oapi.dingtalk.com")]
)
def test_ids_are_unique_in_a_service_or_at_a_host(service, scope):
    plan = plan_of(transfer(service), Split(step="finish", key=("query:upload_id",)))

    assert plan.facts({}).keys == (f"id:{scope}:U1",)


@pytest.mark.parametrize(
    ("value", "size_bytes"),
    [("bytes 0-9/20", 20), ("bytes 0-9/*", -1), ("bytes 9-0/20", -1)],
    ids=["known", "unknown", "nonsense"],
)
def test_the_size_that_a_head_announces(value, size_bytes):
    plan = plan_of(transfer(content_range=value), Split(step="chunk", key=("url",), order="range"))

    assert announced_bytes(plan) == size_bytes


@pytest.mark.parametrize(
    ("size_bytes", "is_refused"), [(-1, False), (0, False), (50 * MIB, False), (50 * MIB + 1, True)]
)
def test_a_whole_is_held_against_the_size_rule_to_the_byte(size_bytes, is_refused):
    """Also where one request may carry many files, and whatever its type says of a framing."""
    verdict = refuse_whole(transfer(content_type="application/json"), size_bytes, POLICY, today=TODAY)

    assert (verdict is not None) is is_refused
    assert verdict is None or verdict.grounds[0].rule == "size.messaging-file"


WHERE = Places(tenant=("json:corp",), conversation=("json:to", "digest:json:key"))


@pytest.mark.parametrize(
    ("values", "tenant", "conversation"),
    [
        pytest.param({}, "", "", id="nothing"),
        pytest.param({"json:to": ("cid1", "cid2"), "json:corp": ("c",)}, "c", "cid1", id="first"),
        pytest.param({"json:to": ("li.lei@example.com",)}, "", "l***@example.com", id="address"),
        pytest.param({"digest:json:key": ("k",)}, "", "sha256:8254c329a92850f6d539dd376f4816ee", id="secret"),
    ],
)
def test_recipient_and_tenant_of_a_body(values, tenant, conversation):
    found = with_values(transfer(), WHERE, values).destination

    assert (found.tenant, found.conversation) == (tenant, conversation)


def test_what_the_head_says_stays():
    told = with_facts(
        with_values(transfer(), WHERE, {"json:to": ("cid1",)}),
        Upload("u", "li", Declared(conversation="other", tenant="t")),
    )

    assert (told.destination.conversation, told.destination.tenant) == ("cid1", "t")


@pytest.mark.parametrize(("name", "told"), [("13800138000", "*******8000"), ("room-12", "room-12"), ("@x", "***@x")])
def test_numbers_and_addresses_are_not_shown_whole(name, told):
    assert shown(name) == told


def test_the_request_and_the_file_are_one_inspection():
    request = Inspection(
        parts=(part("a.zip (piece)", "cn.mobile"), part("query", "email")),
        distinct={"cn.mobile": 3, "email": 1},
        persons=1,
        stages={"wire": 1.0},
        rules_overtime=("a",),
    )
    whole = Inspection(
        parts=(part("a.zip", "email"),), distinct={"email": 4}, persons=4, stages={"wire": 2.0, "detect": 1.0}
    )

    found = together(request, whole)

    assert [one.path for one in found.parts] == ["a.zip", "query"]
    assert dict(found.distinct) == {"email": 5}
    assert (found.persons, dict(found.stages), found.rules_overtime) == (5, {"wire": 3.0, "detect": 1.0}, ("a",))


def test_without_findings_of_its_own_the_request_adds_no_person():
    request = Inspection(parts=(part("a (piece)", "email"),), distinct={"email": 1}, persons=1)

    assert together(request, Inspection(persons=2, failure="timeout")).persons == 2
    assert together(request, Inspection(failure="timeout")).failure == "timeout"


def stored(tmp_path, data: bytes) -> int:
    path = tmp_path / "stored"
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize(
    ("segments", "whole"),
    [
        pytest.param([Segment(0, 3, start=0), Segment(3, 3, start=3)], b"abcdef", id="in order"),
        pytest.param([Segment(3, 3, start=0), Segment(0, 3, start=3)], b"defabc", id="out of order"),
        pytest.param([Segment(0, 4, start=0), Segment(2, 4, start=2)], b"abcdef", id="overlap"),
        pytest.param([Segment(0, 6, start=0), Segment(1, 2, start=1)], b"abcdef", id="inside"),
    ],
)
def test_the_whole_is_written_in_order(tmp_path, segments, whole):
    descriptor, spool = stored(tmp_path, b"abcdef"), Spool(str(tmp_path))
    write_whole(spool, descriptor, Assembly(tuple(segments)))
    os.close(descriptor)

    assert b"".join(spool.chunks()) == whole


@pytest.mark.parametrize(
    "segments",
    [
        [Segment(0, 3, start=1)],
        [Segment(0, 2, start=0), Segment(2, 2, start=3)],
        [Segment(0, 9, start=0)],
        [Segment(0, 3, start=0), Segment(3, 3, start=3, content_encoding="gzip")],
        [Segment(0, 6, start=0, content="field:file")],
    ],
    ids=["no start", "gap", "short file", "compressed piece", "piece in a form"],
)
def test_a_whole_with_a_hole_is_not_written(tmp_path, segments):
    descriptor = stored(tmp_path, b"abcdef")
    with pytest.raises(OSError, match=r"gap|shorter|coded"):
        write_whole(Spool(str(tmp_path)), descriptor, Assembly(tuple(segments)))
    os.close(descriptor)


async def nobody(*_: object) -> Inspection:
    return Inspection()


def step(tmp_path) -> Step:
    plan = plan_of(transfer(), Split(step="chunk", key=("url",), order="range"))
    verdict = Verdict(Action.ALLOW)
    return Step(
        held=Held(spool=Spool(str(tmp_path)), max_body_bytes=1),
        plan=plan,
        transfer=transfer(),
        inspection=Inspection(),
        verdict=verdict,
        owner="li",
        mode="chunks",
        policy=POLICY,
        today=TODAY,
        decide=lambda told, _: (told, Verdict(Action.BLOCK)),
        inspect=nobody,
        facts=Facts(name="a.zip", total_bytes=9),
    )


def test_what_a_step_is_judged_by(tmp_path):
    made = step(tmp_path)

    assert made.ruling().verdict.action is Action.ALLOW
    assert made.decided(Inspection(failure="timeout")).verdict.action is Action.BLOCK
    assert made.refused("upload-unknown", "").verdict.grounds[0].rule == "upload.unknown"
    assert (made.declared().name, made.declared().size_bytes, made.declared().hold) == ("a.zip", 9, "chunks")
    made.check_size(50 * MIB)
    with pytest.raises(Refused) as refused:
        made.check_size(50 * MIB + 1)
    assert refused.value.verdict.grounds[0].is_size

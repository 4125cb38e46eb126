from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import pytest

from gateway.findings import Action, Finding, Ground, Inspection, PartReport, Severity, Verdict
from gateway.inspectors.codec import decode, encode
from gateway.parts import Coverage, Encryption, Grade
from gateway.transfer import Actor, Audience, Category, Channel, Destination, Region, Request, Transfer

FINDING = Finding(
    signature="cn.resident-id",
    count=3,
    severity=Severity.CRITICAL,
    confidence=0.97,
    classes=("personal", "account"),
    persons=2,
    sample="1101****02X",
    location="page 3",
)
PART = PartReport(
    path="a.zip!/b.docx",
    name="合同\udce4\x00.docx",
    size_bytes=2**53,
    sha256="00" * 32,
    declared_type="application/zip",
    media_type="text/plain",
    encryption=Encryption("zip-aes-256", Grade.STRONG, names_visible=True),
    findings=(FINDING, replace(FINDING, sample="")),
    coverage=Coverage.ENCRYPTED,
    reason="encrypted",
    detail="encrypted with zip-aes-256",
    depth=2,
    is_file=True,
    md5="5d41",
    sha1="aaf4",
)
INSPECTION = Inspection(
    parts=(PART, PartReport("", "", 0, "", "", "")),
    distinct=MappingProxyType({"cn.resident-id": 3, "名": 1}),
    persons=2,
    failure="timeout",
    stages=MappingProxyType({"decode": 0.001, "detect": 1e-9}),
    path="/upload/****",
    rules_overtime=("r1",),
    values=MappingProxyType({"json:id": ("7", "八")}),
    content_bytes=9,
)
GROUND = Ground(
    rule="cards",
    action=Action.HOLD,
    basis=("PIPL 28",),
    because="2 cards",
    says=MappingProxyType({"zh": "含银行卡", "en": "cards"}),
    guidance=MappingProxyType({"en": "mask"}),
    route="https://share.example",
    enforced=False,
    is_size=True,
    keep_content=False,
    by_length=True,
)
TRANSFER = Transfer(
    id="0193",
    at="2026-05-01T08:00:00.000Z",
    actor=Actor("wang", ("a", "b"), "staff", "sales", "10.0.0.9", "proxy-auth"),
    destination=Destination(
        host="h",
        port=1,
        ip="::1",
        country="US",
        region=Region.HK_MO_TW,
        service="s",
        endpoint="e",
        category=Category.WEBMAIL,
        tenant="t",
        account="personal",
        conversation="c",
        audience=Audience.EXTERNAL,
        many_files=True,
        dialect="d",
    ),
    channel=Channel.WEBSOCKET,
    request=Request("PUT", "/p", "q=1", MappingProxyType({"content-type": "text/plain"}), 7),
)
WHOLE = {"finding": FINDING, "part": PART, "inspection": INSPECTION, "ground": GROUND, "transfer": TRANSFER}
WHOLE |= {"verdict": Verdict(Action.BLOCK, (GROUND,), "digest", "ex-1"), "encryption": PART.encryption}
WHOLE |= {"empty inspection": Inspection(), "empty verdict": Verdict(Action.ALLOW), "actor": TRANSFER.actor}


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in WHOLE.items()])
def test_what_was_encoded_comes_back_equal(value):
    back = decode(type(value), encode(value))
    assert back == value
    assert encode(back) == encode(value)


@pytest.mark.parametrize("value", [FINDING, PART, INSPECTION, GROUND, TRANSFER], ids=lambda value: type(value).__name__)
def test_the_samples_differ_from_the_defaults_in_every_field(value):
    plain = {str: "", int: 0, tuple: (), bool: False}
    for field in fields(value):
        of_field = getattr(value, field.name)
        if field.name not in {"enforced", "keep_content"}:
            assert of_field != plain.get(type(of_field)), field.name


@pytest.mark.parametrize(
    ("kind", "field", "members"),
    [
        pytest.param(Finding, "severity", Severity, id="severity"),
        pytest.param(PartReport, "coverage", Coverage, id="coverage"),
        pytest.param(Encryption, "grade", Grade, id="grade"),
        pytest.param(Verdict, "action", Action, id="action"),
        pytest.param(Destination, "region", Region, id="region"),
        pytest.param(Destination, "category", Category, id="category"),
        pytest.param(Destination, "audience", Audience, id="audience"),
        pytest.param(Transfer, "channel", Channel, id="channel"),
    ],
)
def test_every_member_of_every_enum_comes_back(kind, field, members):
    samples = {Finding: FINDING, PartReport: PART, Encryption: PART.encryption, Verdict: Verdict(Action.ALLOW)}
    samples |= {Destination: TRANSFER.destination, Transfer: TRANSFER}
    for member in members:
        back = decode(kind, encode(replace(samples[kind], **{field: member})))
        assert getattr(back, field) is member


def test_a_whole_number_where_a_float_is_meant_becomes_one():
    assert type(decode(Finding, encode(replace(FINDING, confidence=1))).confidence) is float


ACTOR = b'{"user":"","groups":[],"role":"","department":"","ip":"","authenticated_by":""}'
ENCRYPTION = b'{"scheme":"","grade":"none","names_visible":false}'
VERDICT = b'{"action":0,"grounds":[],"policy_digest":"","exception":""}'
REQUEST = b'{"method":"","path":"","query":"","headers":{},"bytes":0}'
SEEN = encode(FINDING)


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        pytest.param(Actor, b"", "Actor: not JSON", id="nothing"),
        pytest.param(Actor, ACTOR[:-1], "Actor: not JSON", id="cut"),
        pytest.param(Actor, ACTOR + b"{}", "Actor: not JSON", id="more after it"),
        pytest.param(Actor, '{"user":"李"}'.encode(), "Actor: not JSON", id="not ASCII"),
        pytest.param(Actor, b"[" * 100_000, "Actor: not JSON", id="deep"),
        pytest.param(Actor, b"[]", "Actor: the keys are not its fields", id="an array"),
        pytest.param(Actor, b"null", "Actor: the keys are not its fields", id="null"),
        pytest.param(Actor, ACTOR.replace(b',"ip":""', b""), "Actor: the keys are not its fields", id="a key missing"),
        pytest.param(Actor, ACTOR[:-1] + b',"x":1}', "Actor: the keys are not its fields", id="a key too many"),
        pytest.param(
            Actor, ACTOR.replace(b'"user":""', b'"user":1'), "Actor.user: not of type str", id="number as text"
        ),
        pytest.param(Actor, ACTOR.replace(b"[]", b'""'), "Actor.groups: not an array", id="text as array"),
        pytest.param(Actor, ACTOR.replace(b"[]", b"[1]"), "Actor.groups: not of type str", id="number in array"),
        pytest.param(Request, REQUEST.replace(b"{}", b"[]"), "Request.headers: not an object", id="array as object"),
        pytest.param(
            Request, REQUEST.replace(b"{}", b'{"a":1}'), "Request.headers: not of type str", id="number in object"
        ),
        pytest.param(Request, REQUEST.replace(b":0", b":true"), "Request.bytes: not of type int", id="bool as number"),
        pytest.param(Request, REQUEST.replace(b":0", b":0.0"), "Request.bytes: not of type int", id="float as number"),
        pytest.param(Request, REQUEST.replace(b":0", b":" + b"9" * 5000), "Request: not JSON", id="endless number"),
        pytest.param(
            Encryption, ENCRYPTION.replace(b"false", b"0"), "names_visible: not of type bool", id="number as bool"
        ),
        pytest.param(
            Encryption, ENCRYPTION.replace(b"none", b"great"), "Encryption.grade: no member of Grade", id="no member"
        ),
        pytest.param(
            Encryption, ENCRYPTION.replace(b'"none"', b"[]"), "Encryption.grade: no member of Grade", id="no text"
        ),
        pytest.param(Verdict, VERDICT.replace(b":0", b":9"), "Verdict.action: no member of Action", id="no action"),
        pytest.param(
            Verdict, VERDICT.replace(b":0", b":false"), "Verdict.action: no member of Action", id="bool as action"
        ),
        pytest.param(Finding, SEEN.replace(b"0.97", b"NaN"), "Finding: not JSON", id="NaN"),
        pytest.param(Finding, SEEN.replace(b"0.97", b"1e999"), "Finding.confidence: not of type float", id="infinite"),
        pytest.param(
            Finding, SEEN.replace(b"0.97", b'"0.97"'), "Finding.confidence: not of type float", id="text as float"
        ),
    ],
)
def test_anything_else_is_refused_without_repeating_it(kind, data, says):
    with pytest.raises(ValueError) as caught:
        decode(kind, data)
    assert says in str(caught.value)


@pytest.mark.parametrize("cut", range(0, len(encode(INSPECTION)), 7))
def test_an_inspection_cut_anywhere_is_refused(cut):
    with pytest.raises(ValueError):
        decode(Inspection, encode(INSPECTION)[:cut])


def test_flipped_bits_are_refused_or_read_as_an_inspection():
    data = encode(INSPECTION)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            assert isinstance(decode(Inspection, bytes(flipped)), Inspection)
        except ValueError:
            continue


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")], ids=str)
def test_a_float_that_json_has_not_is_not_encoded(number):
    with pytest.raises(ValueError):
        encode(replace(FINDING, confidence=number))


def test_only_dataclasses_are_encoded():
    with pytest.raises(TypeError):
        encode({"a": object()})


@dataclass
class Odd:
    odd: set[str]


@dataclass
class Pair:
    pair: tuple[int, str]


@dataclass
class ByNumber:
    by_number: Mapping[int, str]


@pytest.mark.parametrize("kind", [Odd, Pair, ByNumber], ids=lambda kind: kind.__name__)
def test_an_annotation_that_no_contract_uses_has_no_reader(kind):
    with pytest.raises(TypeError):
        decode(kind, b"{}")

"""Each condition key: what holds, what does not, and what it tells."""

from __future__ import annotations

import pytest

from gateway.findings import Severity
from gateway.parts import Coverage, Grade
from gateway.policy.conditions import compile_findings, compile_when, names_test
from gateway.policy.facts import Fact, Proof, gather
from gateway.policy.schema import FindingsTest, When
from gateway.transfer import Actor, Audience, Category, Channel, Region
from tests.samples.policies import finding, inspection, part, transfer

MIB = 1024 * 1024
ZIP = part(
    media_type="application/zip", grade=Grade.WEAK, scheme="zip-crypto", coverage=Coverage.ENCRYPTED, reason="encrypted"
)
DEEP = part(coverage=Coverage.TOO_LARGE, reason="too-large", detail="max_depth: 11 is over the allowed 10")
CHANG = Actor(user="chang", groups=("sales", "vpn"), role="head", department="Sales")


def prove(when, *, to=None, found=None, sensitive=()):
    tests = tuple(compile_findings(FindingsTest.model_validate(block)) for block in sensitive)
    test = compile_when(When.model_validate(when), mb_bytes=MIB, sensitive=tests)
    return test(gather(to or transfer(), found or inspection(), ()))


@pytest.mark.parametrize(
    ("when", "to", "holds"),
    [
        pytest.param({"category": "messaging"}, transfer(category=Category.MESSAGING), True, id="category"),
        pytest.param({"category": ["messaging", "webmail"]}, transfer(), False, id="category: another"),
        pytest.param({"region": ["overseas", "unknown"]}, transfer(region=Region.UNKNOWN), True, id="region"),
        pytest.param({"region": "overseas"}, transfer(region=Region.HK_MO_TW), False, id="region: another"),
        pytest.param({"service": "wecom"}, transfer(service="wecom"), True, id="service"),
        pytest.param({"service": "wecom"}, transfer(), False, id="service: none"),
        pytest.param({"tenant": "corp1"}, transfer(tenant="corp1"), True, id="tenant"),
        pytest.param({"tenant": "corp1"}, transfer(tenant="corp2"), False, id="tenant: another"),
        pytest.param({"account": "personal"}, transfer(account="personal"), True, id="account"),
        pytest.param({"account": "personal"}, transfer(account="enterprise"), False, id="account: another"),
        pytest.param({"audience": "external"}, transfer(audience=Audience.EXTERNAL), True, id="audience"),
        pytest.param({"audience": "external"}, transfer(), False, id="audience: unknown"),
        pytest.param({"host": "a.example"}, transfer(host="a.example"), True, id="host"),
        pytest.param({"host": "a.example"}, transfer(host="b.a.example"), False, id="host: one below"),
        pytest.param({"host": "*.a.example"}, transfer(host="b.a.example"), True, id="hosts below"),
        pytest.param({"host": "*.a.example"}, transfer(host="a.example"), False, id="hosts below: not itself"),
        pytest.param({"host": "*.a.example"}, transfer(host="ba.example"), False, id="hosts below: same letters"),
        pytest.param({"authorised": False}, transfer(), True, id="not authorised"),
        pytest.param({"authorised": True}, transfer(), False, id="authorised"),
        pytest.param(
            {"category": "messaging", "region": "overseas"},
            transfer(category=Category.MESSAGING),
            False,
            id="every key must hold",
        ),
    ],
)
def test_destination(when, to, holds):
    assert (prove({"destination": when}, to=to) is not None) is holds


@pytest.mark.parametrize(
    ("when", "actor", "holds"),
    [
        pytest.param({"user": "chang"}, CHANG, True, id="user"),
        pytest.param({"user": "wei"}, CHANG, False, id="user: another"),
        pytest.param({"group": ["sales", "hr"]}, CHANG, True, id="group"),
        pytest.param({"group": "hr"}, CHANG, False, id="group: another"),
        pytest.param({"role": "head"}, CHANG, True, id="role"),
        pytest.param({"role": "staff"}, Actor(), False, id="role: unknown"),
        pytest.param({"department": "Sales"}, CHANG, True, id="department"),
        pytest.param({"department": "sales"}, CHANG, False, id="department: another"),
        pytest.param({"known": True}, CHANG, True, id="known"),
        pytest.param({"known": True}, Actor(), False, id="known: nobody"),
        pytest.param({"known": False}, Actor(), True, id="unknown"),
        pytest.param({"known": False}, CHANG, False, id="unknown: somebody"),
    ],
)
def test_actor(when, actor, holds):
    assert (prove({"actor": when}, to=transfer(actor=actor)) is not None) is holds


@pytest.mark.parametrize(
    ("when", "to", "holds"),
    [
        pytest.param({"channel": "websocket"}, transfer(channel=Channel.WEBSOCKET), True, id="channel"),
        pytest.param({"channel": ["tcp", "udp"]}, transfer(), False, id="channel: another"),
        pytest.param({"body": True}, transfer(), True, id="body"),
        pytest.param({"body": True}, transfer(body_bytes=0), False, id="no body"),
        pytest.param({"body": False}, transfer(body_bytes=0), True, id="asked for no body"),
    ],
)
def test_channel_and_body(when, to, holds):
    assert (prove(when, to=to) is not None) is holds


@pytest.mark.parametrize(
    ("when", "report", "holds"),
    [
        pytest.param({"file": True}, part(), True, id="file"),
        pytest.param({"file": True}, part(is_file=False), False, id="file: a field"),
        pytest.param({"sent": True}, part(), True, id="sent"),
        pytest.param({"sent": True}, part(depth=1), False, id="sent: a member"),
        pytest.param({"sent": False}, part(depth=1), True, id="inside"),
        pytest.param({"over_mb": 50}, part(size_bytes=52_428_800), False, id="exactly 50 MB is not over"),
        pytest.param({"over_mb": 50}, part(size_bytes=52_428_801), True, id="one byte more is"),
        pytest.param({"over_mb": 0.5}, part(size_bytes=524_289), True, id="half a MB"),
        pytest.param({"media_type": "text/plain"}, part(), True, id="media type"),
        pytest.param({"media_type": ["image/*", "text/*"]}, part(), True, id="media family"),
        pytest.param({"media_type": "image/*"}, part(), False, id="another family"),
        pytest.param({"media_type": "text/*"}, part(media_type="textile/x"), False, id="same letters, another family"),
        pytest.param({"except_media_type": "text/*"}, part(), False, id="excepted media type"),
        pytest.param({"except_media_type": "image/*"}, part(), True, id="not excepted media type"),
        pytest.param({"encryption": "weak"}, ZIP, True, id="grade"),
        pytest.param({"encryption": ["strong", "none"]}, ZIP, False, id="another grade"),
        pytest.param({"read": True}, part(), True, id="read"),
        pytest.param({"read": True}, ZIP, False, id="read: encrypted"),
        pytest.param({"read": False}, ZIP, True, id="unread"),
        pytest.param({"coverage": "too-large"}, DEEP, True, id="coverage"),
        pytest.param({"coverage": "timeout"}, DEEP, False, id="another coverage"),
        pytest.param({"reason": "too-large"}, DEEP, True, id="reason"),
        pytest.param({"reason": "malformed"}, DEEP, False, id="another reason"),
        pytest.param({"limit": "max_depth"}, DEEP, True, id="limit"),
        pytest.param({"limit": "max_members"}, DEEP, False, id="another limit"),
        pytest.param({"except_limit": "max_depth"}, DEEP, False, id="excepted limit"),
        pytest.param({"except_limit": "max_members"}, DEEP, True, id="not excepted limit"),
        pytest.param({"encryption": "weak", "read": True}, ZIP, False, id="every key must hold for one part"),
    ],
)
def test_part(when, report, holds):
    assert (prove({"part": when}, found=inspection(report)) is not None) is holds


def test_keys_of_a_part_must_hold_for_the_same_part():
    when = {"part": {"over_mb": 1, "sent": True}}
    assert prove(when, found=inspection(part(size_bytes=2 * MIB, depth=1), part(size_bytes=5))) is None


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        pytest.param({"signature": "cn.mobile"}, True, id="signature"),
        pytest.param({"signature": "cn.*"}, True, id="signatures below"),
        pytest.param({"signature": "email"}, False, id="another signature"),
        pytest.param({"signature": "cn.*", "except_signature": "cn.mobile"}, False, id="excepted"),
        pytest.param({"except_signature": "email"}, True, id="another excepted"),
        pytest.param({"class": "contact"}, True, id="class"),
        pytest.param({"class": ["secret", "marking"]}, False, id="another class"),
        pytest.param({"signature": "cn.mobile", "class": "secret"}, False, id="both must hold"),
        pytest.param({"signature": "cn.mobile", "min_confidence": 0.9}, True, id="confidence"),
        pytest.param({"signature": "cn.mobile", "min_confidence": 0.96}, False, id="too sure asked"),
        pytest.param({"signature": "cn.mobile", "min_severity": "high"}, True, id="severity"),
        pytest.param({"signature": "cn.mobile", "min_severity": "critical"}, False, id="more severe asked"),
        pytest.param({"signature": "cn.mobile", "at_least": 3}, True, id="three over two parts"),
        pytest.param({"signature": "cn.mobile", "at_least": 4}, False, id="four"),
        pytest.param({"signature": "cn.mobile", "at_most": 3}, True, id="at most three"),
        pytest.param({"signature": "cn.mobile", "at_most": 2}, False, id="at most two"),
    ],
)
def test_findings(when, holds):
    mobile = finding("cn.mobile", 2, "contact")
    found = inspection(part(mobile), part(mobile), distinct={"cn.mobile": 3})
    assert (prove({"findings": when}, found=found) is not None) is holds


def test_findings_of_several_signatures_are_summed_and_the_most_frequent_told_first():
    found = inspection(part(finding("email", 1)), part(finding("cn.mobile", 2)), part(finding("cn.uscc", 1)))
    proof = prove({"findings": {"signature": ["cn.mobile", "email"], "at_least": 3}}, found=found)
    assert proof == Proof((Fact("found", "cn.mobile", 2), Fact("found", "email", 1)))


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        pytest.param({"persons": 3}, True, id="persons"),
        pytest.param({"persons": 4}, False, id="more persons"),
        pytest.param({"sensitive": "any"}, True, id="sensitive"),
        pytest.param({"sensitive": "unauthorised"}, True, id="sensitive, nothing authorised"),
        pytest.param({"all": [{"persons": 1}, {"body": True}]}, True, id="all"),
        pytest.param({"all": [{"persons": 1}, {"body": False}]}, False, id="all: one does not"),
        pytest.param({"any": [{"persons": 9}, {"body": True}]}, True, id="any"),
        pytest.param({"any": [{"persons": 9}, {"body": False}]}, False, id="any: none does"),
        pytest.param({"not": {"persons": 9}}, True, id="not"),
        pytest.param({"not": {"persons": 3}}, False, id="not: it does"),
        pytest.param({"persons": 3, "not": {"body": True}}, False, id="keys beside each other must all hold"),
        pytest.param({"any": [{"all": {"not": {"body": False}}}]}, True, id="within each other"),
    ],
)
def test_combinations(when, holds):
    found = inspection(part(finding("doc.contract")), persons=3)
    assert (prove(when, found=found, sensitive=[{"signature": "doc.contract"}]) is not None) is holds


def test_what_conditions_tell():
    when = {
        "destination": {"category": "other", "host": "upload.example"},
        "actor": {"group": "sales"},
        "persons": 2,
        "any": [{"part": {"encryption": "weak"}}, {"part": {"reason": "too-large"}}, {"part": {"over_mb": 1}}],
    }
    found = inspection(ZIP, DEEP, part(size_bytes=MIB + 1), part(size_bytes=3 * MIB), persons=5)
    proof = prove(when, to=transfer(actor=CHANG), found=found)
    assert proof.facts == (
        Fact("word", "category other"),
        Fact("word", "host listed"),
        Fact("word", "sender group sales"),
        Fact("persons", amount=5, limit=2),
        Fact("encryption", "zip-crypto weak", 1),
        Fact("unread", "too-large", 1),
        Fact("file-size", amount=3 * MIB, limit=MIB),
    )
    assert proof.judged == {0, 1}


@pytest.mark.parametrize(
    ("when", "judged"),
    [
        pytest.param({"encryption": "weak"}, {0}, id="a grade speaks of what is encrypted"),
        pytest.param({"read": False}, set(), id="that something is unread is no judgement of it"),
        pytest.param({"reason": ["encrypted", "too-large"]}, {0, 1}, id="reasons"),
        pytest.param({"coverage": "too-large"}, {1}, id="coverage"),
        pytest.param({"limit": "max_depth"}, {1}, id="limit"),
        pytest.param({"file": True}, set(), id="a file is any file"),
        pytest.param({"encryption": "strong"}, set(), id="strong, but what could not be read in it was not the lock"),
    ],
)
def test_which_unread_parts_a_condition_speaks_of(when, judged):
    torn = part(grade=Grade.STRONG, coverage=Coverage.MALFORMED, reason="malformed")
    proof = prove({"part": when}, found=inspection(ZIP, DEEP, torn))
    assert proof.judged == judged


def test_a_finding_below_the_severity_is_not_told():
    found = inspection(part(finding("email", 1, severity=Severity.LOW), finding("iban", 1)))
    assert prove({"findings": {"min_severity": "high"}}, found=found) == Proof((Fact("found", "iban", 1),))


def test_names_test_takes_a_pattern_for_what_lies_below():
    test = names_test(("secret.*",))
    assert [test(name) for name in ("secret.jwt", "secret", "secretary")] == [True, False, False]

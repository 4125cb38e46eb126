"""The verdict: strictest wins, order never matters, every ground kept, nothing told that was found."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.findings import Action, Inspection
from gateway.parts import Coverage, Grade
from gateway.policy.decide import decide, hold_mode, largest_body_bytes, refuse_size
from gateway.policy.load import load_policy
from gateway.transfer import Actor, Category, Region
from tests.samples.policies import TODAY, finding, inspection, part, policy, rule, transfer

LIMIT = 52_428_800
MIB = 1_048_576
DEFAULT = load_policy(None)
WECOM = transfer(category=Category.MESSAGING, service="wecom")
IDENT = finding("cn.resident-id", 12, "personal")
FORM = "multipart/form-data; boundary=x"


def told(verdict):
    return verdict.action.word, [ground.rule for ground in verdict.grounds]


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        pytest.param([], Action.ALLOW, id="no rule"),
        pytest.param(["allow"], Action.ALLOW, id="allow"),
        pytest.param(["allow", "log"], Action.LOG, id="log over allow"),
        pytest.param(["log", "coach", "allow"], Action.COACH, id="coach over log"),
        pytest.param(["hold", "coach"], Action.HOLD, id="hold over coach"),
        pytest.param(["allow", "hold", "block", "coach", "log"], Action.BLOCK, id="block over all"),
    ],
)
def test_the_strictest_wins_and_every_ground_is_kept(actions, action):
    verdict = decide(transfer(), inspection(), policy(*(rule(word, action=word) for word in actions)), today=TODAY)
    assert verdict.action is action
    assert [g.rule for g in verdict.grounds] == [w for w in ("block", "hold", "coach", "log", "allow") if w in actions]


def test_a_ground_carries_all_of_its_rule():
    under = policy(
        rule(
            "a.b",
            {"findings": {"signature": "cn.resident-id"}},
            basis=["S001-3.3(3)", "S002-c2"],
            says={"zh": "有{found}。", "en": "There is {found}."},
            guidance={"zh": "请加密。", "en": "Please encrypt."},
            route="drive",
            keep_content=False,
        ),
        routes={"drive": "https://drive.example/"},
    )
    verdict = decide(transfer(), inspection(part(IDENT)), under, today=TODAY)
    (ground,) = verdict.grounds
    assert asdict(replace(ground, says={}, guidance={})) == {
        "rule": "a.b",
        "action": Action.BLOCK,
        "basis": ("S001-3.3(3)", "S002-c2"),
        "because": "发现 cn.resident-id × 12。Found cn.resident-id × 12.",
        "says": {},
        "guidance": {},
        "route": "https://drive.example/",
        "enforced": True,
        "is_size": False,
        "keep_content": False,
        "by_length": False,
    }
    assert ground.says == {"zh": "有居民身份证号 × 12。", "en": "There is resident ID number × 12."}
    assert ground.guidance == {"zh": "请加密。", "en": "Please encrypt."}
    assert (verdict.policy_digest, verdict.exception) == (under.digest, "")


@pytest.mark.parametrize(
    ("mode", "action", "grounds"),
    [
        pytest.param("enforce", Action.BLOCK, [("a", True)], id="enforce"),
        pytest.param("monitor", Action.ALLOW, [("a", False)], id="monitor: recorded, not acted on"),
        pytest.param("off", Action.ALLOW, [], id="off: as if not written"),
    ],
)
def test_modes(mode, action, grounds):
    verdict = decide(transfer(), inspection(), policy(rule("a", mode=mode)), today=TODAY)
    assert (verdict.action, [(g.rule, g.enforced) for g in verdict.grounds]) == (action, grounds)


def test_every_rule_of_the_default_can_be_set_to_monitor():
    watched = replace(DEFAULT, rules=tuple(replace(r, mode="monitor") for r in DEFAULT.rules))
    found = inspection(part(IDENT, size_bytes=LIMIT + 1), part(reason="malformed", coverage=Coverage.MALFORMED))
    verdict = decide(WECOM, found, watched, today=TODAY)
    assert told(verdict) == ("allow", ["sensitive.unencrypted", "size.messaging-file", "unreadable.damaged"])
    assert not any(ground.enforced for ground in verdict.grounds)


def exception(**more):
    return {
        "id": "EX-1",
        "rules": "a",
        "actor": {"user": "chang"},
        "ticket": "T-1",
        "approver": "wei",
        "owner": "it",
        "expires": "2026-12-01",
        **more,
    }


@pytest.mark.parametrize(
    ("today", "action", "named"),
    [
        pytest.param(date(2026, 12, 1), Action.ALLOW, "EX-1", id="its last day"),
        pytest.param(date(2026, 12, 2), Action.BLOCK, "", id="expired"),
    ],
)
def test_an_exception_lifts_a_rule_until_its_last_day(today, action, named):
    under = policy(rule("a"), exceptions=[exception()])
    verdict = decide(transfer(actor=Actor("chang")), inspection(), under, today=today)
    assert (verdict.action, verdict.exception) == (action, named)
    assert [(g.rule, g.enforced) for g in verdict.grounds] == [("a", not named)]
    assert ("例外 EX-1" in verdict.grounds[0].because) is bool(named)


def test_an_exception_from_one_rule_leaves_the_others():
    under = policy(rule("a"), rule("b", action="hold"), exceptions=[exception()])
    verdict = decide(transfer(actor=Actor("chang")), inspection(), under, today=TODAY)
    assert (verdict.action, verdict.exception) == (Action.HOLD, "EX-1")


def test_an_exception_is_not_used_up_by_a_rule_on_monitor():
    under = policy(rule("a", mode="monitor"), exceptions=[exception()])
    assert decide(transfer(actor=Actor("chang")), inspection(), under, today=TODAY).exception == ""


def test_all_exceptions_used_are_named():
    under = policy(rule("a"), rule("b"), exceptions=[exception(rules="b", id="EX-2"), exception()])
    assert decide(transfer(actor=Actor("chang")), inspection(), under, today=TODAY).exception == "EX-1, EX-2"


def test_no_exception_lifts_what_the_gateway_itself_refuses():
    under = policy(rule("a"), exceptions=[exception()])
    verdict = decide(transfer(actor=Actor("chang")), Inspection(failure="crash"), under, today=TODAY)
    assert told(verdict) == ("block", ["a", "gateway.not-inspected"])
    assert [g.enforced for g in verdict.grounds] == [False, True]


AUTHORISED = {"id": "payroll", "destination": {"host": "pay.example"}, "class": ["personal", "account"], "owner": "hr"}


@pytest.mark.parametrize(
    ("host", "found", "expires", "action"),
    [
        pytest.param("pay.example", [IDENT], "2026-12-01", "allow", id="its class, its host, its last day"),
        pytest.param("pay.example", [IDENT], "2026-11-30", "block", id="expired"),
        pytest.param("other.example", [IDENT], "2026-12-01", "block", id="another host"),
        pytest.param(
            "pay.example", [IDENT, finding("secret.jwt", 1, "secret")], "2026-12-01", "block", id="a class more"
        ),
        pytest.param(
            "pay.example", [finding("x.y", 1, "personal", "secret")], "2026-12-01", "block", id="of two classes"
        ),
    ],
)
def test_sensitive_content_may_go_where_its_class_is_authorised(host, found, expires, action):
    under = policy(
        rule("a", {"sensitive": "unauthorised"}),
        sensitive=[{"class": ["personal", "secret"]}],
        authorised=[{**AUTHORISED, "expires": expires}],
    )
    verdict = decide(transfer(host=host), inspection(part(*found)), under, today=TODAY)
    assert verdict.action.word == action


def test_what_may_not_even_be_kept_silences_the_advice_of_other_rules():
    mark = finding("marking.state-secret", 1, "marking", "state-secret")
    verdict = decide(WECOM, inspection(part(mark, size_bytes=LIMIT + 1)), DEFAULT, today=TODAY)
    assert told(verdict) == ("block", ["marking.state-secret", "sensitive.unencrypted", "size.messaging-file"])
    first, *others = verdict.grounds
    assert first.guidance["en"] == "Please do not send it again in any way, and report to the secrecy office at once."
    assert [(dict(ground.guidance), ground.route) for ground in others] == [({}, ""), ({}, "")]
    assert [ground.keep_content for ground in verdict.grounds] == [False, True, True]


def test_on_monitor_it_silences_nothing():
    under = policy(rule("a", keep_content=False, mode="monitor"), rule("b"))
    verdict = decide(transfer(), inspection(), under, today=TODAY)
    assert [dict(g.guidance) for g in verdict.grounds] == [{"zh": "请联系。", "en": "Please ask."}] * 2


@pytest.mark.parametrize(
    ("to", "found", "expected"),
    [
        pytest.param(WECOM, inspection(part(size_bytes=LIMIT)), ("allow", []), id="exactly 50 MB"),
        pytest.param(
            WECOM, inspection(part(size_bytes=LIMIT + 1)), ("block", ["size.messaging-file"]), id="one byte more"
        ),
        pytest.param(
            transfer(category=Category.WEBMAIL),
            inspection(part(size_bytes=LIMIT + 1)),
            ("allow", []),
            id="not messaging",
        ),
        pytest.param(WECOM, inspection(part(size_bytes=LIMIT + 1, is_file=False)), ("allow", []), id="no file"),
        pytest.param(
            WECOM, inspection(part(size_bytes=9), part(size_bytes=LIMIT + 1, depth=1)), ("allow", []), id="its members"
        ),
        pytest.param(
            WECOM,
            inspection(part(size_bytes=LIMIT), part(size_bytes=LIMIT + 1)),
            ("block", ["size.messaging-file"]),
            id="one of two files",
        ),
        pytest.param(
            transfer(region=Region.OVERSEAS),
            inspection(part(IDENT)),
            ("block", ["sensitive.unencrypted", "overseas.personal-information"]),
            id="abroad: block wins over hold, both kept",
        ),
        pytest.param(
            transfer(region=Region.PRIVATE), inspection(part(IDENT)), ("block", ["sensitive.unencrypted"]), id="at home"
        ),
        pytest.param(
            WECOM,
            inspection(part(grade=Grade.STRONG, reason="encrypted", coverage=Coverage.ENCRYPTED)),
            ("log", ["encryption.strong"]),
            id="strongly encrypted",
        ),
        pytest.param(
            WECOM,
            inspection(
                part(grade=Grade.STRONG, reason="encrypted", coverage=Coverage.ENCRYPTED), part(IDENT, is_file=False)
            ),
            ("block", ["sensitive.unencrypted", "encryption.strong"]),
            id="strongly encrypted, and an identifier beside it",
        ),
        pytest.param(WECOM, inspection(part(grade=Grade.WEAK)), ("allow", []), id="a weak lock that kept nobody out"),
    ],
)
def test_the_default(to, found, expected):
    assert told(decide(to, found, DEFAULT, today=TODAY)) == expected


def test_order_of_rules_never_changes_the_verdict():
    found = inspection(
        part(IDENT, finding("marking.state-secret", 1, "marking"), size_bytes=LIMIT + 1), part(reason="malformed")
    )
    to = transfer(category=Category.MESSAGING, region=Region.UNKNOWN)
    some = [r for r in DEFAULT.rules if r.id in {v.rule for v in decide(to, found, DEFAULT, today=TODAY).grounds}]
    assert len(some) == 5
    verdicts = [decide(to, found, replace(DEFAULT, rules=order), today=TODAY) for order in permutations(some)]
    assert all(verdict == verdicts[0] for verdict in verdicts)


SIGNATURES = [
    "cn.resident-id",
    "cn.mobile",
    "email",
    "secret.jwt",
    "marking.internal",
    "doc.contract",
    "doc.customer-list",
]
FINDINGS = st.builds(
    lambda name, count, classes, confidence: finding(name, count, *classes, confidence=confidence),
    st.sampled_from(SIGNATURES),
    st.integers(1, 12),
    st.lists(st.sampled_from(["personal", "contact", "secret", "marking", "document"]), max_size=2, unique=True),
    st.floats(0, 1),
)
PARTS = st.builds(
    lambda findings, **more: part(*findings, **more),
    st.lists(FINDINGS, max_size=3),
    size_bytes=st.sampled_from([0, LIMIT, LIMIT + 1]),
    grade=st.sampled_from(Grade),
    coverage=st.sampled_from(Coverage),
    reason=st.sampled_from(["", "malformed", "too-large", "encrypted", "unsupported", "unheard-of"]),
    depth=st.integers(0, 2),
    is_file=st.booleans(),
)
INSPECTIONS = st.builds(
    lambda parts, **more: inspection(*parts, **more),
    st.lists(PARTS, max_size=4),
    persons=st.integers(0, 9),
    failure=st.sampled_from(["", "", "", "crash", "malformed: x"]),
    distinct=st.dictionaries(st.sampled_from(SIGNATURES), st.integers(0, 20), max_size=3),
)
TRANSFERS = st.builds(transfer, category=st.sampled_from(Category), region=st.sampled_from(Region))


@given(TRANSFERS, INSPECTIONS, st.randoms())
def test_any_order_the_same_verdict_and_nothing_found_is_told(to, found, random):
    shuffled = list(DEFAULT.rules)
    random.shuffle(shuffled)
    verdict = decide(to, found, DEFAULT, today=TODAY)
    assert decide(to, found, replace(DEFAULT, rules=tuple(shuffled)), today=TODAY) == verdict
    assert "4711" not in str(verdict)
    if found.failure or any(
        p.coverage is not Coverage.INSPECTED for p in found.parts if p.coverage != Coverage.ENCRYPTED
    ):
        assert not verdict.action.lets_through


@given(TRANSFERS, INSPECTIONS)
def test_more_content_never_softens_the_verdict(to, found):
    more = replace(found, parts=(*found.parts, part(IDENT, finding("secret.jwt", 1, "secret"))))
    assert decide(to, more, DEFAULT, today=TODAY).action >= decide(to, found, DEFAULT, today=TODAY).action


# ------------------------------------------------------------------ before inspection


def refusal(to, size_bytes, under=DEFAULT, *, today=TODAY, whole_body=True):
    return refuse_size(to, size_bytes, under, today=today, whole_body=whole_body)


def messaging(content_type="", **more):
    return transfer(category=Category.MESSAGING, content_type=content_type, body_bytes=0, **more)


@pytest.mark.parametrize(
    ("to", "longest"),
    [
        pytest.param(messaging(), LIMIT, id="raw, no type"),
        pytest.param(messaging("application/octet-stream"), LIMIT, id="raw"),
        pytest.param(messaging("image/png", content_encoding="gzip"), LIMIT + MIB, id="raw, encoded"),
        pytest.param(messaging(FORM), LIMIT + MIB, id="a form"),
        pytest.param(messaging("application/json"), LIMIT * 4 // 3 + MIB, id="base64 in JSON"),
        pytest.param(
            messaging("application/x-www-form-urlencoded"), LIMIT * 3 // 2 + MIB, id="base64 in a form of text"
        ),
    ],
)
def test_the_longest_body_of_one_file(to, longest):
    assert largest_body_bytes(to, DEFAULT, today=TODAY) == longest
    assert refusal(to, longest) is None
    verdict = refusal(to, longest + 1)
    (ground,) = verdict.grounds
    assert (verdict.action, ground.rule, ground.is_size) == (Action.BLOCK, "size.messaging-file", True)
    assert verdict.policy_digest == DEFAULT.digest


@pytest.mark.parametrize(
    "to",
    [
        pytest.param(messaging(many_files=True), id="many files in one request"),
        pytest.param(transfer(category=Category.ENTERPRISE_CLOUD), id="the company drive"),
        pytest.param(transfer(), id="anywhere else"),
    ],
)
def test_where_the_length_decides_nothing(to):
    assert refusal(to, 10**12) is None
    if not to.destination.many_files:
        assert largest_body_bytes(to, DEFAULT, today=TODAY) is None


@pytest.mark.parametrize(
    ("whole_body", "because"),
    [
        pytest.param(
            True,
            "目的地类别 messaging；请求正文 52,428,801 字节，单个文件上限 52,428,800 字节。"
            "Category messaging; request body of 52,428,801 bytes, limit 52,428,800 for one file.",
            id="declared",
        ),
        pytest.param(
            False,
            "目的地类别 messaging；请求正文已收到 52,428,801 字节，单个文件上限 52,428,800 字节。"
            "Category messaging; 52,428,801 bytes of request body so far, limit 52,428,800 for one file.",
            id="counted so far",
        ),
    ],
)
def test_an_early_refusal_tells_the_length(whole_body, because):
    (ground,) = refusal(messaging(), LIMIT + 1, whole_body=whole_body).grounds
    assert ground.because == because
    assert ground.says["zh"] == "通过即时通讯工具发送的单个文件不能超过 50 MB，您的文件超过了这个大小。"


SIZE = {"destination": {"category": "messaging"}, "part": {"over_mb": 50}}


@pytest.mark.parametrize(
    ("entry", "action"),
    [
        pytest.param(rule("a", SIZE), "block", id="block"),
        pytest.param(rule("a", SIZE, "hold"), "hold", id="hold"),
        pytest.param(rule("a", SIZE, "coach"), None, id="coach lets through"),
        pytest.param(rule("a", SIZE, mode="monitor"), None, id="monitor"),
        pytest.param(rule("a", SIZE, mode="off"), None, id="off"),
        pytest.param(rule("a", {**SIZE, "persons": 1}), None, id="needs inspection"),
        pytest.param(rule("a", {**SIZE, "destination": {"region": "unknown"}}), None, id="needs the server's place"),
        pytest.param(rule("a", {**SIZE, "body": True}), "block", id="a body is on its way"),
    ],
)
def test_which_rules_refuse_early(entry, action):
    verdict = refusal(messaging(), LIMIT + 1, policy(entry))
    assert (verdict and verdict.action.word) == action


@pytest.mark.parametrize(
    ("up_to", "size_bytes", "today", "refused"),
    [
        pytest.param({}, 10**12, TODAY, False, id="any size"),
        pytest.param({"up_to_mb": 200}, 200 * MIB, TODAY, False, id="exactly the larger limit"),
        pytest.param({"up_to_mb": 200}, 200 * MIB + 1, TODAY, True, id="over the larger limit"),
        pytest.param({}, LIMIT + 1, date(2026, 12, 2), True, id="expired"),
    ],
)
def test_an_exception_moves_the_early_limit(up_to, size_bytes, today, refused):
    under = policy(rule("a", SIZE), exceptions=[exception(**up_to)])
    to = messaging(actor=Actor("chang"))
    assert (refusal(to, size_bytes, under, today=today) is not None) is refused
    assert refusal(messaging(actor=Actor("wei")), size_bytes, under, today=today) is not None


def test_the_longest_body_follows_the_exception():
    under = policy(rule("a", SIZE), exceptions=[exception(up_to_mb=200)])
    assert largest_body_bytes(messaging(actor=Actor("chang")), under, today=TODAY) == 200 * MIB
    assert largest_body_bytes(messaging(), under, today=TODAY) == LIMIT


@given(st.integers(0, 2 * LIMIT), st.sampled_from(["", FORM, "application/json"]))
def test_what_is_refused_early_is_refused_after_inspection_too(size_bytes, content_type):
    if refusal(messaging(content_type), size_bytes):
        inner = size_bytes if not content_type else size_bytes - MIB
        file_bytes = inner * 3 // 4 if "json" in content_type else inner
        assert file_bytes >= LIMIT
        assert told(decide(WECOM, inspection(part(size_bytes=file_bytes + 1)), DEFAULT, today=TODAY))[0] == "block"


ABROAD = {"destination": {"region": "overseas"}, "hold": "chunks"}
EVERYWHERE = {"hold": "commit"}


@pytest.mark.parametrize(
    ("uploads", "region", "mode"),
    [
        pytest.param([], Region.DOMESTIC, "chunks", id="nothing said is the strictest"),
        pytest.param([EVERYWHERE], Region.OVERSEAS, "commit", id="everywhere"),
        pytest.param([ABROAD, EVERYWHERE], Region.OVERSEAS, "chunks", id="strictest"),
        pytest.param([EVERYWHERE, ABROAD], Region.OVERSEAS, "chunks", id="order means nothing"),
        pytest.param([EVERYWHERE, ABROAD], Region.DOMESTIC, "commit", id="elsewhere"),
        pytest.param([{**ABROAD, "hold": "commit"}], Region.DOMESTIC, "chunks", id="none fits"),
    ],
)
def test_how_an_upload_in_pieces_is_held(uploads, region, mode):
    assert hold_mode(transfer(region=region), policy(uploads=uploads), today=TODAY) == mode


@pytest.mark.parametrize(
    ("known", "action"),
    [("none", Action.ALLOW), ("unknown", Action.BLOCK), ("protected", Action.BLOCK), ("seen", Action.ALLOW)],
)
def test_a_hash_in_place_of_bytes_is_a_condition(known, action):
    under = policy(rule(when={"known_hash": ["unknown", "protected"]}))
    assert under.asks_hash
    assert decide(transfer(), replace(inspection(), known_hash=known), under, today=TODAY).action is action


def test_only_a_rule_that_asks_needs_the_index():
    assert not DEFAULT.asks_hash
    assert not policy(rule(when={"known_hash": "none"})).asks_hash

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.findings import Action, Finding, Ground, Inspection, PartReport, Severity, Verdict
from gateway.parts import Coverage, Encryption, Grade
from gateway.records.chain import encode
from gateway.records.record import build_record, outcome_record
from gateway.transfer import Actor, Audience, Category, Channel, Destination, Region, Request, Transfer

TRANSFER = Transfer(
    id="019a0000-0000-7000-8000-000000000001",
    at="2026-03-01T12:00:00.000Z",
    actor=Actor("li.wei", ("sales",), "staff", "华东", "10.0.0.7", "proxy-auth"),
    destination=Destination(
        "api.slack.com",
        443,
        "203.0.113.7",
        "US",
        Region.OVERSEAS,
        "slack",
        "upload",
        Category.MESSAGING,
        "T1",
        "enterprise",
        "C1",
        Audience.EXTERNAL,
    ),
    channel=Channel.HTTP2,
    request=Request("POST", "/files/11010519491231002X", "token=s3cret", {"content-type": "Text/Plain; name=x"}, 123),
)
FINDING = Finding("cn.resident-id", 2, Severity.HIGH, 0.95, ("personal",), 2, "1101**********002X", "word/document.xml")
PART = PartReport(
    "a.zip!/名单.docx",
    "名单.docx",
    2048,
    "a" * 64,
    "application/msword; x=y",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Encryption("zip-crypto", Grade.WEAK, names_visible=True),
    (FINDING,),
    Coverage.PARTIAL,
)
INSPECTION = Inspection((PART,), {"cn.resident-id": 2}, 2, path="/files/1101**********002X")
GROUND = Ground(
    "encryption.required",
    Action.BLOCK,
    ("S001-3.3(3)",),
    "cn.resident-id ×2 in a.zip!/名单.docx, weakly encrypted",
    {"zh": "未加密", "en": "not encrypted"},
    {"zh": "请加密", "en": "encrypt it"},
)
VERDICT = Verdict(Action.BLOCK, (GROUND,), "d" * 64, "E-7")


def _record(transfer=TRANSFER, inspection=INSPECTION, verdict=VERDICT, **over):
    return build_record(transfer, inspection, verdict, **{"node": "edge-1", "duration_ms": 12.34567, **over})


def test_the_record_is_that_of_the_interface():
    assert _record() == {
        "id": "019a0000-0000-7000-8000-000000000001",
        "at": "2026-03-01T12:00:00.000Z",
        "node": "edge-1",
        "policy_digest": "d" * 64,
        "duration_ms": 12.346,
        "actor": {
            "user": "li.wei",
            "groups": ["sales"],
            "role": "staff",
            "department": "华东",
            "ip": "10.0.0.7",
            "authenticated_by": "proxy-auth",
        },
        "destination": {
            "host": "api.slack.com",
            "port": 443,
            "ip": "203.0.113.7",
            "country": "US",
            "region": "overseas",
            "service": "slack",
            "endpoint": "upload",
            "kind": "",
            "category": "messaging",
            "tenant": "T1",
            "account": "enterprise",
            "conversation": "C1",
            "audience": "external",
            "reader": "none",
        },
        "channel": "http/2",
        "request": {
            "method": "POST",
            "path": "/files/1101**********002X",
            "content_type": "text/plain",
            "bytes": 123,
        },
        "parts": [
            {
                "path": "a.zip!/名单.docx",
                "name": "名单.docx",
                "size_bytes": 2048,
                "sha256": "a" * 64,
                "declared_type": "application/msword",
                "media_type": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "encryption": {"scheme": "zip-crypto", "grade": "weak", "names_visible": True},
                "findings": [
                    {
                        "signature": "cn.resident-id",
                        "count": 2,
                        "severity": "high",
                        "confidence": 0.95,
                        "classes": ["personal"],
                        "persons": 2,
                        "sample": "1101**********002X",
                        "location": "word/document.xml",
                    }
                ],
                "coverage": "partial",
                "is_file": False,
                "depth": 0,
                "reason": "",
                "limit": "",
            }
        ],
        "coverage": "partial",
        "inspection": {
            "persons": 2,
            "distinct": {"cn.resident-id": 2},
            "failure": "",
            "rules_overtime": 0,
            "known_hash": "none",
        },
        "verdict": {
            "action": "block",
            "rules": [
                {
                    "id": "encryption.required",
                    "action": "block",
                    "basis": ["S001-3.3(3)"],
                    "because": "cn.resident-id ×2 in a.zip!/名单.docx, weakly encrypted",
                    "enforced": True,
                    "says": {"zh": "未加密", "en": "not encrypted"},
                    "guidance": {"zh": "请加密", "en": "encrypt it"},
                }
            ],
            "exception": "E-7",
        },
    }


def test_the_record_is_plain_json_without_query_and_header_values():
    text = encode(_record()).decode()
    assert json.loads(text) == _record()
    assert "s3cret" not in text
    assert "11010519491231002X" not in text


@pytest.mark.parametrize(
    ("reason", "detail", "limit"),
    [
        pytest.param("", "", "", id="read"),
        pytest.param("malformed", "zip: SAMPLE-4711", "", id="its sentence stays out"),
        pytest.param("too-large", "max_depth: 9 is over the allowed 8", "max_depth", id="a bound by its name"),
        pytest.param("too-large", "max_secret: 9", "", id="no bound of ours"),
    ],
)
def test_of_why_a_part_was_not_read_closed_words_are_kept(reason, detail, limit):
    record = _record(inspection=Inspection((replace(PART, reason=reason, detail=detail, depth=3, is_file=True),)))
    part = record["parts"][0]
    told = {"is_file": True, "depth": 3, "reason": reason, "limit": limit}
    assert {key: part[key] for key in told} == told
    assert "4711" not in str(record)


@pytest.mark.parametrize(
    ("failure", "word"),
    [("", ""), ("crash", "crash"), ("malformed: SAMPLE-4711", "malformed"), ("SAMPLE-4711", "other")],
    ids=["none", "a word", "a sentence", "unknown"],
)
def test_of_a_failure_one_word_is_kept(failure, word):
    told = _record(inspection=Inspection(failure=failure, rules_overtime=("r",), known_hash="seen"))["inspection"]
    assert told == {"persons": 0, "distinct": {}, "failure": word, "rules_overtime": 1, "known_hash": "seen"}


def test_a_ground_by_length_alone_says_so():
    verdict = Verdict(Action.BLOCK, (GROUND, replace(GROUND, by_length=True)))
    assert [rule.get("by_length") for rule in _record(verdict=verdict)["verdict"]["rules"]] == [None, True]


def test_what_a_replay_needs_makes_a_record_a_little_longer():
    record = _record(inspection=replace(INSPECTION, parts=(PART,) * 20))
    plain = json.loads(json.dumps(record))
    del plain["inspection"], plain["destination"]["reader"]
    for part in plain["parts"]:
        del part["is_file"], part["depth"], part["reason"], part["limit"]
    assert len(encode(record)) < 1.15 * len(encode(plain))


SECRET = Ground("state-secret", Action.BLOCK, ("S001-3.1(5)",), "marked", keep_content=False)


@pytest.mark.parametrize(
    ("grounds", "kept"),
    [
        pytest.param((GROUND,), True, id="no such rule"),
        pytest.param((GROUND, SECRET), False, id="enforced"),
        pytest.param(
            (GROUND, Ground("state-secret", Action.BLOCK, (), "marked", enforced=False, keep_content=False)),
            True,
            id="on monitor",
        ),
    ],
)
def test_of_state_secrets_only_hash_size_and_types_stay(grounds, kept):
    record = _record(verdict=Verdict(Action.BLOCK, grounds, "d"))
    part = record["parts"][0]
    assert ("名单" in json.dumps({**record, "verdict": ""}, ensure_ascii=False)) == kept
    assert ("1101" in json.dumps({**record, "verdict": ""})) == kept
    assert (part["path"], part["name"], part["findings"][0]["sample"], part["findings"][0]["location"]) == (
        ("a.zip!/名单.docx", "名单.docx", "1101**********002X", "word/document.xml") if kept else ("", "", "", "")
    )
    assert record["request"]["path"] == ("/files/1101**********002X" if kept else "/…")
    assert (part["sha256"], part["size_bytes"], part["declared_type"]) == ("a" * 64, 2048, "application/msword")
    assert part["findings"][0]["signature"] == "cn.resident-id"


@pytest.mark.parametrize(
    ("masked", "path", "known", "expected"),
    [
        pytest.param("/a/b", "/a/b", "", "/a/b", id="masked"),
        pytest.param("", "/a/11010519491231002X", "", "/…", id="not inspected"),
        pytest.param("", "/api/v1/11010519491231002X", "/api/v1/", "/api/v1/…", id="not inspected, prefix known"),
        pytest.param("", "/", "", "/", id="nothing to mask"),
    ],
)
def test_the_path_is_masked_or_not_shown(masked, path, known, expected):
    transfer = Transfer("i", "a", Actor(), Destination("a.example"), Channel.HTTP1, Request(path=path))
    record = _record(transfer, Inspection(path=masked), known_path=known)
    assert record["request"]["path"] == expected


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        pytest.param("PUT", "PUT", id="known"),
        pytest.param("11010519491231002X", "OTHER", id="carries a value"),
        pytest.param("", "OTHER", id="empty"),
    ],
)
def test_a_method_is_one_of_a_closed_set(method, expected):
    transfer = Transfer("i", "a", Actor(), Destination("a.example"), Channel.HTTP1, Request(method))
    assert _record(transfer)["request"]["method"] == expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param("", "", id="none"),
        pytest.param("application/pdf", "application/pdf", id="plain"),
        pytest.param('multipart/form-data; boundary="11010519491231002X"', "multipart/form-data", id="parameters"),
        pytest.param(" Text/HTML ", "text/html", id="capitals"),
        pytest.param("application/vnd.3gpp.mcptt-info+xml", "application/vnd.3gpp.mcptt-info+xml", id="digits"),
        pytest.param("application/x-4111111111111111", "", id="a number in it"),
        pytest.param("名单/合同", "", id="no token"),
        pytest.param("pdf", "", id="no slash"),
        pytest.param("a/b/c", "", id="two slashes"),
        pytest.param(f"a/{'b' * 200}", "", id="too long"),
    ],
)
def test_content_types_hide_nothing(declared, expected):
    transfer = Transfer(
        "i", "a", Actor(), Destination("a.example"), Channel.HTTP1, Request(headers={"content-type": declared})
    )
    assert _record(transfer)["request"]["content_type"] == expected


def test_many_parts_are_told_worst_first():
    plain = PartReport("p", "p", 1, "b" * 64, "", "text/plain")
    inspection = Inspection((plain,) * 1500 + (PART,), path="/")
    record = _record(inspection=inspection)
    assert len(record["parts"]) == 1000
    assert [part["name"] for part in record["parts"][:2]] == ["名单.docx", "p"]
    assert record["parts_omitted"] == 501
    assert "parts_omitted" not in _record()


def test_a_failed_inspection_has_no_parts_and_says_how_much_was_read():
    record = _record(inspection=Inspection(failure="timeout"))
    assert (record["parts"], record["coverage"]) == ([], "timeout")


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_record(name, path, content_type):
    transfer = Transfer(
        "i",
        "a",
        Actor(name),
        Destination("a.example"),
        Channel.HTTP1,
        Request(path=path, headers={"content-type": content_type}),
    )
    part = PartReport(name, name, 1, "b" * 64, content_type, "text/plain")
    record = _record(transfer, Inspection((part,), path=path))
    assert json.loads(encode(record)) == record


def test_outcome_record():
    assert outcome_record("i", "forwarded (200)", "2026-03-01T12:00:01.000Z") == {
        "id": "i",
        "outcome": "forwarded (200)",
        "at": "2026-03-01T12:00:01.000Z",
    }


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("api.slack.com", "api.slack.com"),
        ("11010519491231002x.evil.example", "**************002x.evil.example"),
        ("a4111111111111111b.example", "a************1111b.example"),
        ("123456789012.dkr.ecr.example", "123456789012.dkr.ecr.example"),
    ],
    ids=["name", "identity", "card", "account of a cloud"],
)
def test_numbers_in_the_name_of_a_server_are_masked(host, shown):
    where = replace(TRANSFER.destination, host=host)
    assert _record(replace(TRANSFER, destination=where))["destination"]["host"] == shown

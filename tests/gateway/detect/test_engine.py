import base64
import random
import shutil
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.detect.detector import Trigger
from gateway.detect.engine import Detection, Engine, build_engine, settle
from gateway.detect.match import Match
from gateway.detect.signatures import Signature
from gateway.detect.tally import Tally
from gateway.errors import ConfigError, DetectorError
from gateway.findings import Finding, Severity
from gateway.limits import Limits
from tests.samples import identifiers as samples
from tests.samples.detection import SIGNATURES, TODAY, part

NUMBER, PERSON = "13800138000", "11010519491231002X"


@pytest.fixture(scope="module")
def shipped():
    return build_engine([SIGNATURES], limits=Limits())


def names(engine, *texts, data=b""):
    detection = engine.detect(part(*texts, data=data), Tally(b"key"), today=TODAY)
    assert detection.errors == ()
    return {finding.signature: finding.count for finding in detection.findings}


def signature(name="x.word", classes=("contact",), **more):
    return Signature.model_validate(
        {
            "name": name,
            "title": {"zh": "词", "en": "Word"},
            "severity": "high",
            "classes": classes,
            "detector": "x.word",
            "confidence": {"base": 0.5, "with_context": 0.5},
            "mask": "number",
            "status": "stable",
            "cases": {"find": ["1"], "ignore": ["x"]},
            **more,
        }
    )


class Numbers:
    """Yields every word of digits, in the order of the text; raises where told."""

    def __init__(self, key="x.word", pattern="[0-9]", fail=""):
        self.key, self.pattern, self.fail = key, pattern, fail

    def triggers(self, _signatures):
        return [Trigger(self.pattern)] if self.pattern else []

    def find(self, document, signatures):
        for view in document.pages:
            at = 0
            for word in view.text.split(" "):
                if self.fail and word == self.fail:
                    raise KeyError(word)
                if word.isdigit():
                    for name in signatures:
                        yield Match(name, at, at + len(word), word, 0.5, f"id:{word}", view.location)
                at += len(word) + 1


def engine(*signatures, detectors=None, limits=None):
    return Engine(signatures or (signature(),), detectors or [Numbers()], limits=limits or Limits())


def test_a_finding_says_everything_but_the_value():
    tally = Tally(b"key")
    detection = engine().detect(part("123456 x 654321 123456", location="page 1"), tally, today=TODAY)
    assert detection == Detection(
        (Finding("x.word", 2, Severity.HIGH, 0.5, ("contact",), 2, "****56", "page 1"),),
    )
    assert (dict(tally.distinct), tally.persons) == ({"x.word": 2}, 2)


def test_reveal_shows_values_but_no_state_secret():
    own = signature(), signature("x.mark", ("marking", "state-secret"))
    detection = engine(*own).detect(part("123456"), Tally(b"key"), today=TODAY, reveal=True)
    assert [(finding.signature, finding.sample) for finding in detection.findings] == [
        ("x.mark", ""),
        ("x.word", "123456"),
    ]


def test_a_detector_that_raises_loses_only_its_own_rest():
    own = signature(), signature("x.other", detector="x.other")
    detectors = [Numbers(fail="boom"), Numbers("x.other")]
    detection = engine(*own, detectors=detectors).detect(part("1 boom 2"), Tally(b"key"), today=TODAY)
    assert {finding.signature: finding.count for finding in detection.findings} == {"x.word": 1, "x.other": 2}
    ((error),) = detection.errors
    assert (error.detector, error.kind, str(error)) == ("x.word", "KeyError", "detector x.word failed with KeyError")


def test_a_detector_sleeps_where_its_trigger_does_not_occur():
    assert names(engine(detectors=[Numbers(fail="boom")]), "boom") == {}


def test_a_detector_without_triggers_always_runs():
    detection = engine(detectors=[Numbers(pattern="", fail="boom")]).detect(part("boom"), Tally(b"key"), today=TODAY)
    assert [error.kind for error in detection.errors] == ["KeyError"]


def test_too_many_values_are_told():
    few = engine(limits=replace(Limits(), max_findings=3))
    within = few.detect(part("1 2 3 2 1"), Tally(b"key"), today=TODAY)
    over = few.detect(part("1 2 3 4 5"), Tally(b"key"), today=TODAY)
    assert (within.findings[0].count, within.errors) == (3, ())
    assert over.findings[0].count == 3
    assert [(error.detector, error.kind) for error in over.errors] == [("x.word", "too-many-matches")]


def test_too_many_values_without_a_class_mean_nothing():
    few = engine(signature(classes=()), limits=replace(Limits(), max_findings=3))
    detection = few.detect(part("1 2 3 4 5"), Tally(b"key"), today=TODAY)
    assert (detection.findings[0].count, detection.errors) == (3, ())


def test_too_many_places_are_told(monkeypatch):
    monkeypatch.setattr("gateway.detect.matcher.MAX_PLACES", 2)
    detection = engine().detect(part("1 2 3"), Tally(b"key"), today=TODAY)
    assert [(error.detector, error.kind) for error in detection.errors] == [("x.word", "too-many-places")]
    assert detection.findings[0].count == 3


def test_a_value_repeated_a_million_times_stays_small():
    detection = engine().detect(part("123456 " * 100_000), Tally(b"key"), today=TODAY)
    assert (detection.findings[0].count, detection.errors) == (1, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("6222028297957156833", {"cn.bank-card": 1}, id="bank card"),
        pytest.param("4367421873580558831", {"cn.bank-card": 1}, id="Visa prefix of a Chinese bank"),
        pytest.param("postgres://app:s3cr3t-Pw@db.example.com/x", {"secret.connection-string": 1}, id="no e-mail"),
        pytest.param(f"身份证 {PERSON}", {"cn.resident-id": 1}, id="resident ID"),
        pytest.param("密码: Abc123!xyz", {"message.password": 1}, id="password in Chinese"),
        pytest.param("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {"secret.aws-key": 1}, id="AWS"),
    ],
)
def test_overlaps(shipped, text, expected):
    assert names(shipped, text) == expected


def test_settle_keeps_what_lies_apart_or_in_another_text():
    card = Match("card.pan", 0, 10, "1", 0.5, view=0)
    person = Match("cn.resident-id", 5, 15, "2", 0.5, view=0)
    apart = Match("card.pan", 15, 25, "3", 0.5, view=0)
    elsewhere = Match("card.pan", 5, 15, "4", 0.5, view=1)
    assert settle([card, person, apart, elsewhere]) == [person, apart, elsewhere]


def test_persons_of_a_row_are_one(shipped):
    rng = random.Random(20)
    rows = [f"{samples.resident_id(rng)},{samples.mobile(rng)},u{n}@example.com" for n in range(50)]
    tally = Tally(b"key")
    shipped.detect(part("\n".join(rows)), tally, today=TODAY)
    shipped.detect(part("\n".join(row.split(",")[1] for row in rows)), tally, today=TODAY)
    assert tally.persons == 50
    assert dict(tally.distinct) == {"cn.mobile": 50, "cn.resident-id": 50, "email": 50}


def test_values_spread_over_parts_and_texts_count_together(shipped):
    tally = Tally(b"key")
    for text in (("13800138000",), ("138-0013-8000", "13900139000")):
        shipped.detect(part(*text), tally, today=TODAY)
    assert dict(tally.distinct) == {"cn.mobile": 2}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00\x01\x02tel 13800138000 of the client\x00", id="ASCII"),
        pytest.param(b"\x00\x01" + "电话 13800138000 客户名单".encode("gb18030") + b"\xff", id="GB18030"),
        pytest.param(b"\x00\x01" + "tel 13800138000 of the client".encode("utf-16-le") + b"\xff", id="UTF-16"),
    ],
)
def test_bytes_that_gave_no_text_are_looked_at(shipped, data):
    assert names(shipped, data=data) == {"cn.mobile": 1}


@pytest.mark.parametrize("seed", [21, 22])
def test_noise_gives_nothing(shipped, seed):
    assert names(shipped, data=random.Random(seed).randbytes(10_000_000)) == {}


def lines(make, count=3000):
    rng = random.Random(23)
    return "\n".join(make(rng) for _ in range(count))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            lines(lambda r: f"2026-10-{r.randrange(1, 29)} 12:00:01,{r.randrange(999)} INFO worker-{r.randrange(9)} "
                  f"request {r.getrandbits(128):032x} took {r.random() * 99:.3f} ms, {r.randrange(10**9)} bytes"),
            id="log",
        ),
        pytest.param(lines(lambda r: str(uuid.UUID(int=r.getrandbits(128)))), id="UUIDs"),
        pytest.param(lines(lambda r: f"{r.randrange(16**8):08x}: " + r.randbytes(16).hex(" ", 2)), id="hex dump"),
        pytest.param(lines(lambda r: r.randbytes(32).hex()), id="digests"),
        pytest.param(lines(lambda r: r.randbytes(32).hex().upper()), id="upper-case digests"),
        pytest.param(lines(lambda r: ",".join(f"{r.uniform(-1000, 1000):.6f}" for _ in range(8))), id="floats"),
        pytest.param(lines(lambda r: ",".join(repr(r.random()) for _ in range(5))), id="long floats"),
        pytest.param(lines(lambda r: f"SO2026{r.randrange(10**12):012d},{r.randrange(9)}"), id="order numbers"),
        pytest.param(lines(lambda r: str(r.randrange(10**15, 10**16))), id="sixteen digits"),
        pytest.param(lines(lambda r: str(r.randrange(10**17, 10**18))), id="eighteen digits"),
        pytest.param(lines(lambda r: str(r.randrange(10**18, 10**19))), id="nineteen digits"),
        pytest.param(lines(lambda r: str(r.randrange(10**10, 10**11))), id="eleven digits"),
        pytest.param(lines(lambda r: str(1_790_000_000_000 + r.randrange(10**9))), id="milliseconds"),
        pytest.param(lines(lambda r: " ".join(str(r.randrange(10)) for _ in range(18))), id="digits in columns"),
        pytest.param(lines(lambda r: "-".join(f"{r.randrange(10**4):04d}" for _ in range(4))), id="licence numbers"),
        pytest.param(lines(lambda r: base64.b64encode(r.randbytes(57)).decode()), id="base64"),
        pytest.param(
            "国家统计局公布，2025年全国粮食总产量13908亿斤，比上年增加1.6%。分品种看，谷物产量稳步提高；分区域看，"
            "主产区贡献率保持在七成以上。会议要求，各地要压实责任，守住底线，持续增加投入。" * 40,
            id="news",
        ),
        pytest.param(Path(__file__).parents[3].joinpath("gateway", "detect", "engine.py").read_text(), id="source code"),
    ],
)  # fmt: skip
def test_benign_texts_have_no_sensitive_class(shipped, text):
    detection = shipped.detect(part(text), Tally(b"key"), today=TODAY)
    sensitive = {"personal", "account", "contact", "secret", "password", "marking", "customer-list", "financial"}
    assert [finding.signature for finding in detection.findings if sensitive.intersection(finding.classes)] == []
    assert detection.errors == ()


UNITS = """a@ a@b. a.b@c.co -----BEGIN·PRIVATE·KEY----- eyJaaaaaaaa. eyJaaaaaaaaa password= password:" 京A1 姓名:
    姓名：张 1· 1- 12 138-0013-8000· 4111· 62220 路1号 北京市路1号 %41 &#49; \\u0031 ://a:b@ mysql://a:b@h· ;password=
    server=a; lat:1.234, secret_access_key= xoxb-1- 密码是 密码：Abc1! password·is· GB82·WEST· 078-05- 1.1.1. QUJD
    一二三 E12345678·护照 PuTTY-User-Key-File-2: 0755-2634 合同 绝密 甲方： | a,b,c,"""


@pytest.mark.parametrize("unit", UNITS.split())
def test_hostile_texts_take_linear_time(shipped, unit):
    unit = unit.replace("·", " ")
    text = unit * (60_000 // len(unit))
    began = time.process_time()
    shipped.detect(part(text), Tally(b"key"), today=TODAY)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        pytest.param(f"{PERSON}.pdf", "**************002X.pdf", id="resident ID"),
        pytest.param("a_13800138000_b.xlsx", "a_*******8000_b.xlsx", id="mobile"),
        pytest.param("/x/%31%33800138000?y", "/x/*******8000?y", id="escaped"),
        pytest.param("１３８００１３８０００", "*******8000", id="full-width"),
        pytest.param("13\u200b800138000.txt", "*******8000.txt", id="invisible"),
        pytest.param("绝密-方案.docx", "***-方案.docx", id="mark"),
        pytest.param("13800138000,4111111111111111 a@example.com", "*******8000,************1111 ***@example.com", id="several"),
        pytest.param("/index.html", "/index.html", id="nothing"),
        pytest.param("合同.docx", "合同.docx", id="a document's kind is no value"),
        pytest.param("", "", id="empty"),
    ],
)  # fmt: skip
def test_mask(shipped, text, masked):
    assert shipped.mask(text, today=TODAY) == masked


def test_mask_of_overlapping_values_keeps_nothing_of_either():
    class Two(Numbers):
        def find(self, document, signatures):
            yield Match("x.word", 0, 6, "123456", 0.5)
            yield Match("x.word", 3, 9, "456789", 0.5)
            yield Match("x.word", 4, 8, "5678", 0.5)

    assert engine(detectors=[Two()]).mask("1234567890", today=TODAY) == "****560"


def test_mask_keeps_nothing_where_a_detector_fails():
    assert engine(detectors=[Numbers(fail="boom")]).mask("boom 123456", today=TODAY) == "***"


def test_mask_of_a_mark_shows_stars():
    assert engine(signature(mask="none")).mask("x 123456", today=TODAY) == "x ***"


def test_build_lists_unknown_detectors(tmp_path):
    shutil.copytree(SIGNATURES, tmp_path / "s")
    file = tmp_path / "s" / "identifiers" / "email.yaml"
    file.write_text(file.read_text().replace("detector: email", "detector: mail"))
    with pytest.raises(ConfigError, match=r"email.yaml:1: detector: 'mail' is unknown; known are .*email.*ipv4"):
        build_engine([str(tmp_path / "s")], limits=Limits())


def test_build_says_what_a_detector_refuses(tmp_path):
    shutil.copytree(SIGNATURES, tmp_path / "s")
    file = tmp_path / "s" / "dictionaries" / "marking.internal.yaml"
    file.write_text(file.read_text().replace("\n  marks:\n", "\n  remarks:\n"))
    with pytest.raises(ConfigError, match="remarks"):
        build_engine([str(tmp_path / "s")], limits=Limits())


def test_build_lists_problems_of_both_kinds_of_signatures(tmp_path):
    (tmp_path / "identifiers").mkdir()
    (tmp_path / "yara").mkdir()
    (tmp_path / "identifiers" / "x.yaml").write_text("- 1\n")
    (tmp_path / "yara" / "x.yar").write_text("rule {")
    with pytest.raises(ConfigError) as caught:
        build_engine([str(tmp_path)], limits=Limits())
    assert {problem.file.rpartition("/")[2] for problem in caught.value.problems} >= {"x.yaml", "x.yar"}


RULE = """rule Thing {
  meta:
    signature = "NAME"
    title_zh = "物"
    title_en = "Thing"
    severity = "low"
    confidence = "0.9"
    classes = "internal"
  strings:
    $thing = "thing-4711"
  condition:
    $thing
}
"""


def yara_folder(top, name):
    (top / "yara").mkdir()
    (top / "yara" / "x.yar").write_text(RULE.replace("NAME", name))
    (top / "yara" / "x.cases.yaml").write_text(f"{name}:\n  find: [a thing-4711]\n  ignore: [a thing]\n")
    return str(top)


def test_yara_rules_are_part_of_the_engine(tmp_path):
    own = build_engine([yara_folder(tmp_path, "x.thing")], limits=Limits())
    assert names(own, data=b"\x00\x01thing-4711\x00") == {"x.thing": 1}


def test_build_refuses_one_name_for_two_signatures(tmp_path):
    with pytest.raises(ConfigError, match=r"email.yaml:1: name: 'email' is a YARA rule's signature too"):
        build_engine([SIGNATURES, yara_folder(tmp_path, "email")], limits=Limits())


def test_a_detector_may_say_itself_what_failed():
    class Late(Numbers):
        def find(self, document, signatures):
            raise DetectorError("rules/slow.yar", "timeout")

    detection = engine(detectors=[Late()]).detect(part("1"), Tally(b"key"), today=TODAY)
    assert [(error.detector, error.kind) for error in detection.errors] == [("rules/slow.yar", "timeout")]


def test_running_out_of_memory_is_no_detector_error():
    class Full(Numbers):
        def find(self, document, signatures):
            raise MemoryError

    with pytest.raises(MemoryError):
        engine(detectors=[Full()]).detect(part("1"), Tally(b"key"), today=TODAY)


@pytest.mark.parametrize("chars", [13, 19, 1000])
def test_long_texts_are_looked_at_in_batches(monkeypatch, chars):
    class Both(Numbers):
        def find(self, document, signatures):
            seen.append((bytes(document.part.data), [view.text for view in document.pages]))
            yield from super().find(document, signatures)
            raise KeyError

    seen = []
    monkeypatch.setattr("gateway.detect.batches.BATCH_CHARS", chars)
    tally = Tally(b"key")
    detection = engine(detectors=[Both(pattern="")]).detect(
        part("123456", "654321 123456", "x", data=b"d"), tally, today=TODAY
    )
    assert (detection.findings[0].count, dict(tally.distinct), tally.persons) == (2, {"x.word": 2}, 2)
    assert [error.kind for error in detection.errors] == ["KeyError"]
    assert [text for _, texts in seen for text in texts if text not in {"", "file.bin"}] == [
        "123456",
        "654321 123456",
        "x",
    ]
    assert [text for _, texts in seen for text in texts if text == "file.bin"] == ["file.bin"]
    assert [data for data, _ in seen if data] == [b"d"]


def test_signatures_are_by_name(shipped):
    assert shipped.signatures["email"].name == "email"


def test_same_input_same_findings(shipped):
    text = f"姓名：张三 {PERSON} {NUMBER} 4111 1111 1111 1111 a@example.com 密码是 Abc123!"
    first = shipped.detect(part(text), Tally(b"a"), today=TODAY)
    assert shipped.detect(part(text), Tally(b"b"), today=TODAY) == first


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="0123456789X-. 身份证密码是:=@%&;#u/+中\u200b１a\n", max_size=300))
def test_no_finding_shows_a_value(shipped, text):
    clear = shipped.detect(part(text), Tally(b"key"), today=TODAY, reveal=True)
    masked = shipped.detect(part(text), Tally(b"key"), today=TODAY)
    assert clear.errors == masked.errors == ()
    for shown, hidden in zip(clear.findings, masked.findings, strict=True):
        assert shown.sample not in hidden.sample or hidden.sample == ""


def test_detector_error_is_a_content_error():
    assert DetectorError("x", "y").reason == "detector-failed"

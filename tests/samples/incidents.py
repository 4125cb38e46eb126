"""A store of incidents as the gateway records them, for tests of the console: real records, hostile names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.findings import Action, Finding, Ground, Inspection, PartReport, Severity, Verdict
from gateway.parts import Coverage, Encryption, Grade
from gateway.records.chain import Anchor, encode, rfc3339, seal
from gateway.records.chain import Line as JournalLine
from gateway.records.connection import Connection, connection_record
from gateway.records.queries import IncidentState
from gateway.records.record import build_record, outcome_record
from gateway.records.rows import Batch
from gateway.records.store import Store
from gateway.transfer import Actor, Audience, Category, Channel, Destination, Region, Request, Transfer

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""The console's clock in the tests."""
POLICY = "4f1d" * 16
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
AES = Encryption("zip-aes-256", Grade.STRONG, names_visible=True)
WEAK = Encryption("zip-crypto", Grade.WEAK, names_visible=True)

UNENCRYPTED = Ground(
    "sensitive.unencrypted",
    Action.BLOCK,
    ("S001-3.3(3)",),
    "发现 cn.resident-id × 12。Found cn.resident-id × 12.",
    {
        "zh": "上传内容中有未加密的敏感信息（居民身份证号 × 12），因此没有发出。",
        "en": "The upload holds sensitive information that is not encrypted (resident ID number × 12), so it was not sent.",
    },
    {
        "zh": "请用 AES-256 加密的 zip 或 7z 打包后重新发送，密码请通过电话或当面告知对方。",
        "en": "Please pack it into a zip or 7z with AES-256 encryption and send that; give the password by phone or in person.",
    },
)
ABROAD = Ground(
    "overseas.personal-information",
    Action.HOLD,
    ("S000-2.2(3)",),
    "发现 cn.resident-id × 12；目的地区域 overseas。Found cn.resident-id × 12; region overseas.",
    {
        "zh": "上传内容含有个人信息（居民身份证号 × 12），接收服务器在境外或所在地不明，需先经审批才能发出。",
        "en": "The upload holds personal information (resident ID number × 12) for a server abroad or of unknown place, "
        "so it waits for approval.",
    },
    {"zh": "请向数据合规负责人登记。", "en": "Please register with the data-compliance officer."},
)
CLOUD = Ground(
    "cloud.personal",
    Action.BLOCK,
    ("S001-3.3#2",),
    "目的地类别 personal-cloud。Category personal-cloud.",
    {
        "zh": "工作文件不能上传到个人网盘，因此没有发出。",
        "en": "Work files may not be uploaded to a personal cloud drive.",
    },
)
SECRET = Ground(
    "marking.state-secret",
    Action.BLOCK,
    ("S001-3.1(5)",),
    "发现 marking.state-secret × 1。Found marking.state-secret × 1.",
    {"zh": "上传内容带有国家秘密标志，已被拦截，网关不保存其内容。", "en": "The upload carries a state-secret mark."},
    keep_content=False,
)
WATCHED = Ground(
    "draft.source-code",
    Action.BLOCK,
    (),
    "发现 doc.source-code × 1。Found doc.source-code × 1.",
    {"zh": "不能发送源代码。", "en": "Source code may not be sent."},
    enforced=False,
)
LOGGED = Ground("contact.few", Action.LOG, ("S001-3.1(2)",), "发现 cn.mobile × 1。Found cn.mobile × 1.")

WECOM = Destination(
    "qyapi.weixin.qq.com",
    443,
    "203.0.113.7",
    "CN",
    Region.DOMESTIC,
    "wecom",
    "upload",
    Category.MESSAGING,
    "ww1234",
    "enterprise",
    audience=Audience.UNKNOWN,
)
SLACK = Destination(
    "files.slack.com", 443, "198.51.100.9", "US", Region.OVERSEAS, "slack", "upload", Category.MESSAGING
)
BAIDU = Destination(
    "d.pcs.baidu.com", 443, "203.0.113.80", "CN", Region.DOMESTIC, "baidu_netdisk", "pcs", Category.PERSONAL_CLOUD
)
NOWHERE = Destination("drop.example.net", 8443)

LI = Actor("li.wei", ("sales", "crm"), "staff", "华东销售部", "10.0.0.7", "proxy-auth")
WANG = Actor("wang.fang", (), "head", "财务部", "10.0.0.8", "address")
NOBODY = Actor(ip="10.0.0.99")


def identity(number: int) -> str:
    """An id; a larger number gives a later one."""
    return f"019a0000-0000-7000-8000-{number:012d}"


def finding(signature: str = "cn.resident-id", count: int = 12, **more: Any) -> Finding:
    """A finding as a detector gives it."""
    facts: dict[str, Any] = {
        "severity": Severity.HIGH,
        "confidence": 0.98,
        "classes": ("personal",),
        "persons": count,
        "sample": "**************002X",
        "location": "sheet 1",
        **more,
    }
    return Finding(signature, count, **facts)


def part(path: str, media_type: str = "text/plain", size_bytes: int = 2048, **more: Any) -> PartReport:
    """A part whose name is the end of its path."""
    return PartReport(path, path.rpartition("!/")[2], size_bytes, SHA, "application/octet-stream", media_type, **more)


ARCHIVE = (
    part("客户资料.zip", "application/zip", 734_003),
    part("客户资料.zip!/说明.txt", size_bytes=312),
    part(
        "客户资料.zip!/2026/名单.xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        48_112,
        findings=(
            finding("cn.mobile", 12, severity=Severity.MEDIUM, sample="*******8000", location="sheet 1"),
            finding(),
        ),
    ),
    part("客户资料.zip!/旧版.zip", "application/zip", 120_442, encryption=WEAK, coverage=Coverage.ENCRYPTED),
    part("客户资料.zip!/旧版.zip!/合同.pdf", "application/pdf", 98_004, encryption=WEAK, coverage=Coverage.ENCRYPTED),
)


def record(
    number: int,
    *,
    at: datetime | None = None,
    actor: Actor = LI,
    to: Destination = SLACK,
    parts: Sequence[PartReport] = ARCHIVE,
    grounds: Sequence[Ground] = (UNENCRYPTED,),
    size_bytes: int = 735_210,
    path: str = "/api/files.upload",
    **verdict: Any,
) -> dict[str, Any]:
    """A record as the gateway builds it; number 1 is the oldest, each next one a minute later."""
    moment = at or NOW - timedelta(hours=2) + timedelta(minutes=number)
    enforced = [ground.action for ground in grounds if ground.enforced]
    return build_record(
        Transfer(
            identity(number),
            rfc3339(moment),
            actor,
            to,
            Channel.HTTP2,
            Request("POST", path, headers={"content-type": "multipart/form-data; boundary=x"}, bytes=size_bytes),
        ),
        Inspection(tuple(parts), path=path),
        Verdict(max(enforced, default=Action.ALLOW), tuple(grounds), POLICY, **verdict),
        node="edge-1",
        duration_ms=41.7,
    )


HOSTILE = '<script>alert("1")</script>\u202egpj.exe\' onmouseover="x"'
"""A file name that tries to be markup and to look like a picture."""

RECORDS = (
    record(1, grounds=(UNENCRYPTED, ABROAD, WATCHED)),
    record(2, actor=WANG, to=SLACK, grounds=(ABROAD,), parts=(part("工资表.csv", findings=(finding(count=40),)),)),
    record(3, to=BAIDU, grounds=(CLOUD,), parts=(part("备份.7z", "application/x-7z-compressed", encryption=AES),)),
    record(4, to=WECOM, grounds=(SECRET,), parts=(part("秘密.docx", findings=(finding("marking.state-secret", 1),)),)),
    record(5, actor=NOBODY, to=NOWHERE, parts=(part(HOSTILE, coverage=Coverage.MALFORMED),)),
    record(6, grounds=(LOGGED,), parts=(part("a.txt"),)),
    record(7, at=NOW - timedelta(days=3), grounds=(UNENCRYPTED,)),
    record(8, grounds=(), parts=(part("b.zip", encryption=AES, coverage=Coverage.ENCRYPTED),)),
)
"""1 to 5 and 7 are incidents; 6 was logged, 8 allowed."""


def unread(number: int, *, count: int = 3, app: str = "") -> dict[str, Any]:
    """The record of a refused connection that nobody could read."""
    to = Destination("ssh.partner.example", 22)
    ground = Ground(
        "wire.unknown-protocol", Action.BLOCK, ("S003-3#3",), "protocol ssh", {"zh": "没有连接。", "en": "No."}
    )
    transfer = Transfer(identity(number), rfc3339(NOW), LI, to, Channel.TCP, Request("CONNECT", "/", bytes=19))
    connection = Connection("ssh", count=count, last_at=rfc3339(NOW + timedelta(minutes=5)), sent_bytes=19, app=app)
    verdict = Verdict(Action.BLOCK, (ground,), POLICY)
    return connection_record(transfer, verdict, connection, Coverage.UNKNOWN_PROTOCOL, node="edge-1", duration_ms=0.5)


def lines(records: Sequence[dict[str, Any]], *, outcomes: bool = True) -> list[JournalLine]:
    """Journal lines of the records, each refused or forwarded as its verdict says."""
    found = []
    for content in records:
        bodies = [("verdict", content)]
        if outcomes:
            refused = content["verdict"]["action"] in {"hold", "block"}
            outcome = "refused (403)" if refused else "forwarded (200)"
            bodies.append(("outcome", outcome_record(content["id"], outcome, content["at"])))
        for kind, body in bodies:
            raw = encode(body)
            _, digest = seal(2, "0" * 64, kind, content["at"], raw)  # type: ignore[arg-type]
            found.append(JournalLine(2, "0" * 64, kind, content["at"], raw, digest))
    return found


def put(store: Store, records: Sequence[dict[str, Any]] = RECORDS) -> None:
    """Index the records as the recorder does."""
    store.index(Batch("run", lines(records), Anchor("edge-1.jsonl", 9, "a" * 64, 90), 90))


def fill(path: Path, records: Sequence[dict[str, Any]] = RECORDS) -> None:
    """A store at that path with the records; the second one was released."""
    with Store.open(path) as store:
        put(store, records)
        store.set_state(identity(2), IncidentState.RELEASED, "chen.it", "合同已备案")

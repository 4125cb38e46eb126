"""The uploads of the demonstration; every identifier is generated, every name invented."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyzipper

from gateway.demo.zipcrypto import zip_crypto
from gateway.limits import MIB

WECOM = "https://qyapi.weixin.qq.com/cgi-bin/media/upload?access_token=demo&type=file"
TELEGRAM = "https://api.telegram.org/bot1:demo/sendDocument"
BAIDU = "https://d.pcs.baidu.com/rest/2.0/pcs/superfile2?method=upload&path=/notes.txt"
PASSWORD = b"demo-only-Pa55"
"""Protects nothing: the demonstration's own archives."""

CONTRACT = """设备采购合同
合同编号：DEMO-2026-0117
甲方：示例制造有限公司
乙方：样本科技有限公司
经双方友好协商，就甲方向乙方采购检测设备一事订立本合同。
第一条 标的与价款：检测设备十二台，合同总价人民币壹佰贰拾万元整。
第二条 付款方式：合同签订后十日内支付百分之三十，验收合格后付清余款。
第三条 违约责任：任何一方违约的，应向守约方支付合同总价百分之十的违约金。
第四条 保密：双方对本合同内容负有保密义务。
第五条 争议解决：协商不成的，提交甲方所在地人民法院诉讼解决。
本合同一式两份，双方各执一份，自双方签字盖章之日起生效。
甲方（盖章）：            乙方（盖章）：
签订日期：2026年11月3日
"""
NEWS = """各位同事：
本周五下午三点在二楼会议室举行季度分享会，主题是新版考勤流程和食堂改造进展，欢迎参加。
行政部
"""
MARKED = """绝密★启用前
关于某项目的情况说明
一、总体情况
二、下一步安排
"""


def resident_id(number: int) -> str:
    """A valid-looking resident ID of nobody: a test region, a birthday and a serial by `number`.

    >>> resident_id(0)
    '110105199001010010'
    """
    body = f"1101051990{number % 12 + 1:02d}{number % 28 + 1:02d}{number * 2 + 1:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def id_list() -> bytes:
    """A list of invented people as a spreadsheet program saves it."""
    rows = [f"示例{'一二三四五六七八九十'[n]},{resident_id(n)},1380013{n:04d}" for n in range(10)]
    return ("姓名,身份证号,手机\r\n" + "\r\n".join(rows) + "\r\n").encode("gb18030")


def docx(text: str) -> bytes:
    """A document with one paragraph a line."""
    lines = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.splitlines())
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="rels" ContentType="application/vnd.'
            'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}" '
            'Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{lines}</w:body></w:document>',
        }
    )


def zipped(members: dict[str, str | bytes]) -> bytes:
    """A ZIP of the members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def aes_zip(name: str, data: bytes) -> bytes:
    """A ZIP whose one member is under AES-256."""
    buffer = io.BytesIO()
    with pyzipper.AESZipFile(buffer, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(PASSWORD)
        archive.writestr(name, data)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Sample:
    """One upload: what people would say it is, its file name, its bytes, where it goes."""

    title: Mapping[str, str]
    """Language (`zh`, `en`) → what it is, to whom."""
    name: str
    make: Callable[[], bytes]
    url: str = WECOM
    passes: Mapping[str, str] = field(default_factory=dict)
    """Language → why it may leave; empty for one that ought to be stopped."""


SAMPLES = (
    Sample(
        {"zh": "会议通知 → 企业微信", "en": "会议通知, a meeting notice, to WeCom"},
        "notice.txt",
        NEWS.encode,
        passes={
            "zh": "内容已检查，没有敏感信息，已转发。",
            "en": "It was read, nothing sensitive was found, and it was sent on.",
        },
    ),
    Sample(
        {"zh": "60 MB 录屏 → 企业微信", "en": "A screen recording of 60 MB, to WeCom"},
        "screen.mp4",
        lambda: b"\0\0\0\x18ftypmp42" + bytes(60 * MIB),
    ),
    Sample(
        {"zh": "身份证名单（GBK 编码）→ 企业微信", "en": "身份证名单, resident IDs of ten people, to WeCom"},
        "roster.csv",
        id_list,
    ),
    Sample(
        {"zh": "未加密的合同 → 企业微信", "en": "A contract, not encrypted, to WeCom"},
        "contract.docx",
        lambda: docx(CONTRACT),
    ),
    Sample(
        {"zh": "同一合同，AES-256 加密 → 企业微信", "en": "The same contract under AES-256, to WeCom"},
        "contract-aes.zip",
        lambda: aes_zip("contract.docx", docx(CONTRACT)),
        passes={
            "zh": "强加密的文件按规定可以发送，已记录并转发。",
            "en": "Strongly encrypted, as the rules ask for; it was logged and sent on.",
        },
    ),
    Sample(
        {"zh": "同一合同，旧式 ZipCrypto 加密 → 企业微信", "en": "The same contract under old ZipCrypto, to WeCom"},
        "contract-old.zip",
        lambda: zip_crypto("contract.docx", docx(CONTRACT), PASSWORD, os.urandom(11)),
    ),
    Sample(
        {"zh": "同一合同，藏在三层压缩包里 → 企业微信", "en": "The same contract, three archives deep, to WeCom"},
        "backup.zip",
        lambda: zipped({"a/b.zip": zipped({"c.zip": zipped({"contract.docx": docx(CONTRACT)})})}),
    ),
    Sample(
        {"zh": "带绝密标志的文件 → 企业微信", "en": "A document marked 绝密 (top secret), to WeCom"},
        "report.docx",
        lambda: docx(MARKED),
    ),
    Sample(
        {"zh": "同一名单 → Telegram（境外）", "en": "The list of resident IDs, to Telegram (overseas)"},
        "roster.csv",
        id_list,
        TELEGRAM,
    ),
    Sample(
        {"zh": "会议通知 → 百度网盘", "en": "The meeting notice, to a personal Baidu Netdisk"},
        "notes.txt",
        NEWS.encode,
        BAIDU,
    ),
)

"""Mail messages."""

import time
from email.message import EmailMessage

import pytest

from gateway.content.mail import MBOX_TYPE, is_mail, is_mbox, read_mail, read_mbox
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError
from gateway.limits import Limits


def message(*, subject="", body="", attachments=()):
    mail = EmailMessage()
    mail["From"] = "a@example.cn"
    mail["Subject"] = subject
    mail.set_content(body, cte="base64")
    for name, content in attachments:
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()


def read(data, **limits):
    return read_mail(Source(data, "", "message/rfc822", Limits(**limits), Budget()))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(message(), True, id="made by a program"),
        pytest.param(b"Received: from x\r\nFrom: y\r\n", True, id="received"),
        pytest.param(b"MIME-Version: 1.0\nContent-Type: text/html\n", True, id="web archive"),
        pytest.param(b"x-mailer: y\nMessage-ID: <1>\n", True, id="lower case"),
        pytest.param(b"From: my notes\nto myself\n", False, id="notes"),
        pytest.param(b"Date: today\nMIME-Version is a header\n", False, id="prose"),
        pytest.param(b"\nMIME-Version: 1.0\n", False, id="does not open with one"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_is_mail(head, expected):
    assert is_mail(head) is expected


def test_headers_bodies_and_attachments():
    reading = read(
        memoryview(message(subject="合同 附件", body="正文 13800138000", attachments=[("名单.txt", b"words")]))
    )
    assert "合同 附件" in reading.texts[-1].text
    assert reading.texts[-1].location == "headers"
    members = {member.name: bytes(member.data) for member in reading.members}
    assert members == {"(part 1)": "正文 13800138000\n".encode(), "名单.txt": b"words"}
    assert reading.opaque is None


def test_plain_message_is_one_member():
    reading = read(b"From: a\nMIME-Version: 1.0\n\nwords")
    assert [(member.name, member.data) for member in reading.members] == [("(part 0)", b"words")]
    assert list(read(b"From: a\nMIME-Version: 1.0\n\n").members) == []


def test_message_in_a_message():
    mail = EmailMessage()
    inner = EmailMessage()
    inner.set_content("inner words")
    mail.add_attachment(inner)
    assert b"inner words\n" in [member.data for member in read(mail.as_bytes()).members]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("=?gb2312?B?us/NrA==?=", "合同"),
        ("=?utf-8?q?=E5=90=88?= x", "合 x"),
        ("=?nothing?B?us/NrA==?=", "=?nothing?B?us/NrA==?="),
        ("=?utf-8?b?A?=", "=?utf-8?b?A?="),
        ("plain", "plain"),
        ("x" * 70_000, "x" * 70_000),
    ],
    ids=["GB 2312", "UTF-8", "unknown encoding", "damaged", "plain", "very long"],
)
def test_encoded_words(header, shown):
    assert shown in read(f"From: a\nMIME-Version: 1.0\nSubject: {header}\n\n".encode()).texts[-1].text


def test_limits():
    with pytest.raises(LimitError, match="max_text_chars"):
        read(message(body="words"), max_text_chars=10)
    with pytest.raises(LimitError, match="max_mail_parameters_bytes"):
        read(b"From: a\nContent-Type: text/plain" + b"; a=b" * 5000 + b"\n\n")
    with pytest.raises(LimitError, match="max_mail_parameters_bytes"):
        read(b"From: a\nContent-Disposition: x" + b"\n ; a=b" * 5000 + b"\n\n")


HOSTILE = {
    "many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "many headers": b"X: y\r\n" * 50_000 + b"\r\n",
    "folded header": b"X: y" + b"\r\n z" * 50_000 + b"\r\n\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?b?" * 6_000 + b"\r\n\r\n",
    "encoded words in many headers": (b"Subject: " + b"=?" * 500 + b"\r\n") * 100 + b"\r\n",
    "quotes": b"Content-Disposition: attachment; filename=" + b'";' * 8_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_take_little_time(name):
    started = time.process_time()
    reading = read(b"From: a\r\nMIME-Version: 1.0\r\n" + HOSTILE[name])
    list(reading.members)
    assert time.process_time() - started < 3


POSTMARK = b"From a@b.cn Sat Nov 21 10:00:00 2026\n"


def test_messages_of_a_mailbox_are_members():
    data = (
        POSTMARK
        + message(body="first")
        + b"\n"
        + POSTMARK.replace(b"\n", b"\r\n")
        + b"Subject: second\n\nFrom here on\n"
    )
    reading = read_mbox(Source(data, "", MBOX_TYPE, Limits(), Budget()))
    assert "second" in reading.texts[0].text
    first, second = reading.members
    assert (first.name, first.media_type, first.data) == (
        "(message 0)",
        "message/rfc822",
        message(body="first") + b"\n",
    )
    assert second.data == b"Subject: second\n\nFrom here on\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(POSTMARK + b"Received: x\n", True, id="mailbox"),
        pytest.param(POSTMARK + b"Dear all,\n", False, id="no header"),
        pytest.param(b"From: a\nMIME-Version: 1.0\n", False, id="message"),
        pytest.param(b"From my diary of 2026\nSubject matters\n", False, id="prose"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_what_opens_a_mailbox(head, expected):
    assert is_mbox(head) is expected

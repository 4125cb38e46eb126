"""Mail messages and web archives (MIME): headers decoded, bodies and attachments as members.

Sources: RFC 5322, RFC 2045 to 2047, RFC 2557 (MHTML).
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from itertools import pairwise

from gateway.content.reading import Member, Reading, Source
from gateway.content.text import decode, read_text
from gateway.errors import LimitError
from gateway.parts import Text

MAIL_TYPE = "message/rfc822"
MBOX_TYPE = "text/x-mbox"
"""Mailboxes: registered as application/mbox, and text all the same."""
MAX_HEADER_CHARS = 64 * 1024
"""Longest header that is decoded; a longer one is only there as it was written."""
MAX_PARAMETERS_BYTES = 16 * 1024
"""Longest Content-Type or Content-Disposition; the parser of their parameters takes time by the square."""
_FIRST_LINE = re.compile(
    rb"(?:Received|Return-Path|Delivered-To|From|To|Date|Subject|Message-ID|MIME-Version|Content-Type|X-[A-Za-z0-9-]{1,40}): ",
    re.IGNORECASE,
)
_PROOF = re.compile(rb"^(?:MIME-Version|Message-ID|Received|Content-Transfer-Encoding):", re.IGNORECASE | re.MULTILINE)
_PARAMETERS = re.compile(rb"^content-(?:type|disposition):[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)


def is_mail(head: bytes) -> bool:
    r"""Whether a text opens as a mail message does: a known header, and one that only machines write.

    >>> is_mail(b"From: a@b.cn\r\nMIME-Version: 1.0\r\n\r\n")
    True
    >>> is_mail(b"From: my notes\n")
    False
    """
    return _FIRST_LINE.match(head) is not None and _PROOF.search(head) is not None


_POSTMARK = re.compile(rb"From [^\r\n]{1,200} [0-9]{4}\r?\n")
"""The line before each message of a mailbox: sender and a date that ends in the year (RFC 4155)."""


def is_mbox(head: bytes) -> bool:
    r"""Whether a text opens as a mailbox does: a postmark, then a header.

    >>> is_mbox(b"From a@b.cn Sat Nov 21 10:00:00 2026\nSubject: x\n")
    True
    >>> is_mbox(b"From 1990 to 2026\nmuch changed\n")
    False
    """
    postmark = _POSTMARK.match(head)
    return postmark is not None and _FIRST_LINE.match(head, postmark.end()) is not None


def read_mbox(source: Source) -> Reading:
    """Reading of a mailbox: all of it as text, each message as a member."""
    texts = read_text(source)
    return Reading(texts.texts, opaque=texts.opaque, members=_messages(source))


def _messages(source: Source) -> Iterator[Member]:
    data = source.data
    starts = [
        match.start() for match in _POSTMARK.finditer(data) if match.start() == 0 or data[match.start() - 1] == 0x0A
    ]
    for number, (start, end) in enumerate(pairwise([*starts, len(data)])):
        first = bytes(data[start : start + 512]).partition(b"\n")[0]
        yield Member(f"(message {number})", data[start + len(first) + 1 : end], media_type=MAIL_TYPE)


def read_mail(source: Source) -> Reading:
    """Reading of a message: its source as text, its headers as a person sees them, its parts as members."""
    raw = bytes(source.data)
    texts = [Text(each) for each in decode(raw)]
    longest = max(len(text.text) for text in texts)
    if longest > source.limits.max_text_chars:
        raise LimitError("max_text_chars", allowed=source.limits.max_text_chars, actual=longest)
    for header in _PARAMETERS.finditer(raw):
        if header.end() - header.start() > MAX_PARAMETERS_BYTES:
            length = header.end() - header.start()
            raise LimitError("max_mail_parameters_bytes", allowed=MAX_PARAMETERS_BYTES, actual=length)
    message = email.message_from_bytes(raw, policy=policy.compat32)
    headers = "\n".join(_header(str(value)) for part in message.walk() for value in part.values())
    texts.append(Text(headers, "headers"))
    return Reading(tuple(text for text in texts if text.text), members=_members(message))


def _members(message: Message) -> Iterator[Member]:
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        name = _header(part.get_filename() or "") or f"(part {number})"
        if isinstance(payload, bytes) and payload:
            yield Member(name, payload)


def _header(value: str) -> str:
    """A header with its encoded words undone; as it is when they cannot be."""
    if len(value) > MAX_HEADER_CHARS:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value

"""OLE compound files: doc, xls, ppt, msg, wps, and Office packages that are encrypted.

Text is found as runs of characters in every stream, which also finds what the formats hide. Source: MS-CFB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import olefile

from gateway.content import magics
from gateway.content.biff import workbook_rows
from gateway.content.buffers import file_over
from gateway.content.lzfu import lzfu
from gateway.content.names import decodings, names_text
from gateway.content.office_password import opened_package
from gateway.content.ole_encryption import ole_encryption
from gateway.content.ole_streams import stream_bytes
from gateway.content.reading import Member, Reading, Source
from gateway.content.runs import text_runs
from gateway.content.vba import macro_texts
from gateway.errors import ContentError, EncryptedError, LimitError
from gateway.limits import MIB
from gateway.parts import NOT_ENCRYPTED, Encryption, Text
from gateway.transfer import Buffer

ATTACHMENT_STREAMS = {"__substg1.0_37010102", "__substg1.0_10130102"}
"""Content of an Outlook attachment, and the HTML body (MS-OXMSG §2.2)."""
RTF_STREAM = "__substg1.0_10090102"
"""Body of an Outlook message as compressed RTF."""
ATTACHMENT_NAMES = ("__substg1.0_3707001F", "__substg1.0_3704001F")
WORKBOOK_STREAMS = {"Workbook", "Book"}
OLE_ERRORS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
"""What olefile raises on damage; everything but lack of memory."""
NATIVE_STREAM = "\x01Ole10Native"
"""A packaged file (MS-OLEDS §2.3.6)."""
MACRO_STORAGE, MACRO_MARK = "VBA", b"\x00Attribut"
"""Storage of a project's modules, and how the source of nearly every module begins."""
_FREE_SECTOR = 0xFFFFFFFF
_CONTAINERS = {magics.ZIP, magics.OLE, magics.PDF, magics.SEVEN_ZIP, magics.RAR, magics.GZIP}


def read_ole(source: Source) -> Reading:
    """Reading of an OLE file. Raises MalformedError, LimitError and, on damage, what olefile raises."""
    with olefile.OleFileIO(file_over(source.data)) as ole:
        encryption = ole_encryption(ole)
        if encryption != NOT_ENCRYPTED:
            package = _opened(ole, source)
            if package is not None:
                shown = Encryption(encryption.scheme)  # protects nothing: Office opens it without a question
                return Reading(encryption=shown, members=(Member("(package)", package),))
            return Reading(encryption=encryption, opaque=EncryptedError(encryption.scheme))
        texts: list[Text] = []
        embedded: list[list[str]] = []
        paths = ole.listdir(streams=True, storages=False)
        entries = ole.listdir(streams=True, storages=True)
        texts.extend(names_text(name for path in entries for name in path))
        texts.append(Text(text_runs(_unused(ole, source.data)), "unused sectors"))
        for content, path in _streams(ole, paths, source):
            if _is_embedded(path, content):
                embedded.append(path)
            else:
                texts.append(Text(text_runs(content), f"stream {len(texts)}"))
                if MACRO_STORAGE in path or MACRO_MARK in content:
                    texts.extend(Text(words, "macro") for words in macro_texts(content))
                if path[-1] in WORKBOOK_STREAMS:
                    texts.append(Text(workbook_rows(content, source.limits), "cells"))
    found = tuple(text for text in texts if text.text)
    if sum(len(text.text) for text in found) > source.limits.max_text_chars:
        raise LimitError("max_text_chars", allowed=source.limits.max_text_chars, actual=float("inf"))
    return Reading(texts=found, members=_members(source, embedded))


def _opened(ole: olefile.OleFileIO, source: Source) -> bytes | None:
    """The document under an encryption with a default password."""
    if not (ole.exists("EncryptedPackage") and ole.exists("EncryptionInfo")):
        return None
    content = stream_bytes(ole, "EncryptedPackage")
    source.budget.take_bytes(len(content), source.limits)
    return opened_package(stream_bytes(ole, "EncryptionInfo", 64 * 1024), content)


def opens_as_ole(data: Buffer) -> bool:
    """Whether `data` is a compound file with at least one stream; for marks found inside other contents."""
    try:
        with olefile.OleFileIO(file_over(data)) as ole:
            return bool(ole.listdir())
    except OLE_ERRORS:
        return False


def _unused(ole: olefile.OleFileIO, data: Buffer) -> bytes:
    """Content of the sectors that belong to no stream, and what is behind the last one."""
    size = ole.sector_size
    free = [number for number, following in enumerate(ole.fat) if following == _FREE_SECTOR]
    sectors = [bytes(data[(number + 1) * size : (number + 2) * size]) for number in free]
    sectors.append(bytes(data[(len(ole.fat) + 1) * size :]))
    return b"".join(sectors)


def _streams(ole: olefile.OleFileIO, paths: list[list[str]], source: Source) -> Iterator[tuple[bytes, list[str]]]:
    """Content and path of every stream. Raises MalformedError when one is cut off, LimitError when they share bytes."""
    allowed = len(source.data) + MIB
    total = 0
    for path in paths:
        source.budget.take_member(source.limits)
        content = stream_bytes(ole, path)
        total += len(content)
        if total > allowed:
            raise LimitError("max_ole_bytes", allowed=allowed, actual=total)
        yield content, path


def _is_embedded(path: list[str], content: bytes) -> bool:
    return (
        path[-1] in {*ATTACHMENT_STREAMS, NATIVE_STREAM, RTF_STREAM} or magics.by_prefix(content[:1024]) in _CONTAINERS
    )


def _members(source: Source, embedded: list[list[str]]) -> Iterator[Member]:
    if not embedded:
        return
    with olefile.OleFileIO(file_over(source.data)) as ole:
        for path in embedded:
            content = stream_bytes(ole, path)
            if path[-1] == NATIVE_STREAM:
                yield _native(content)
            elif path[-1] == RTF_STREAM:
                yield _rtf_body(content, source)
            else:
                yield Member(_attachment_name(ole, path), content)


def _rtf_body(content: bytes, source: Source) -> Member:
    try:
        body = lzfu(content)
        source.budget.take_bytes(len(body), source.limits)
    except ContentError as error:
        return Member("(body)", content, opaque=error)
    return Member("(body)", body)


def _attachment_name(ole: olefile.OleFileIO, path: list[str]) -> str:
    for name in ATTACHMENT_NAMES:
        beside = [*path[:-1], name]
        if path[-1] in ATTACHMENT_STREAMS and ole.exists(beside):
            return stream_bytes(ole, beside).decode("utf-16-le", "replace")
    return "/".join(path)


def _native(content: bytes) -> Member:
    """The file in a packager stream; the whole stream when it is not built as it should be."""
    label, _, rest = content[6:].partition(b"\x00")
    path, _, rest = rest.partition(b"\x00")
    name = decodings(label or path)[0]
    temporary_bytes = int.from_bytes(rest[4:8], "little")
    start = 8 + temporary_bytes
    size = int.from_bytes(rest[start : start + 4], "little")
    inner = rest[start + 4 : start + 4 + size]
    if not inner or len(inner) != size:
        return Member("(packaged object)", content)
    return Member(name, inner)

"""Multipart bodies → pieces: every part with each of its readings, nested multiparts too."""

from __future__ import annotations

import re
from binascii import a2b_qp
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from gateway.errors import LimitError, MalformedError, UnsupportedError
from gateway.parts import Piece
from gateway.wire.charsets import codec_of, form_codec, transcoded
from gateway.wire.embedded import decode_base64
from gateway.wire.encodings import undo_encodings
from gateway.wire.fields import Field, field_pieces, marked
from gateway.wire.multipart import Section, split_multipart
from gateway.wire.names import decode_text, file_name, other_readings
from gateway.wire.parameters import media_type, parse_parameters
from gateway.wire.search import find_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.limits import Limits
    from gateway.transfer import Buffer

_KNOWN_HEADERS = {
    "content-disposition",
    "content-type",
    "content-transfer-encoding",
    "content-encoding",
    "content-length",
    "content-id",
    "mime-version",
    "digest",
}
"""Headers that say how to read the part; what any other holds is text to inspect."""
_KNOWN_PARAMETERS = {"name", "filename*", "filelength", "size", "creation-date", "modification-date", "read-date"}
"""Parameters of Content-Disposition of which the same is true (WeCom sends `filelength`)."""
_NAMES = {"name", "filename*"}
"""Parameters that other pieces give out."""
_TELLING = re.compile(rb"[0-9](?:[ -]?[0-9]){13,}[ -]?[0-9Xx]|[^\x00-\x7f]")
"""More than such a header or parameter needs in order to say how to read the part."""
_PLAIN_ENCODINGS = {"", "7bit", "8bit", "binary"}
_QUOTED_PRINTABLE = re.compile(rb"(?:[\t\r\n -<>-~]++|=[0-9A-Fa-f]{2}|=[ \t]*\r?\n)*+")


def read_multipart(body: Buffer, content_type: bytes, *, limits: Limits, content: str = "") -> list[Piece]:
    """The pieces of a multipart body, in the order of its parts; `content` as in `read_request`.

    Raises MalformedError, LimitError and UnsupportedError when it has not one reading that all of these pieces cover.
    """
    return _Reader(limits).pieces(memoryview(body), content_type, 1, content)


class _Reader:
    """Counts the parts of one body over all its nested multiparts."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts = 0
        self._decoded_bytes = 0

    def pieces(self, view: memoryview, content_type: bytes, depth: int, content: str = "") -> list[Piece]:
        limits = self._limits
        if depth > limits.max_depth:
            raise LimitError("max_depth", allowed=limits.max_depth, actual=depth)
        codec = form_codec(decode_text(content_type))
        multipart = split_multipart(view, content_type, max_parts=limits.max_parts - self._parts, limits=limits)
        self._parts += len(multipart.sections)
        subtype = media_type(content_type.decode("latin-1"))
        fields: list[Field] = []
        extras: list[Piece] = []
        for index, section in enumerate(multipart.sections):
            is_payload = subtype == "multipart/related" and index > 0
            fields.append(marked(self._field(section, codec, is_payload=is_payload), content))
            extras += _header_piece(section.headers)
            if inner := _inner_type(section.headers):
                extras += self.pieces(section.data, inner, depth + 1)
        extras += _outside("preamble", multipart.preamble)
        extras += _outside("epilogue", multipart.epilogue)
        if not multipart.is_strict:
            # A reader that wants CR LF sees no parts at all, so the whole is a piece too.
            extras.append(Piece(view, field="body", declared_type=subtype))
        return [*field_pieces(fields, limits=limits), *extras]

    def _field(self, section: Section, codec: str, *, is_payload: bool) -> Field:
        """What the part's own headers say of it; `codec` is that of the form's label."""
        headers = section.headers
        content_type = headers.get("content-type", b"")
        _, parameters = parse_parameters(headers.get("content-disposition", b""), "multipart")
        name = file_name(parameters)
        if name is None and b"name" in content_type:
            name = file_name(parse_parameters(content_type, "multipart")[1], "name")
        readings = (section.data, *self._decoded(section))
        text = transcoded(readings[-1], codec_of(decode_text(content_type)) or codec, limits=self._left())
        if text is not None:
            self._decoded_bytes += len(text)
            readings += (text,)
        return Field(
            name=file_name(parameters, "name") or "",
            readings=readings,
            file_name=name,
            declared_type=media_type(decode_text(content_type)),
            is_file=is_payload,
            is_container=bool(_inner_type(headers)),
        )

    def _left(self) -> Limits:
        """The limits, less what was decoded already."""
        return replace(self._limits, max_decoded_bytes=self._limits.max_decoded_bytes - self._decoded_bytes)

    def _decoded(self, section: Section) -> Iterator[Buffer]:
        """The content as a reader has it that honours the part's Content-Transfer-Encoding and Content-Encoding."""
        data: Buffer = section.data
        scheme = section.headers.get("content-transfer-encoding", b"").decode("latin-1").lower()
        if scheme == "base64":
            decoded = decode_base64(data)
            if decoded is None:
                raise MalformedError("multipart", "a part is not the base64 that it is labelled")
            data = decoded
        elif scheme == "quoted-printable":
            if not _QUOTED_PRINTABLE.fullmatch(data):
                raise MalformedError("multipart", "a part is not the quoted-printable that it is labelled")
            data = a2b_qp(data)
        elif scheme not in _PLAIN_ENCODINGS:
            raise UnsupportedError("this Content-Transfer-Encoding")
        coding = section.headers.get("content-encoding", b"").decode("latin-1")
        if coding:
            # Without a list for them, gzip file names are ignored: the part is inspected as sent, too.
            data = undo_encodings({"content-encoding": coding}, data, limits=self._left())
        if data is not section.data:
            self._decoded_bytes += len(data)
            yield data


def _outside(field: str, rest: memoryview) -> Iterator[Piece]:
    """What stands before the first or after the last delimiter, unless that is line ends only."""
    if len(rest) <= 64 and not bytes(rest).strip(b"\r\n"):
        return
    yield Piece(rest, field=field)
    # Tornado takes it for a part like the others.
    for blank in islice(find_all(rest, b"\r\n\r\n"), 1):
        yield Piece(rest[blank + 4 :], field=field)


def _inner_type(headers: Mapping[str, bytes]) -> bytes:
    """The part's Content-Type when the part is a multipart itself; empty otherwise.

    Browsers label a saved page `multipart/related` without boundary: that is a file, and no reader separates it.
    """
    content_type = headers.get("content-type", b"")
    lower = content_type.lower()
    return content_type if b"multipart/" in lower and b"boundary" in lower else b""


def _header_piece(headers: Mapping[str, bytes]) -> Iterator[Piece]:
    """One text of the part's headers and parameters that nothing else here reads."""
    lines = [
        name.encode() + b": " + value
        for name, value in headers.items()
        if name not in _KNOWN_HEADERS or (name != "content-disposition" and _TELLING.search(value))
    ]
    _, parameters = parse_parameters(headers.get("content-disposition", b""), "multipart")
    lines += [
        name.encode() + b"=" + value
        for name, value in parameters.items()
        if (name not in _KNOWN_PARAMETERS or (name not in _NAMES and _TELLING.search(value)))
        and (name != "filename" or "filename*" in parameters)
    ]
    for name in ("name", "filename"):
        lines += [
            name.encode() + b"=" + reading.encode()
            for reading in other_readings(parameters.get(name, b""), file_name(parameters, name))
        ]
    if lines:
        yield Piece(b"\n".join(lines), field="headers", declared_type="text/plain")

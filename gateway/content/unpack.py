"""A piece of a request body → the tree of its contents, depth first, one member's bytes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain

from gateway.content import magics, types
from gateway.content.ar import read_ar
from gateway.content.cab import read_cab
from gateway.content.cpio import read_cpio
from gateway.content.embedded import Marks, behind, embedded
from gateway.content.encoded import encoded
from gateway.content.encrypted import ENCRYPTED_TYPES, read_encrypted, read_unknown
from gateway.content.iso import is_iso, read_iso
from gateway.content.mail import MAIL_TYPE, MBOX_TYPE, read_mail, read_mbox
from gateway.content.media import read_jpeg, read_png, read_runs
from gateway.content.ole import read_ole
from gateway.content.ooxml import read_package
from gateway.content.pdf import read_pdf
from gateway.content.rar import read_rar
from gateway.content.reading import Budget, Member, Reading, Source
from gateway.content.rpm import read_rpm
from gateway.content.rtf import RTF_TYPE, read_rtf
from gateway.content.sevenzip import read_seven_zip
from gateway.content.streams import read_stream
from gateway.content.tar import read_tar
from gateway.content.text import is_text_type, read_text
from gateway.content.types import MediaTypes
from gateway.content.volumes import VOLUME_TYPE, assembled, is_lone_volume, read_volume, split_error
from gateway.content.windows import digest, led
from gateway.content.zip import read_zip
from gateway.errors import ContentError, EncryptedError, LimitError, MalformedError, UnsupportedError
from gateway.limits import Limits
from gateway.parts import Part, Piece, Text

__all__ = ["READERS", "Budget", "unpack"]

type Reader = Callable[[Source], Reading]

READERS: dict[str, Reader] = {
    magics.ZIP: read_zip,
    types.JAR: read_zip,
    types.EPUB: read_zip,
    types.DOCX: read_package,
    types.XLSX: read_package,
    types.XLSB: read_package,
    types.PPTX: read_package,
    types.VISIO: read_package,
    types.XPS: read_package,
    types.OFD: read_package,
    magics.PDF: read_pdf,
    magics.GZIP: read_stream,
    magics.BZIP2: read_stream,
    magics.XZ: read_stream,
    magics.ZSTD: read_stream,
    magics.LZ4: read_stream,
    magics.COMPRESS: read_stream,
    magics.LZIP: read_stream,
    magics.LZMA: read_stream,
    magics.ZLIB: read_stream,
    magics.TAR: read_tar,
    magics.AR: read_ar,
    magics.DEB: read_ar,
    magics.CPIO: read_cpio,
    magics.RPM: read_rpm,
    magics.CAB: read_cab,
    magics.ISO: read_iso,
    magics.SEVEN_ZIP: read_seven_zip,
    magics.RAR: read_rar,
    MAIL_TYPE: read_mail,
    MBOX_TYPE: read_mbox,
    RTF_TYPE: read_rtf,
    "image/png": read_png,
    "image/jpeg": read_jpeg,
    "image/emf": read_runs,
    "image/wmf": read_runs,
    "image/vnd.dwg": read_runs,
    magics.UNKNOWN: read_unknown,
    VOLUME_TYPE: read_volume,
    **dict.fromkeys(types.OLE_TYPES, read_ole),
    **dict.fromkeys(ENCRYPTED_TYPES, read_encrypted),
}
"""Media type → reader. OpenDocument and text are families: see `reader_for`. What is not here has no text of its own."""
DOCUMENT_TYPES = frozenset({magics.PDF, *types.OLE_TYPES, *ENCRYPTED_TYPES})
"""Types that hold archives of their own in the middle; a foreign one can only come after them."""
_OPEN_TYPES = {
    magics.UNKNOWN,
    MAIL_TYPE,
    MBOX_TYPE,
    RTF_TYPE,
    "image/png",
    "image/jpeg",
    "image/emf",
    "image/wmf",
    "image/vnd.dwg",
}
CLOSED_TYPES = frozenset({*READERS} - DOCUMENT_TYPES - _OPEN_TYPES)
"""Types whose readers account for every byte themselves; in all that is left archives are looked for anywhere."""


def unpack(piece: Piece, *, types: MediaTypes, limits: Limits, budget: Budget) -> Iterator[Part]:
    """The piece's own part first, then its members, depth first.

    Never raises but for MemoryError, after which the process is of no use: what cannot be read is a part with `opaque`
    set.
    """
    name = piece.name or piece.field or "body"
    member = Member(name, piece.data)
    if piece.name and not piece.is_fragment and is_lone_volume(piece.name, piece.data):
        member = Member(name, piece.data, VOLUME_TYPE, opaque=split_error())
    walk = _Walk(types, limits, budget)
    told = (Text(piece.name, "name"),) if piece.name else ()
    parts = walk.fragment(member) if piece.is_fragment else walk.parts(member, path=name, depth=0)
    for part in parts:
        if part.depth:
            yield part
        else:
            yield replace(
                part,
                name=piece.name,
                declared_type=piece.declared_type,
                is_file=piece.is_file,
                texts=led(told, part.texts),
            )
        # A part's text must not stay in memory while its members are read.
        del part


def reader_for(media_type: str) -> Reader | None:
    """What reads a type, None for leaves."""
    reader = READERS.get(media_type)
    if reader is None and media_type.startswith(types.ODF_PREFIX):
        return read_package
    return read_text if reader is None and is_text_type(media_type) else reader


@cache
def _marks() -> Marks:
    return Marks()


class _Walk:
    """One upload's tree."""

    def __init__(self, media_types: MediaTypes, limits: Limits, budget: Budget) -> None:
        self.types, self.limits, self.budget = media_types, limits, budget

    def parts(self, member: Member, *, path: str, depth: int) -> Iterator[Part]:
        """The part of one member, then those below it."""
        media_type = member.media_type or self._type(member)
        source = Source(member.data, member.name, media_type, self.limits, self.budget)
        is_closed = isinstance(member.opaque, EncryptedError)
        reading = Reading() if is_closed else _guarded(reader_for(media_type) or _no_reader, source)
        yield Part(
            path=path,
            name=member.name,
            size_bytes=len(member.data),
            sha256=digest(member.data),
            declared_type="",
            media_type=media_type,
            data=member.data,
            texts=reading.texts,
            encryption=member.encryption if is_closed else reading.encryption,
            opaque=member.opaque or reading.opaque,
            depth=depth,
        )
        reading = replace(reading, texts=())
        if not is_closed:
            yield from self._below(source, reading, path=path, depth=depth + 1)

    def fragment(self, member: Member) -> Iterator[Part]:
        """The part of a slice of a file: its text, when it is text; no reader could tell a cut container from a broken one."""
        media_type = self._type(member)
        source = Source(member.data, member.name, media_type, self.limits, self.budget)
        reading = _guarded(read_text, source) if is_text_type(media_type) else Reading()
        yield Part(
            path=f"{member.name} (piece)",
            name=member.name,
            size_bytes=len(member.data),
            sha256=digest(member.data),
            declared_type="",
            media_type=media_type,
            data=member.data,
            texts=reading.texts,
            opaque=reading.opaque,
        )

    def _type(self, member: Member) -> str:
        return self.types.of(member.data, member.name)

    def _below(self, source: Source, reading: Reading, *, path: str, depth: int) -> Iterator[Part]:
        members = assembled(chain(reading.members, _second_readings(source)), self.limits)
        for member in _guarded_members(members):
            error = self._limit(depth)
            if error is not None:
                yield _leaf(member, error, path=f"{path}!/{member.name}", depth=depth)
                return
            yield from self.parts(member, path=f"{path}!/{member.name}", depth=depth)

    def _limit(self, depth: int) -> LimitError | None:
        """Count one member; the bound that is passed with it, if one is."""
        if depth > self.limits.max_depth:
            return LimitError("max_depth", allowed=self.limits.max_depth, actual=depth)
        try:
            self.budget.take_member(self.limits)
        except LimitError as error:
            return error
        return None


def _leaf(member: Member, error: ContentError, *, path: str, depth: int) -> Part:
    """A part that is not looked into."""
    size, data = len(member.data), member.data
    return Part(path, member.name, size, digest(data), "", magics.UNKNOWN, data, opaque=error, depth=depth)


def _second_readings(source: Source) -> Iterator[Member]:
    """What else the same bytes hold for another reader."""
    if source.media_type != magics.ISO and is_iso(source.data):  # whatever stands in the 32 KiB before the image
        yield Member("(ISO image)", source.data, media_type=magics.ISO)
    yield from _other_readings(source)


def _other_readings(source: Source) -> Iterator[Member]:
    if source.media_type in CLOSED_TYPES:
        return iter(())
    if source.media_type in DOCUMENT_TYPES:
        return behind(source)
    inside = embedded(source, _marks())
    return chain(inside, encoded(source)) if is_text_type(source.media_type) else inside


def _no_reader(source: Source) -> Reading:
    """Nothing, because the type has no text of its own. Raises UnsupportedError for containers that nobody here opens."""
    if source.media_type in types.CLOSED_CONTAINERS:
        raise UnsupportedError(source.media_type)
    return Reading()


def _guarded(reader: Reader, source: Source) -> Reading:
    """The reading, or why there is none. Readers and the libraries under them may fail in any way on hostile bytes."""
    try:
        return reader(source)
    except ContentError as error:
        return Reading(opaque=error)
    except MemoryError:  # the process is of no more use, whoever owns it has to replace it
        raise
    except Exception as error:  # noqa: BLE001  # the boundary of the readers: nothing that fails in one may pass for read
        return Reading(opaque=MalformedError(source.media_type, type(error).__name__))


def _guarded_members(members: Iterator[Member]) -> Iterator[Member]:
    """The members; one that cannot even be started is opaque and the last."""
    while True:
        try:
            member = next(members)
        except StopIteration:
            return
        except ContentError as error:
            yield Member("(unread)", opaque=error)
            return
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # the same boundary, for what readers do late
            yield Member("(unread)", opaque=MalformedError("members", type(error).__name__))
            return
        yield member

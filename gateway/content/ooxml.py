"""Documents that are zips of XML: Office Open XML, OpenDocument, OFD, XPS. Every XML part is read, the rest are members."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from gateway.content.magics import UNKNOWN
from gateway.content.markup import strip_markup
from gateway.content.names import names_text
from gateway.content.odf_encryption import MANIFEST, odf_encryptions
from gateway.content.randomness import looks_random
from gateway.content.reading import Member, Reading, Source
from gateway.content.runs import text_runs
from gateway.content.sheets import SheetText
from gateway.content.text import decode
from gateway.content.types import ODF_PREFIX, XLSB
from gateway.content.xml_roles import ODF_ROLES, OOXML_ROLES
from gateway.content.xml_text import XmlText
from gateway.content.zip import Archive, chunks, entry_name, unpacked
from gateway.content.zip_encryption import summary
from gateway.errors import ContentError, EncryptedError, MalformedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Text

XML_SUFFIXES = (".xml", ".rels", ".vml", ".rdf", ".fdseq", ".fdoc", ".fpage")
LOOSE_SUFFIX = ".vml"
"""Excel writes HTML line breaks into these, so they need not be well-formed."""
WORKSHEET_ROOTS = frozenset({"worksheet", "macrosheet", "dialogsheet"})
_SAFE_NAME = re.compile(r"[A-Za-z_\[\]/.-]{1,60}[0-9]{0,4}[A-Za-z_/.-]{0,20}")
"""Names of parts as programs make them; any other could carry a value and is not put into a location."""


def read_package(source: Source) -> Reading:
    """Reading of a document package. Raises what reading its directory raises."""
    return _Package(source).reading()


class _WorksheetFound(Exception):  # noqa: N818  # a signal, nothing went wrong
    """The part turned out to be a worksheet and has to wait for the shared strings."""


class _Package:
    """Collects the texts of one document; each XML part streams through expat once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.archive = Archive(source)
        self.entries = self.archive.directory.entries
        self.is_odf = source.media_type.startswith(ODF_PREFIX)
        self.texts: list[Text] = []
        self.aside: dict[str, None] = {}
        self.shared: list[str] = []
        self.used: set[int] = set()
        """Shared strings that a cell shows."""
        self.sheets: list[int] = []
        """Worksheets, which wait until the shared strings are known."""
        self.problem: ContentError | None = None
        self.closed: dict[int, Encryption] = {}
        """Index of an entry → the encryption that the document's own manifest tells."""

    def reading(self) -> Reading:
        """Texts of the package, and its members."""
        if self.is_odf:
            self._guarded(self._read_manifest)
        members: list[int] = []
        for index, entry in enumerate(self.entries):
            name = entry_name(entry).lower()
            if self.archive.encryptions[index] != NOT_ENCRYPTED or index in self.closed:
                members.append(index)
            elif name.endswith(XML_SUFFIXES):
                self._guarded(self._read_part, index)
            elif name.endswith(".bin") and self.source.media_type == XLSB:
                self._guarded(self._read_binary, index)
            else:
                members.append(index)
        for index in self.sheets:
            self._guarded(self._read_sheet, index)
        self._add(
            "\n".join(words for index, words in enumerate(self.shared) if index not in self.used), "loose strings"
        )
        self._add("\n".join(self.aside), "attributes")
        self.texts.extend(names_text(self.archive.told_names()))
        return Reading(tuple(self.texts), self._encryption(), self.problem, self._members(members))

    def _add(self, text: str, location: str) -> None:
        if text and not text.isspace():
            self.texts.append(Text(text, location))

    def _location(self, index: int) -> str:
        name = entry_name(self.entries[index])
        return name if _SAFE_NAME.fullmatch(name) else f"part {index + 1}"

    def _guarded(self, read: Callable[..., None], *where: int) -> None:
        """Run one step; the first thing that goes wrong is the document's problem, the other parts are still read."""
        try:
            read(*where)
        except ContentError as error:
            self.problem = self.problem or error

    def _chunks(self, index: int) -> Iterator[bytes]:
        source, entry = self.source, self.entries[index]
        if entry.problem:
            self.problem = self.problem or entry.problem
        return chunks(source.data, entry, source.limits, source.budget)

    def _read_part(self, index: int) -> None:
        self.source.budget.take_member(self.source.limits)
        collector = XmlText(ODF_ROLES if self.is_odf else OOXML_ROLES, self.source.limits, on_root=_refuse_worksheet)
        try:
            feed(collector, self._chunks(index))
        except _WorksheetFound:
            self.sheets.append(index)
            return
        except MalformedError:
            if not entry_name(self.entries[index]).lower().endswith(LOOSE_SUFFIX):
                raise
            self._add(strip_markup("\n".join(decode(b"".join(self._chunks(index))))), self._location(index))
        finally:
            self._take(collector, index)

    def _take(self, collector: XmlText, index: int) -> None:
        location = self._location(index)
        if collector.root == "sst":
            self.shared.extend(collector.items())
        else:
            for piece in collector.pieces():
                self._add(piece, location)
        self._add(collector.before, f"{location} before changes")
        self.aside.update(collector.aside)

    def _read_sheet(self, index: int) -> None:
        collector = SheetText(self.shared, self.source.limits)
        try:
            feed(collector, self._chunks(index))
        finally:
            self._add(collector.text, self._location(index))
            self.used |= collector.used
            self.aside.update(collector.aside)

    def _read_binary(self, index: int) -> None:
        source = self.source
        content, problem = unpacked(source.data, self.entries[index], source.limits, source.budget)
        self._add(text_runs(content), self._location(index))
        if problem:
            raise problem

    def _read_manifest(self) -> None:
        for index, entry in enumerate(self.entries):
            if entry_name(entry) == MANIFEST and self.archive.encryptions[index] == NOT_ENCRYPTED:
                told = odf_encryptions(b"".join(self._chunks(index)))
                self.closed.update(
                    {at: told[entry_name(each)] for at, each in enumerate(self.entries) if entry_name(each) in told}
                )

    def _encryption(self) -> Encryption:
        grades = [self.closed[index] for index in self.closed]
        return summary(grades) if grades else self.archive.encryption()

    def _members(self, indices: list[int]) -> Iterator[Member]:
        for member, index in zip(self.archive.members(indices), indices, strict=False):
            grade = self.closed.get(index, NOT_ENCRYPTED)
            if grade != NOT_ENCRYPTED and member.opaque is None and looks_random(member.data):
                error = EncryptedError(grade.scheme)
                yield Member(member.name, member.data, UNKNOWN, grade, error)
            else:
                yield member


def _refuse_worksheet(root: str) -> None:
    if root in WORKSHEET_ROOTS:
        raise _WorksheetFound


def feed(collector: XmlText | SheetText, parts: Iterable[bytes]) -> None:
    """Give all chunks to a collector and close it. Raises what reading or parsing them raises."""
    for part in parts:
        collector.feed(part)
    collector.close()

"""Zip archives: entries one by one, names and comments as text, encryption per entry."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterable, Iterator

from gateway.content.inflate import Decoder, StreamDecoder, ZlibDecoder, ZstdDecoder, gathered, metered, raw_lzma
from gateway.content.names import decodings, names_text
from gateway.content.reading import Budget, Member, Reading, Source
from gateway.content.runs import text_runs
from gateway.content.windows import checksum
from gateway.content.zip_directory import AES_METHOD, UTF8_FLAG, Directory, Entry, extra_fields, read_directory
from gateway.content.zip_encryption import STORED, entry_encryption, plain_method, summary
from gateway.errors import ContentError, EncryptedError, LimitError, MalformedError, UnsupportedError
from gateway.limits import Limits
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from gateway.transfer import Buffer

EMPTY_DEFLATE_BYTES = 2
"""Length of nothing, deflated."""
_UNICODE_FIELDS = {0x7075, 0x6375}
"""Info-ZIP Unicode path and comment: version, checksum of the plain form, UTF-8."""
MAX_SILENT_BYTES = 64
"""Longest extra field of numbers that needs no look: NTFS times take 32 bytes, strong encryption is seen elsewhere."""
LOCAL_HEADER_BYTES = 30
MIN_WORDY_BYTES = 8
_LETTERS = bytes([*range(48, 58), *range(65, 91), *range(97, 123)])
_SILENT_FIELDS = {0x0001, 0x000A, 0x0017, 0x5455, 0x5855, 0x7855, 0x7875, 0x9901, 0xCAFE, 0xD935, 0xA220}
"""Extra fields of numbers: zip64, NTFS and Unix times and owners, encryption, jar mark, alignment, OPC growth hint."""


def read_zip(source: Source) -> Reading:
    """Reading of a zip archive of any kind."""
    return Archive(source).reading()


def entry_name(entry: Entry) -> str:
    """The likeliest reading of an entry's name."""
    return _names(entry)[0]


class Archive:
    """An opened archive: its directory, and the grade of each entry."""

    def __init__(self, source: Source) -> None:
        """Raises what `read_directory` raises."""
        self.source = source
        self.directory: Directory = read_directory(source.data, source.limits)
        self.encryptions: list[Encryption | ContentError] = [self._grade(entry) for entry in self.directory.entries]

    def _grade(self, entry: Entry) -> Encryption | ContentError:
        try:
            return entry_encryption(self.source.data, entry)
        except ContentError as error:
            return error

    def reading(self) -> Reading:
        """The archive as a plain container of members."""
        return Reading(
            texts=names_text(self.told_names()),
            encryption=self.encryption(),
            members=self.members(range(len(self.directory.entries))),
        )

    def encryption(self) -> Encryption:
        """Grade of the archive as a whole."""
        pairs = zip(self.directory.entries, self.encryptions, strict=True)
        return summary(
            [grade if isinstance(grade, Encryption) else NOT_ENCRYPTED for entry, grade in pairs if entry.size_bytes]
        )

    def told_names(self) -> Iterator[str]:
        """Names, comments and readable extra fields, in every plausible encoding."""
        yield from _words(self.directory.comment)
        for entry in self.directory.entries:
            yield from _names(entry)
            if entry.comment:
                yield from _words(entry.comment)
            if entry.extra:
                yield from _extra_texts(entry.extra)
            local = self.source.data[entry.header_start + LOCAL_HEADER_BYTES + len(entry.raw_name) : entry.start]
            if local and bytes(local) != entry.extra:
                yield from _extra_texts(bytes(local))

    def members(self, indices: Iterable[int]) -> Iterator[Member]:
        """The chosen entries and, last, what lies outside all entries; directories are left out."""
        for index in indices:
            entry = self.directory.entries[index]
            is_directory = entry.raw_name.endswith((b"/", b"\\")) and entry.size_bytes == 0
            if not is_directory or entry.packed_bytes > EMPTY_DEFLATE_BYTES:
                yield self.member(index)
        data = self.source.data
        for start, end in self.directory.gaps:
            gap = data[start:end]
            if bytes(gap).strip(b"\x00"):  # zeros are alignment
                yield Member(f"(bytes {start} to {end}, outside the directory)", gap)

    def member(self, index: int) -> Member:
        """One entry unpacked; whatever is wrong with it is its `opaque`."""
        entry, grade = self.directory.entries[index], self.encryptions[index]
        name = entry_name(entry)
        if isinstance(grade, Encryption) and grade.grade is not Grade.NONE:
            packed = self.source.data[entry.start : entry.end]
            error = EncryptedError(grade.scheme)
            return Member(name, packed, media_type="application/octet-stream", encryption=grade, opaque=error)
        if isinstance(grade, ContentError):
            return Member(name, self.source.data[entry.start : entry.end], opaque=grade)
        data, problem = unpacked(self.source.data, entry, self.source.limits, self.source.budget)
        return Member(name, data, opaque=problem or entry.problem)


def _names(entry: Entry) -> tuple[str, ...]:
    if entry.flags & UTF8_FLAG:
        try:
            return (entry.raw_name.decode("utf-8"),)
        except UnicodeDecodeError:
            pass
    return decodings(entry.raw_name)


def _extra_texts(extra: bytes) -> Iterator[str]:
    for field, content in extra_fields(extra):
        if field in _UNICODE_FIELDS:
            yield content[5:].decode("utf-8", "replace")
        elif field not in _SILENT_FIELDS or len(content) > MAX_SILENT_BYTES or _is_wordy(content):
            yield content.decode("utf-8", "ignore")
            yield text_runs(content)


def _is_wordy(content: bytes) -> bool:
    """Whether a field of numbers is mostly letters and digits, which times and owners are not."""
    return len(content) >= MIN_WORDY_BYTES and 2 * len(content.translate(None, _LETTERS)) <= len(content)


def _words(comment: bytes) -> Iterator[str]:
    """Every plausible reading of a comment, which may be in UTF-16 too."""
    yield from decodings(comment)
    if b"\x00" in comment:
        yield text_runs(comment)


def unpacked(data: Buffer, entry: Entry, limits: Limits, budget: Budget) -> tuple[Buffer, ContentError | None]:
    """Content of an entry that is not encrypted, whole or as far as it goes, and what is wrong with it."""
    if plain_method(entry) == STORED:
        content = data[entry.start : entry.end]
        problem: ContentError | None = None
        if len(content) > limits.max_member_bytes:
            problem = LimitError("max_member_bytes", allowed=limits.max_member_bytes, actual=len(content))
        elif len(content) != entry.size_bytes or not _crc_fits(checksum(content), entry):
            problem = MalformedError("zip", "a stored entry does not fit its length or checksum")
        return content, problem
    return gathered(chunks(data, entry, limits, budget))


def chunks(data: Buffer, entry: Entry, limits: Limits, budget: Budget) -> Iterator[bytes]:
    """Content of an entry that is not encrypted, in chunks.

    Raises LimitError, MalformedError (damaged, or length or checksum differ) or UnsupportedError, also in the middle.
    """
    if entry.size_bytes > limits.max_member_bytes:
        raise LimitError("max_member_bytes", allowed=limits.max_member_bytes, actual=entry.size_bytes)
    packed = data[entry.start : entry.end]
    if plain_method(entry) == STORED:
        content, problem = unpacked(data, entry, limits, budget)
        yield bytes(content)
        if problem:
            raise problem
        return
    decoder, packed = _decoder(entry, packed)
    crc = total = 0
    for chunk in metered(decoder.chunks(packed), packed_bytes=len(packed), limits=limits, budget=budget):
        crc = zlib.crc32(chunk, crc)
        total += len(chunk)
        yield chunk
        if total > entry.size_bytes:
            raise MalformedError("zip", "an entry is longer than it says")
    if total != entry.size_bytes or decoder.consumed_bytes != len(packed) or not _crc_fits(crc, entry):
        raise MalformedError("zip", "an entry does not fit its length or checksum")


def _crc_fits(crc: int, entry: Entry) -> bool:
    # AE-2 stores no checksum; such an entry gets here only when its bytes were found plain
    return crc == entry.crc or (entry.method == AES_METHOD and entry.crc == 0)


def _decoder(entry: Entry, packed: Buffer) -> tuple[Decoder, Buffer]:
    """Decoder for an entry's method, and the bytes it has to be given."""
    match plain_method(entry):
        case 8:
            return ZlibDecoder("zip", -15), packed
        case 12:
            return StreamDecoder("zip", bz2.BZ2Decompressor()), packed
        case 14:
            if len(packed) < 9 or bytes(packed[2:4]) != b"\x05\x00":
                raise MalformedError("zip", "impossible LZMA properties")
            return raw_lzma("zip", bytes(packed[4:9]), entry.size_bytes), packed[9:]
        case 93:
            return ZstdDecoder("zip"), packed
        case method:
            raise UnsupportedError(f"application/zip; method={method}")

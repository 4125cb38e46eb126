"""RAR archives, versions 4 and 5: listed and graded; stored files are read, packed ones refused by name.

The only decoder of the packed methods opens files by their path, which the sandbox of the inspectors forbids, and its
licence is no free one. Sources: RAR 5.0 archive format (rarlab technote), unrar's headers for the older one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content.magics import RAR, UNKNOWN
from gateway.content.names import names_text
from gateway.content.randomness import looks_random
from gateway.content.rar_blocks import SIGNATURE_4, SIGNATURE_5, WHAT, Block, blocks_4, blocks_5, first_block_fits
from gateway.content.reading import Member, Reading, Source
from gateway.content.solid import outside
from gateway.content.windows import checksum
from gateway.errors import ContentError, EncryptedError, LimitError, MalformedError, UnsupportedError
from gateway.parts import NOT_ENCRYPTED, Encryption, Grade
from gateway.transfer import Buffer


@dataclass(slots=True)
class _Listing:
    words: list[str] = field(default_factory=list)
    files: list[Block] = field(default_factory=list)
    services: list[Block] = field(default_factory=list)
    """Comments, access rights, streams of NTFS and the like."""
    used: list[tuple[int, int]] = field(default_factory=list)
    is_volume: bool = False
    all_closed: Encryption | None = None
    """Set when even the headers are encrypted."""


def is_rar(head: Buffer) -> bool:
    r"""Whether a RAR signature is a real one: its first header has a checksum.

    >>> is_rar(b"Rar!\x1a\x07\x00" + bytes(13))
    False
    """
    return first_block_fits(bytes(head[:4096]))


def read_rar(source: Source) -> Reading:
    """Reading of a RAR archive: names, grade, and the files that are stored.

    Raises LimitError or MalformedError when a header is damaged.
    """
    if not is_rar(source.data):
        raise MalformedError(WHAT, "the first header is damaged")
    listing = _list(source)
    encryption = listing.all_closed or _grade(listing)
    texts = names_text(listing.words)
    if listing.all_closed:
        return Reading(texts, encryption, EncryptedError(encryption.scheme))
    if encryption.grade in {Grade.STRONG, Grade.WEAK}:
        return Reading(texts, encryption, EncryptedError(encryption.scheme), _beside(source, listing))
    packed = [block for block in (*listing.files, *listing.services) if not block.is_stored and not block.encryption]
    problem: ContentError | None = None
    if listing.is_volume:
        problem = UnsupportedError(f"{RAR}; one of several volumes")
    elif packed:
        problem = UnsupportedError(f"{RAR}; packed files")
    return Reading(texts, encryption, problem, _members(source, listing))


def _list(source: Source) -> _Listing:
    listing = _Listing()
    is_old = bytes(source.data[: len(SIGNATURE_5)]) != SIGNATURE_5
    listing.used.append((0, len(SIGNATURE_4 if is_old else SIGNATURE_5)))
    for block in (blocks_4 if is_old else blocks_5)(source.data):
        listing.words.extend(block.words)
        listing.used.append((block.at, block.end))
        listing.is_volume = listing.is_volume or block.is_split
        if block.closes_headers:
            listing.all_closed = block.closes_headers
            break
        if block.is_file:
            source.budget.take_member(source.limits)
            listing.files.append(block)
            if block.encryption and not looks_random(source.data[block.start : block.end]):
                raise MalformedError(WHAT, "it claims encryption and its bytes are plain")
        elif block.is_service:
            listing.services.append(block)
    return listing


def _grade(listing: _Listing) -> Encryption:
    closed = [block.encryption for block in listing.files if block.encryption]
    if not closed:
        return NOT_ENCRYPTED
    worst = min(closed, key=lambda each: [Grade.WEAK, Grade.STRONG].index(each.grade))
    grade = worst.grade if len(closed) == len(listing.files) else Grade.PARTIAL
    return Encryption(worst.scheme, grade, names_visible=True)


def _members(source: Source, listing: _Listing) -> Iterator[Member]:
    """The stored files, the encrypted ones of a partial archive, and what lies beside them."""
    for block in listing.files:
        content = source.data[block.start : block.end]
        if block.encryption:
            error = EncryptedError(block.encryption.scheme)
            yield Member(block.name, content, UNKNOWN, block.encryption, error)
        elif block.is_stored:
            yield Member(block.name, content, opaque=_problem(source, block, content))
    yield from _beside(source, listing)


def _problem(source: Source, block: Block, content: Buffer) -> ContentError | None:
    """What is wrong with a stored file."""
    if len(content) > source.limits.max_member_bytes:
        return LimitError("max_member_bytes", allowed=source.limits.max_member_bytes, actual=len(content))
    # a file over several volumes has the length and the checksum of the whole
    if not block.is_split and (len(content) != block.size_bytes or block.crc not in {None, checksum(content)}):
        return MalformedError(WHAT, "a stored file does not fit its length or checksum")
    return None


def _beside(source: Source, listing: _Listing) -> Iterator[Member]:
    """Stored comments and the like, and bytes outside the archive."""
    for block in listing.services:
        if block.is_stored and not block.encryption and block.end > block.start:
            yield Member(f"({block.name})", source.data[block.start : block.end])
    yield from outside(source.data, listing.used)

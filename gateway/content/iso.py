"""ISO 9660 images with Joliet and Rock Ridge: every directory of every volume descriptor. Sources: ECMA-119, IEEE P1282."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content import magics
from gateway.content.names import decodings, names_text
from gateway.content.reading import Member, Reading, Source
from gateway.content.runs import text_runs
from gateway.content.solid import outside
from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.transfer import Buffer

SECTOR_BYTES = 2048
FIRST_DESCRIPTOR = 16
MAX_DESCRIPTORS = 64
PRIMARY, SUPPLEMENTARY, LAST = 1, 2, 255
JOLIET = (b"%/@", b"%/C", b"%/E")
IS_DIRECTORY, GOES_ON = 0x02, 0x80
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
ZISOFS = bytes.fromhex("37e45396c9dbd607")
"""Files that mkzftree packed; Linux unpacks them on the way."""
_UDF = (b"NSR02", b"NSR03")
_WHAT = "iso9660"


@dataclass(slots=True)
class _Image:
    """What the directories list."""

    files: dict[tuple[int, int], str] = field(default_factory=dict)
    """Start and end → name; two trees that name one file count once."""
    words: list[str] = field(default_factory=list)
    used: list[tuple[int, int]] = field(default_factory=list)
    seen: set[tuple[int, bool]] = field(default_factory=set)
    """Directories read, by offset and whether their names are in UCS-2."""
    pending: list[tuple[int, int, bool]] = field(default_factory=list)
    entries: int = 0
    next_extent: int = -1
    """Where a file that goes on must go on; -1 when none does."""
    has_udf: bool = False


def is_iso(data: Buffer) -> bool:
    """Whether a volume descriptor of ISO 9660 or UDF is where it has to be.

    >>> is_iso(bytes(40_000))
    False
    """
    mark = bytes(data[FIRST_DESCRIPTOR * SECTOR_BYTES + 1 : FIRST_DESCRIPTOR * SECTOR_BYTES + 6])
    return mark in {b"CD001", b"BEA01", *_UDF}


def read_iso(source: Source) -> Reading:
    """Reading of an image. Raises LimitError or MalformedError when a descriptor or a directory is damaged."""
    image = _Image()
    _descriptors(source, image)
    while image.pending:
        _directory(source, image, *image.pending.pop())
    problem: ContentError | None = UnsupportedError(f"{magics.ISO}; UDF") if image.has_udf else None
    return Reading(names_text(image.words), opaque=problem, members=_members(source, image))


def _members(source: Source, image: _Image) -> Iterator[Member]:
    for (start, end), name in image.files.items():
        content = source.data[start:end]
        packed = bytes(content[: len(ZISOFS)]) == ZISOFS
        yield Member(name, content, opaque=UnsupportedError("application/x-iso9660-image; zisofs") if packed else None)
        image.used.append((start, start + -(-(end - start) // SECTOR_BYTES) * SECTOR_BYTES))
    yield from outside(source.data, image.used)


def _descriptors(source: Source, image: _Image) -> None:
    """Read the volume descriptors; roots go to `pending`. Raises MalformedError."""
    data = source.data
    for number in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + MAX_DESCRIPTORS):
        block = bytes(data[number * SECTOR_BYTES : (number + 1) * SECTOR_BYTES])
        mark = block[1:6]
        if mark in _UDF:
            image.has_udf = True
        elif mark == b"CD001":
            image.words.append(text_runs(block))
            if block[0] in {PRIMARY, SUPPLEMENTARY}:
                is_wide = block[0] == SUPPLEMENTARY and block[88:91] in JOLIET
                _root(image, block, is_wide=is_wide)
        elif mark not in {b"BEA01", b"TEA01", b"BOOT2"}:
            image.used.append((FIRST_DESCRIPTOR * SECTOR_BYTES, number * SECTOR_BYTES))
            return
    raise MalformedError(_WHAT, "the descriptors do not end")


def _root(image: _Image, block: bytes, *, is_wide: bool) -> None:
    if len(block) < SECTOR_BYTES or int.from_bytes(block[128:130], "little") != SECTOR_BYTES:
        raise MalformedError(_WHAT, "a descriptor is cut off or has another block size")
    table_bytes = int.from_bytes(block[132:136], "little")
    for at, order in ((140, "little"), (148, "big")):  # the path tables
        start = int.from_bytes(block[at : at + 4], order) * SECTOR_BYTES  # type: ignore[arg-type]
        image.used.append((start, start + table_bytes))
    _pend(image, block[156:190], is_wide=is_wide)


def _pend(image: _Image, record: bytes, *, is_wide: bool) -> None:
    start = (int.from_bytes(record[2:6], "little") + record[1]) * SECTOR_BYTES
    if (start, is_wide) not in image.seen:
        image.seen.add((start, is_wide))
        image.pending.append((start, int.from_bytes(record[10:14], "little"), is_wide))


def _directory(source: Source, image: _Image, start: int, size: int, is_wide: bool) -> None:
    """Take in one directory. Raises LimitError or MalformedError."""
    block = bytes(source.data[start : start + min(size, MAX_DIRECTORY_BYTES)])
    if len(block) != size:
        raise MalformedError(_WHAT, "a directory is cut off or too large")
    image.used.append((start, start + size))
    position, first = 0, -1
    while position < size:
        length = block[position]
        if length == 0:  # a record does not go over the end of a sector
            position = (position // SECTOR_BYTES + 1) * SECTOR_BYTES
            continue
        record = block[position : position + length]
        if length < 34 or len(record) != length or record[32] + 33 > length:
            raise MalformedError(_WHAT, "a directory record is damaged")
        image.entries += 1
        if image.entries > source.limits.max_members:
            raise LimitError("max_members", allowed=source.limits.max_members, actual=image.entries)
        first = _record(source, image, record, is_wide, first)
        position += length


def _record(source: Source, image: _Image, record: bytes, is_wide: bool, first: int) -> int:
    """Take in one record; gives where a file in several extents started, -1 when the next record is another file."""
    raw = record[33 : 33 + record[32]]
    if raw in {b"\x00", b"\x01"}:  # the directory itself, and the one above
        image.words.append(text_runs(record[34:]))
        return -1
    told = _rock_ridge(record[33 + len(raw) + (len(raw) + 1) % 2 :])
    names = (raw.decode("utf-16-be", "replace"),) if is_wide else decodings(raw)
    image.words.extend((*told, *(name.removesuffix(";1") for name in names), text_runs(record[33 + len(raw) :])))
    if record[25] & IS_DIRECTORY:
        _pend(image, record, is_wide=is_wide)
        return -1
    start = (int.from_bytes(record[2:6], "little") + record[1]) * SECTOR_BYTES
    end = start + int.from_bytes(record[10:14], "little")
    if end > len(source.data):
        raise MalformedError(_WHAT, "a file is cut off")
    if image.next_extent not in {-1, start}:
        raise MalformedError(_WHAT, "a file lies in several places")
    image.next_extent = -(-end // SECTOR_BYTES) * SECTOR_BYTES if record[25] & GOES_ON else -1
    start = start if first < 0 else first
    if record[25] & GOES_ON:
        return start
    name = (told or names)[0].removesuffix(";1")
    if end - start > source.limits.max_member_bytes:
        raise LimitError("max_member_bytes", allowed=source.limits.max_member_bytes, actual=end - start)
    image.files[start, end] = max(image.files.get((start, end), ""), name, key=len)
    return -1


def _rock_ridge(area: bytes) -> list[str]:
    """Long names in the system use area of a record."""
    position, name = 0, b""
    while position + 5 <= len(area) and area[position + 2] >= 4:
        if area[position : position + 2] == b"NM":
            name += area[position + 5 : position + area[position + 2]]
        position += area[position + 2]
    return list(decodings(name)) if name else []

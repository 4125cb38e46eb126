"""Archives split into volumes: recognised by name and header, put together where a whole set is at hand.

`a.7z.001`, `a.zip.001` and any `a.001` that opens as an archive are one file in slices; `a.z01` … `a.zip` is a zip that
counts its offsets by volume (APPNOTE.TXT §8). Volumes of RAR say themselves what they are, see `rar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from gateway.content import magics
from gateway.content.encodings import is_textual
from gateway.content.reading import Member, Reading, Source
from gateway.errors import UnsupportedError
from gateway.limits import Limits
from gateway.parts import Piece
from gateway.transfer import Buffer

VOLUME_TYPE = "application/x-split-volume"
"""Media type of one volume of a set."""
_SLICE = re.compile(r"(.+)\.([0-9]{3})", re.DOTALL)
_SPANNED = re.compile(r"(.+)\.[zZ]([0-9]{2})", re.DOTALL)
_SUFFIXES = (".7z", ".zip", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".lz4", ".cab", ".iso", ".wim")
_ARCHIVES = {magics.SEVEN_ZIP, magics.ZIP, magics.RAR, magics.TAR, magics.GZIP, magics.BZIP2, magics.XZ, magics.ZSTD}
_LAST = 1000
"""Number of the volume that closes a spanned zip and has no number."""
_CENTRAL, _END = b"PK\x01\x02", b"PK\x05\x06"
_CENTRAL_BYTES, _END_BYTES = 46, 22


@dataclass(slots=True)
class _Set:
    """Volumes with one stem."""

    stem: str
    is_spanned: bool
    volumes: dict[int, Buffer] = field(default_factory=dict)
    is_odd: bool = False
    """Whether a number came twice."""

    def add(self, number: int, data: Buffer) -> None:
        self.is_odd = self.is_odd or number in self.volumes
        self.volumes[number] = data

    def whole(self, limits: Limits) -> bytes | None:
        """The archive, None when volumes are missing or it would be too large."""
        numbers = sorted(self.volumes)
        total = sum(map(len, self.volumes.values()))
        wanted = [*range(1, len(numbers) + (not self.is_spanned)), *[_LAST] * self.is_spanned]
        if self.is_odd or len(numbers) < 2 or numbers != wanted or total > limits.max_member_bytes:
            return None
        volumes = [self.volumes[number] for number in numbers]
        return _spanned(volumes) if self.is_spanned else b"".join(volumes)


class Sets:
    """Sorts contents into sets of volumes."""

    def __init__(self) -> None:
        self.sets: dict[tuple[str, bool], _Set] = {}

    def take(self, name: str, data: Buffer) -> _Set | None:
        """The set that a content belongs to, with it in it; None for anything but a volume."""
        key, number = self._key(name, data)
        if not number:
            return None
        found = self.sets.setdefault(key, _Set(*key))
        found.add(number, data)
        return found

    def _key(self, name: str, data: Buffer) -> tuple[tuple[str, bool], int]:
        if match := _SLICE.fullmatch(name):
            key, number = (match.group(1), False), int(match.group(2))
            opens = number == 1 and magics.by_prefix(bytes(data[:1024])) in _ARCHIVES
            if opens or key in self.sets or match.group(1).lower().endswith(_SUFFIXES):
                return key, number
        elif match := _SPANNED.fullmatch(name):
            if not is_textual(data):
                return (match.group(1), True), int(match.group(2))
        elif name.lower().endswith(".zip") and (name[:-4], True) in self.sets:
            return (name[:-4], True), _LAST
        return ("", False), 0


def read_volume(source: Source) -> Reading:
    """Nothing: what is in a volume is read in the whole."""
    del source
    return Reading()


def assembled(members: Iterable[Member], limits: Limits) -> Iterator[Member]:
    """The members; volumes come last, each set followed by its whole, or opaque when there is no whole to be had."""
    sets = Sets()
    held: list[tuple[_Set, Member]] = []
    for member in members:
        found = None if member.opaque or member.media_type else sets.take(member.name, member.data)
        if found is None:
            yield member
        else:
            held.append((found, member))
    for each in sets.sets.values():
        whole = each.whole(limits)
        problem = None if whole is not None else split_error()
        for found, member in held:
            if found is each:
                yield replace(member, media_type=VOLUME_TYPE, opaque=problem)
        if whole is not None:
            yield Member(each.stem + (".zip" if each.is_spanned else ""), whole)


def joined(pieces: Sequence[Piece], limits: Limits) -> tuple[Piece, ...]:
    """The pieces of one upload; a whole set of volumes is one piece, in the place of the first of them."""
    sets = Sets()
    owners = [sets.take(piece.name, piece.data) if piece.name and not piece.is_fragment else None for piece in pieces]
    wholes = {id(each): each.whole(limits) for each in sets.sets.values()}
    found: list[Piece] = []
    for piece, owner in zip(pieces, owners, strict=True):
        whole = wholes.get(id(owner)) if owner else None
        if owner is None or whole is None:
            found.append(piece)
        elif whole:
            name = owner.stem + (".zip" if owner.is_spanned else "")
            found.append(replace(piece, data=whole, name=name))
            wholes[id(owner)] = b""  # the other volumes are in it
    return tuple(found)


def split_error() -> UnsupportedError:
    """Why a volume without the others is not read."""
    return UnsupportedError(f"{VOLUME_TYPE}; the other volumes are not there")


def is_lone_volume(name: str, data: Buffer) -> bool:
    """Whether a content by itself is one volume of a set.

    >>> is_lone_volume("a.7z.002", b"")
    True
    >>> is_lone_volume("report.001", b"words")
    False
    """
    return Sets().take(name, data) is not None


def _spanned(volumes: list[Buffer]) -> bytes | None:
    """A zip over several volumes as one file: volume numbers become 0, offsets count from the start. None if it cannot."""
    starts = [*accumulate(map(len, volumes), initial=0)]
    data = bytearray(b"".join(volumes))
    end = data.rfind(_END)
    if end < 0 or end + _END_BYTES > len(data):
        return None
    directory_volume = int.from_bytes(data[end + 6 : end + 8], "little")
    count = int.from_bytes(data[end + 10 : end + 12], "little")
    offset = int.from_bytes(data[end + 16 : end + 20], "little")
    if directory_volume >= len(volumes) or count == 0xFFFF:  # zip64 counts elsewhere
        return None
    position = directory = starts[directory_volume] + offset
    for _ in range(count):
        volume, local = data[position + 34 : position + 36], data[position + 42 : position + 46]
        number = int.from_bytes(volume, "little")
        if data[position : position + 4] != _CENTRAL or position + _CENTRAL_BYTES > end or number >= len(volumes):
            return None
        moved = starts[number] + int.from_bytes(local, "little")
        data[position + 34 : position + 36] = bytes(2)
        data[position + 42 : position + 46] = moved.to_bytes(8, "little")[:4]
        lengths = (int.from_bytes(data[position + at : position + at + 2], "little") for at in (28, 30, 32))
        position += _CENTRAL_BYTES + sum(lengths)
    data[end + 4 : end + 8] = bytes(4)
    data[end + 8 : end + 10] = count.to_bytes(2, "little")
    data[end + 16 : end + 20] = directory.to_bytes(8, "little")[:4]
    if data[:4] == b"PK\x07\x08":  # the mark of a split archive
        data[:4] = bytes(4)
    return bytes(data)

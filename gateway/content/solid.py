"""What archives that pack many files as one stream have in common: cutting it, and finding what lies beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.content.reading import Member
from gateway.errors import ContentError, MalformedError
from gateway.limits import Limits
from gateway.transfer import Buffer


class Cutter:
    """Cuts a stream of chunks, none of them empty, into files."""

    def __init__(self, chunks: Iterator[bytes], limits: Limits) -> None:
        self._chunks, self._limits, self._rest = chunks, limits, b""

    def next(self, size: int) -> tuple[bytes, ContentError | None]:
        """The next `size` bytes, fewer with the error that ended them; none of those that no member may have."""
        kept: list[bytes] = []
        left = size
        try:
            while left:
                chunk = self._rest or next(self._chunks, b"")
                if not chunk:
                    return b"".join(kept), MalformedError("archive", "a file ends too early")
                self._rest = chunk[left:]
                if size <= self._limits.max_member_bytes:
                    kept.append(chunk[:left])
                left -= min(left, len(chunk))
        except ContentError as error:
            return b"".join(kept), error
        return b"".join(kept), None

    def rest(self) -> tuple[bytes, ContentError | None]:
        """What no file has taken, up to the end of the stream or the error that ends it."""
        kept = [self._rest]
        try:
            kept.extend(self._chunks)
        except ContentError as error:
            return b"".join(kept), error
        return b"".join(kept), None


def outside(data: Buffer, used: Iterable[tuple[int, int]]) -> Iterator[Member]:
    """Every stretch of `data` in none of the `used` ones (start, end), as a member; zeros are padding and left out."""
    position = 0
    for start, end in [*sorted(used), (len(data), len(data))]:
        if start > position and bytes(data[position:start]).strip(b"\x00"):
            yield Member(f"(bytes {position} to {start}, outside the archive)", data[position:start])
        position = max(position, end)

"""What `git push` sends: the names of branches, then a pack → messages as text, every blob as a file with its name.

Source: https://git-scm.com/docs/gitprotocol-pack, gitprotocol-common and gitformat-pack.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import MalformedError
from gateway.parts import Piece
from gateway.wire.gitdelta import inserted
from gateway.wire.gitpack import BLOB, COMMIT, TAG, TREE, GitObject, read_pack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits import Limits
    from gateway.transfer import Buffer

PUSH = "application/x-git-receive-pack-request"
"""Its media type."""
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_ENTRY = re.compile(rb"[0-7]{5,6} ([^\x00]++)\x00", re.DOTALL)


def read_push(view: memoryview, *, limits: Limits) -> list[Piece]:
    """The pieces of a request to `git-receive-pack`: commands and messages, names in trees, files.

    Files come whole where their base is in the pack; of one that is a delta to what only the server has, what the
    delta adds. Raises MalformedError for anything that git itself would not read, LimitError over `max_members`,
    `max_member_bytes`, `max_unpacked_bytes` or `max_decode_ratio`.
    """
    lines, position = _packet_lines(view)
    pieces = [_text("git-commands", lines)]
    if position < len(view):
        is_sha256 = any(b"object-format=sha256" in line for line in lines)
        pieces += _pack_pieces(read_pack(view[position:], id_bytes=32 if is_sha256 else 20, limits=limits), is_sha256)
    return [piece for piece in pieces if piece.data]


def _packet_lines(view: memoryview) -> tuple[list[bytes], int]:
    """The lines before the pack, and where the pack starts: `gitprotocol-common`, pkt-line format."""
    lines: list[bytes] = []
    position = 0
    while position < len(view) and bytes(view[position : position + 4]) != b"PACK":
        head = bytes(view[position : position + 4])
        length = int(head, 16) if _LENGTH.fullmatch(head) else -1
        if length < 0 or 0 < length < 4 or position + length > len(view):
            raise MalformedError("git", "a line has no proper length")
        if length > 4:
            lines.append(bytes(view[position + 4 : position + length]).replace(b"\0", b" ").rstrip(b"\n"))
        # 0000 ends a section and has no content.
        position += max(length, 4)
    return lines, position


def _pack_pieces(objects: list[GitObject], is_sha256: bool) -> Iterator[Piece]:
    messages = [bytes(one.data) for one in objects if one.kind in {COMMIT, TAG}]
    yield _text("git-messages", messages)
    names: dict[bytes, bytes] = {}
    for one in objects:
        if one.kind == TREE:
            names.update(_tree_names(one.data, 32 if is_sha256 else 20))
    yield _text("git-names", list(dict.fromkeys(names.values())))
    for one in objects:
        if one.kind == BLOB:
            name = names.get(one.id, b"").decode("utf-8", "replace")
            yield Piece(one.data, name, "git", is_file=True)
        elif one.is_delta:
            yield Piece(inserted(memoryview(one.data)), field="git-delta", is_file=True)


def _tree_names(data: Buffer, id_bytes: int) -> dict[bytes, bytes]:
    """Id → name of the entries of a tree."""
    names: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        match = _ENTRY.match(data, position)
        if match is None or match.end() + id_bytes > len(data):
            raise MalformedError("git", "a tree is broken")
        position = match.end() + id_bytes
        names[bytes(data[match.end() : position])] = match[1]
    return names


def _text(where: str, lines: list[bytes]) -> Piece:
    return Piece(b"\n".join(lines), field=where, declared_type="text/plain")

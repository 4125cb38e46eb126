"""OLE compound files, written sector by sector (MS-CFB version 3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SECTOR, MINI, CUTOFF = 512, 64, 4096
FREE, END_OF_CHAIN, FAT_SECTOR, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


@dataclass
class _Node:
    name: str
    kind: int
    content: bytes = b""
    children: list[int] = field(default_factory=list)
    right: int = NONE
    child: int = NONE
    start: int = END_OF_CHAIN


def ole_bytes(streams: dict[str, bytes]) -> bytes:
    """A compound file with these streams; a `/` in a name makes a storage."""
    nodes = [_Node("Root Entry", 5)]
    storages = {"": 0}
    for path, content in streams.items():
        parent = ""
        for name in path.split("/")[:-1]:
            inner = f"{parent}/{name}"
            if inner not in storages:
                storages[inner] = len(nodes)
                nodes[storages[parent]].children.append(len(nodes))
                nodes.append(_Node(name, 1))
            parent = inner
        nodes[storages[parent]].children.append(len(nodes))
        nodes.append(_Node(path.split("/")[-1], 2, content))
    for node in nodes:
        for left, right in zip(node.children, node.children[1:], strict=False):
            nodes[left].right = right
        node.child = node.children[0] if node.children else NONE
    return _laid_out(nodes)


def _laid_out(nodes: list[_Node]) -> bytes:
    sectors: list[bytes] = []
    fat: list[int] = []
    mini, mini_fat = bytearray(), []

    def store(content: bytes) -> int:
        count = -(-len(content) // SECTOR)
        first = len(sectors)
        for number in range(count):
            sectors.append(content[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\x00"))
            fat.append(first + number + 1 if number + 1 < count else END_OF_CHAIN)
        return first if count else END_OF_CHAIN

    for node in nodes[1:]:
        if node.kind == 2 and len(node.content) >= CUTOFF:
            node.start = store(node.content)
        elif node.kind == 2 and node.content:
            count = -(-len(node.content) // MINI)
            node.start = len(mini_fat)
            mini_fat.extend([*range(node.start + 1, node.start + count), END_OF_CHAIN])
            mini.extend(node.content.ljust(count * MINI, b"\x00"))
    nodes[0].content = bytes(mini)
    nodes[0].start = store(bytes(mini))
    mini_fat_start = store(
        b"".join(struct.pack("<L", each) for each in mini_fat).ljust(-(-len(mini_fat) // 128) * SECTOR, b"\xff")
    )
    directory = b"".join(map(_entry, nodes))
    directory_start = store(directory.ljust(-(-len(directory) // SECTOR) * SECTOR, b"\x00"))
    fat_sectors = 1
    while len(fat) + fat_sectors > fat_sectors * 128:
        fat_sectors += 1
    difat = list(range(len(sectors), len(sectors) + fat_sectors))
    table = [*fat, *[FAT_SECTOR] * fat_sectors]
    packed = b"".join(struct.pack("<L", each) for each in table).ljust(fat_sectors * SECTOR, b"\xff")
    header = struct.pack(
        "<8s16s6H10L", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6, 0, 0, 0, fat_sectors,
        directory_start, 0, CUTOFF, mini_fat_start, -(-len(mini_fat) // 128), END_OF_CHAIN, 0,
    )  # fmt: skip
    header += b"".join(struct.pack("<L", each) for each in [*difat, *[FREE] * (109 - len(difat))])
    return header + b"".join(sectors) + packed


def _entry(node: _Node) -> bytes:
    name = node.name.encode("utf-16-le")[:62] + b"\x00\x00"
    return struct.pack(
        "<64sHBB3L16sLQQLQ", name, len(name), node.kind, 1, NONE, node.right, node.child, bytes(16), 0, 0, 0,
        node.start, len(node.content),
    )  # fmt: skip


def word_stream(text: str, *, flags: int = 0) -> bytes:
    """A WordDocument stream: the head of its information block, then the text in UTF-16."""
    return struct.pack("<5HH", 0xA5EC, 0xC1, 0, 0x804, 0, flags).ljust(1024, b"\x00") + text.encode("utf-16-le")


def workbook_stream(text: str, *, password_record: bytes = b"") -> bytes:
    """A Workbook stream: BOF, perhaps FILEPASS, then a shared string in UTF-16."""
    records = struct.pack("<HH", 0x809, 16) + bytes(16) + password_record
    return records + struct.pack("<HH", 0xFC, 2 * len(text)) + text.encode("utf-16-le")


def native_stream(name: str, content: bytes) -> bytes:
    """A packager stream that holds one file."""
    label = name.encode("gb18030") + b"\x00"
    inner = struct.pack("<H", 2) + label + label + struct.pack("<2HL", 0, 3, len(label)) + label
    inner += struct.pack("<L", len(content)) + content
    return struct.pack("<L", len(inner)) + inner


def macro_stream(source: bytes) -> bytes:
    """Source of a macro as modules hold it, compressed without a copy (MS-OVBA §2.4.1)."""
    out = bytearray(b"\x01")
    for start in range(0, len(source), 3000):
        chunk = source[start : start + 3000]
        body = b"".join(b"\x00" + chunk[at : at + 8] for at in range(0, len(chunk), 8))
        out += struct.pack("<H", 0xB000 | len(body) - 1) + body
    return bytes(out)

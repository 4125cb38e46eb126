"""Archives, well made and ill made; each function gives the bytes of one file."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import py7zr
import pyzipper
import zstandard

PASSWORD = b"correct horse"


def zip_bytes(entries: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """A zip as zipfile writes it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.comment = comment
    return target.getvalue()


def streamed_zip(entries: dict[str, bytes]) -> bytes:
    """A zip written to a pipe: sizes come after the data, in descriptors."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, piece) -> int:
            self.written += piece
            return len(piece)

    target = Pipe()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return bytes(target.written)


def zip_aes(entries: dict[str, bytes], *, bits: int = 256, clear: dict[str, bytes] | None = None) -> bytes:
    """A zip with WinZip AES; `clear` entries are added without encryption."""
    target = io.BytesIO()
    with pyzipper.AESZipFile(target, "w", compression=pyzipper.ZIP_DEFLATED) as archive:
        archive.setpassword(PASSWORD)
        archive.setencryption(pyzipper.WZ_AES, nbits=bits)
        for name, content in entries.items():
            archive.writestr(name, content)
    if clear:
        with zipfile.ZipFile(target, "a") as archive:
            for name, content in clear.items():
                archive.writestr(name, content)
    return target.getvalue()


def zip_crypto(entries: dict[str, bytes]) -> bytes:
    """A zip with the old cipher of PKWARE."""
    return raw_zip(
        *(
            Raw(
                name.encode(),
                _pkware(content, zlib.crc32(content)),
                flags=1,
                crc=zlib.crc32(content),
                size=len(content),
            )
            for name, content in entries.items()
        )
    )


def _pkware(content: bytes, crc: int) -> bytes:
    table = [_crc_step(0, byte) for byte in range(256)]
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 0xFF]

    for byte in PASSWORD:
        update(byte)
    out = bytearray()
    for byte in os.urandom(11) + bytes([crc >> 24]) + content:
        word = (keys[2] | 2) & 0xFFFF
        out.append(byte ^ ((word * (word ^ 1) >> 8) & 0xFF))
        update(byte)
    return bytes(out)


def _crc_step(crc: int, byte: int) -> int:
    crc ^= byte
    for _ in range(8):
        crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc


@dataclass
class Raw:
    """An entry of `raw_zip`; what is None is taken from `packed`. Values under `local` go to the local header only."""

    name: bytes
    packed: bytes = b""
    method: int = 0
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    after: bytes = b""
    """Bytes between this entry and the next."""
    offset: int | None = None
    """Offset told in the directory."""
    local: dict[str, object] = field(default_factory=dict)


def raw_zip(*entries: Raw, prefix: bytes = b"", comment: bytes = b"", total: int | None = None) -> bytes:
    """A zip written field by field, so that every field can lie."""
    out = bytearray(prefix)
    directory = bytearray()
    for entry in entries:
        crc = zlib.crc32(entry.packed) if entry.crc is None else entry.crc
        size = len(entry.packed) if entry.size is None else entry.size
        told = {"name": entry.name, "flags": entry.flags, "method": entry.method, "crc": crc, "size": size}
        told |= {"packed": len(entry.packed), "extra": entry.extra}
        here = told | entry.local
        offset = len(out) if entry.offset is None else entry.offset
        head = (here["flags"], here["method"], 0, 0x21, here["crc"], here["packed"], here["size"])
        out += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *head, len(here["name"]), len(here["extra"]))
        out += here["name"] + here["extra"] + entry.packed + entry.after
        head = (entry.flags, entry.method, 0, 0x21, crc, told["packed"], size, len(entry.name), len(entry.extra))
        directory += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, *head, len(entry.comment), 0, 0, 0, offset)
        directory += entry.name + entry.extra + entry.comment
    count = len(entries) if total is None else total
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(out), len(comment))
    return bytes(out + directory + end + comment)


def deflated(content: bytes) -> bytes:
    """Raw deflate."""
    codec = zlib.compressobj(9, zlib.DEFLATED, -15)
    return codec.compress(content) + codec.flush()


def seven_zip(entries: dict[str, bytes], *, password: str = "", closed_header: bool = False) -> bytes:
    """A 7z archive."""
    target = io.BytesIO()
    with py7zr.SevenZipFile(target, "w", password=password or None, header_encryption=closed_header) as archive:
        for name, content in entries.items():
            archive.writestr(content, name)
    return target.getvalue()


def seven_zip_by_tool(entries: dict[str, bytes], *options: str) -> bytes:
    """A 7z archive as 7-Zip itself writes it, with its options (`-m0=BZip2`, `-psecret` …)."""
    return by_tool(entries, "out.7z", "7z", "a", "-bd", "-y", *options, "out.7z")


def volumes(entries: dict[str, bytes], out: str, *command: str) -> dict[str, bytes]:
    """The volumes that a program writes when `command` runs in a folder of `entries`: name → content."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in entries.items():
            Path(folder, name).write_bytes(content)
        subprocess.run([*command, *entries], cwd=folder, check=True, capture_output=True)
        return {
            path.name: path.read_bytes() for path in sorted(Path(folder).glob(f"{out}*")) if path.name not in entries
        }


def by_tool(entries: dict[str, bytes], out: str, *command: str) -> bytes:
    """What a program makes of files: `command` runs in a folder of them, with their names behind it, and writes `out`."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in entries.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        subprocess.run([*command, *entries], cwd=folder, check=True, capture_output=True)
        return Path(folder, out).read_bytes()


def piped(content: bytes, *command: str) -> bytes:
    """What a program writes when it is given `content`: `lz4 -c`, `compress -c`, `lzip -c` …"""
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def cpio_bytes(entries: dict[str, bytes], kind: str) -> bytes:
    """A cpio archive of one of cpio's formats: newc, crc, odc, bin."""
    return by_tool(entries, "out", "sh", "-c", f'printf "%s\\n" "$@" | cpio -o -H {kind} > out', "sh")


def iso_bytes(entries: dict[str, bytes], *options: str) -> bytes:
    """An ISO 9660 image as genisoimage writes it; the folder `image` is its root."""
    inside = {f"image/{name}": content for name, content in entries.items()}
    return by_tool(inside, "out.iso", "sh", "-c", f"genisoimage -o out.iso {' '.join(options)} image")


def cab_bytes(entries: dict[str, bytes], *options: str) -> bytes:
    """A cabinet as gcab writes it, stored; `-z` for MSZIP."""
    return by_tool(entries, "out.cab", "gcab", "-c", *options, "out.cab")


def ar_bytes(entries: dict[str, bytes]) -> bytes:
    """An ar archive as binutils write it, member by member."""
    return by_tool(entries, "out.a", "ar", "rcD", "out.a")


def tar_bytes(entries: dict[str, bytes], *, kind: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive in one of tarfile's formats."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=kind) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def gzip_bytes(content: bytes, *, name: str = "") -> bytes:
    """A gzip stream that remembers a file name."""
    target = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=target, mtime=0) as stream:
        stream.write(content)
    return target.getvalue()


def zstd_bytes(content: bytes) -> bytes:
    """A zstd frame."""
    return zstandard.ZstdCompressor().compress(content)

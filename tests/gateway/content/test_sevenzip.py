"""7z: listed, graded, and its files read one by one."""

import lzma
import os
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.content.reading import Budget, Source
from gateway.content.sevenzip import read_seven_zip
from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.limits import Limits
from tests.samples.archives import seven_zip, seven_zip_by_tool

AES, LZMA1, LZMA2, COPY = b"\x06\xf1\x07\x01", b"\x03\x01\x01", b"\x21", b"\x00"
NOISE = os.urandom(512)
WORDS = ("合同编号 0001\n" * 3000).encode()
FILES = {"合同.txt": WORDS, "d/b.bin": NOISE, "empty.txt": b"", "c.txt": b"c" * 70_000}


def read(data, **limits):
    return read_seven_zip(Source(data, "", "application/x-7z-compressed", Limits(**limits), Budget()))


def archive(header, packed=NOISE, tail=b""):
    start = struct.pack("<QQL", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<L", zlib.crc32(start)) + start + packed + header + tail


def coder(method, properties=b""):
    return (
        bytes([len(method) | 0x20 * bool(properties)])
        + method
        + (bytes([len(properties)]) + properties if properties else b"")
    )


def folder(*coders, bindings=b""):
    return bytes([len(coders)]) + b"".join(coders) + bindings


def number(value):
    return bytes([value]) if value < 128 else b"\xff" + struct.pack("<Q", value)


def streams(*folders, pack_sizes=(512,), sizes=(512,), start=0, sub=b"", digests=b""):
    pack = b"\x06" + number(start) + bytes([len(pack_sizes)]) + b"\x09" + b"".join(map(number, pack_sizes)) + b"\x00"
    unpack = b"\x07\x0b" + bytes([len(folders)]) + b"\x00" + b"".join(folders) + b"\x0c" + b"".join(map(number, sizes))
    return pack + unpack + digests + b"\x00" + sub + b"\x00"


def header(block, *names, more=b""):
    listed = b"\x00" + "".join(f"{name}\0" for name in names).encode("utf-16-le")
    return (
        b"\x01\x04" + block + b"\x05" + number(len(names)) + b"\x11" + number(len(listed)) + listed + more + b"\x00\x00"
    )


CLEAR = header(streams(folder(coder(COPY))), "合同.docx")
CLOSED = header(streams(folder(coder(AES, b"\x13"))), "合同.docx")


def packed_header(plain, method=LZMA1, properties=bytes([93, 0, 0, 1, 0]), *, size=None, crc=None):
    filters = [{"id": lzma.FILTER_LZMA1 if method == LZMA1 else lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    packed = lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)
    crc = zlib.crc32(plain) if crc is None else crc
    block = streams(
        folder(coder(method, properties)), pack_sizes=(len(packed),), sizes=(len(plain) if size is None else size,),
        start=len(NOISE), digests=b"\x0a\x01" + struct.pack("<L", crc),
    )  # fmt: skip
    return archive(b"\x17" + block, NOISE + packed)


@pytest.mark.parametrize(
    "options",
    [
        *[pytest.param([f"-m0={method}"], id=method) for method in ("LZMA", "LZMA2", "BZip2", "Deflate", "Copy")],
        pytest.param(["-m0=BCJ", "-m1=LZMA"], id="BCJ"),
        pytest.param(["-m0=BCJ2", "-m1=LZMA", "-m2=LZMA", "-m3=LZMA", "-mb0:1", "-mb0s1:2", "-mb0s2:3"], id="BCJ2"),
        pytest.param(["-m0=Delta:4", "-m1=LZMA2"], id="Delta"),
        pytest.param(["-m0=ARM", "-m1=LZMA2"], id="ARM"),
        pytest.param(["-ms=off"], id="not solid"),
        pytest.param(["-mhc=off"], id="plain header"),
    ],
)
def test_what_7_zip_writes(options):
    reading = read(seven_zip_by_tool(FILES, *options))
    assert {member.name: (bytes(member.data), member.opaque) for member in reading.members} == {
        name: (content, None) for name, content in FILES.items()
    }
    assert (reading.encryption.grade, reading.opaque) == ("none", None)
    assert set(reading.texts[0].text.split()) == set(FILES)


def test_what_py7zr_writes():
    assert [(member.name, member.data) for member in read(seven_zip({"a.txt": WORDS})).members] == [("a.txt", WORDS)]


@pytest.mark.parametrize("method", ["PPMd", "Deflate64"])
def test_methods_that_nobody_here_undoes(method):
    reading = read(seven_zip_by_tool({"合同.txt": WORDS}, f"-m0={method}"))
    assert (reading.opaque.reason, method in str(reading.opaque)) == ("unsupported", True)
    assert (reading.texts[0].text, list(reading.members)) == ("合同.txt", [])


@pytest.mark.parametrize(
    ("data", "grade", "visible"),
    [
        pytest.param(seven_zip_by_tool({"合同.docx": WORDS}, "-psecret"), "strong", True, id="7-Zip"),
        pytest.param(seven_zip_by_tool({"合同.docx": WORDS}, "-psecret", "-mhe=on"), "strong", False, id="7-Zip, header"),
        pytest.param(seven_zip({"合同.docx": WORDS}, password="p"), "strong", True, id="py7zr"),
        pytest.param(seven_zip({"合同.docx": b"x"}, password="p", closed_header=True), "strong", False, id="py7zr, header"),
        pytest.param(archive(CLOSED), "strong", True, id="made by hand"),
        pytest.param(packed_header(CLOSED), "strong", True, id="LZMA header"),
        pytest.param(packed_header(CLOSED, LZMA2, b"\x10"), "strong", True, id="LZMA2 header"),
    ],
)  # fmt: skip
def test_encrypted(data, grade, visible):
    reading = read(data)
    assert (reading.encryption.scheme, reading.encryption.grade, reading.opaque.reason) == (
        "7z-aes",
        grade,
        "encrypted",
    )
    assert ("合同.docx" in "".join(text.text for text in reading.texts)) is reading.encryption.names_visible is visible
    assert list(reading.members) == []


def test_one_clear_file_is_partial():
    block = streams(folder(coder(COPY)), folder(coder(AES)), pack_sizes=(200, 312), sizes=(200, 312))
    reading = read(archive(header(block, "clear", "closed")))
    assert (reading.encryption.grade, reading.opaque) == ("partial", None)
    clear, closed = reading.members
    assert (clear.name, clear.data, clear.opaque) == ("clear", NOISE[:200], None)
    assert (closed.name, closed.data, closed.opaque.reason) == ("closed", NOISE[200:], "encrypted")
    assert (closed.encryption.grade, closed.media_type) == ("strong", "application/octet-stream")


def test_files_of_an_encrypted_folder_are_told_apart():
    sub = b"\x08\x0d\x01\x02\x09" + number(100) + b"\x00"
    block = streams(
        folder(coder(COPY)), folder(coder(AES)), pack_sizes=(200, 312), sizes=(200, 312), sub=sub
    )  # fmt: skip
    members = list(read(archive(header(block, "clear", "a", "b"))).members)
    assert [(member.name, len(member.data)) for member in members] == [("clear", 200), ("a", 312), ("b", 0)]


def test_encryption_claimed_over_plain_bytes():
    words = b"plain words " * 60
    block = streams(folder(coder(COPY)), folder(coder(AES)), pack_sizes=(20, 700), sizes=(20, 700))
    _, closed = read(archive(header(block, "clear", "closed"), words)).members
    assert (closed.opaque.reason, closed.data, closed.media_type) == ("malformed", words[20:], "")
    for data in (
        archive(header(streams(folder(coder(AES))), "a"), words),
        archive(b"\x17" + streams(folder(coder(AES))), words),
    ):
        with pytest.raises(MalformedError, match="plain"):
            read(data)


def test_a_cipher_in_the_header_over_lzma_that_anybody_unpacks():
    packed = lzma.compress(WORDS + os.urandom(20_000), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}])
    coders = folder(coder(LZMA2, b"\x18"), coder(AES, b"\x13"), bindings=b"\x00\x01")
    block = streams(coders, pack_sizes=(len(packed),), sizes=(len(WORDS) + 20_000, len(packed)))
    with pytest.raises(MalformedError, match="plain"):
        read(archive(header(block, "a"), packed))


def test_cut_off_folders():
    block = streams(folder(coder(COPY)), folder(coder(AES)), pack_sizes=(200, 10_000), sizes=(300, 312))
    clear, closed = read(archive(header(block, "clear", "closed"))).members
    assert (clear.data, clear.opaque.reason) == (NOISE[:200], "malformed")
    assert (closed.data, closed.opaque.reason) == (b"", "malformed")
    (member,) = read(archive(header(streams(folder(coder(COPY)), pack_sizes=(10_000,)), "a"))).members
    assert member.opaque.reason == "malformed"


def test_names_and_contents_that_do_not_match():
    sub = b"\x08\x0d\x02\x09" + number(12) + b"\x00"
    unnamed = read(archive(b"\x01\x04" + streams(folder(coder(COPY)), sub=sub) + b"\x00"))
    assert [(each.name, len(each.data)) for each in unnamed.members] == [
        ("(file 0 of block 0)", 12),
        ("(file 1 of block 0)", 500),
    ]
    first, missing = read(archive(header(streams(folder(coder(COPY))), "a", "b"))).members
    assert (first.opaque, missing.name, missing.opaque.reason) == (None, "b", "malformed")
    (hidden,) = read(archive(header(streams(folder(coder(COPY)), sub=b"\x08\x0d\x00\x00")))).members
    assert (hidden.name, hidden.data) == ("(file 0 of block 0)", NOISE)


def test_wrong_checksum():
    block = streams(folder(coder(COPY)), digests=b"\x0a\x01\x01\x02\x03\x04")
    (member,) = read(archive(header(block, "a"))).members
    assert (member.data, str(member.opaque)) == (NOISE, "7z: a file does not fit its checksum")


def test_files_over_the_limit_are_passed_and_the_next_are_read():
    sub = b"\x08\x0d\x02\x09" + number(400) + b"\x00"
    large, small = read(archive(header(streams(folder(coder(COPY)), sub=sub), "a", "b")), max_member_bytes=399).members
    assert (large.data, large.opaque.limit) == (b"", "max_member_bytes")
    assert (small.data, small.opaque) == (NOISE[400:], None)


def test_bytes_beside_the_archive():
    block = streams(folder(coder(COPY)), pack_sizes=(100,), sizes=(100,), start=50)
    members = list(read(archive(header(block, "a"), tail=b"tail")).members)
    assert [(each.name.partition(",")[0], each.data) for each in members] == [
        ("a", NOISE[50:150]),
        ("(bytes 32 to 82", NOISE[:50]),
        ("(bytes 182 to 544", NOISE[150:]),
        (members[3].name.partition(",")[0], b"tail"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(archive(b"", b""), "", id="empty archive"),
        pytest.param(archive(b"\x01\x02\x19\x04note\x00\x00", b""), "note", id="properties"),
        pytest.param(archive(b"\x01\x00" + b"more words", b""), "more words", id="behind the end"),
        pytest.param(archive(b"\x01\x05\x01\x0e\x01\x80\x11\x05\x00d\x00\x00\x00\x00\x00", b""), "d", id="a directory"),
    ],
)
def test_archives_without_files(data, text):
    reading = read(data)
    assert ("".join(each.text for each in reading.texts), list(reading.members)) == (text, [])


def deep_header(levels):
    """A header packed in a header, and so on; each is stored."""
    packed, block = b"", CLEAR
    for _ in range(levels):
        start, packed = len(packed), packed + block
        block = b"\x17" + streams(folder(coder(COPY)), pack_sizes=(len(block),), sizes=(len(block),), start=start)
    return archive(block, packed)


@pytest.mark.parametrize(
    ("data", "error", "why"),
    [
        pytest.param(b"7z\xbc\xaf\x27\x1c" + bytes(30), MalformedError, "start header", id="no checksum"),
        pytest.param(archive(CLEAR)[:-3], MalformedError, "cut off", id="cut off"),
        pytest.param(archive(CLEAR)[:-1] + b"x", MalformedError, "checksum", id="header changed"),
        pytest.param(archive(b"\x05"), MalformedError, "no known kind", id="unknown header"),
        pytest.param(archive(b"\x01\x03\x00\x00"), UnsupportedError, "additional", id="additional streams"),
        pytest.param(archive(b"\x01\x06"), MalformedError, "does not end", id="unknown block"),
        pytest.param(archive(b"\x17" + streams(folder(coder(COPY)), folder(coder(COPY)), pack_sizes=(1, 1), sizes=(1, 1))), UnsupportedError, "several", id="two folders"),
        pytest.param(archive(b"\x17" + streams(folder(coder(COPY)), sub=b"\x08\x0d\x02\x09\x01\x00")), MalformedError, "empty or too large", id="header of two files"),
        pytest.param(archive(b"\x17" + streams(folder(coder(COPY)), sizes=(0,))), MalformedError, "empty", id="header of nothing"),
        pytest.param(packed_header(CLEAR, size=64 * 2**20 + 1), MalformedError, "too large", id="header too large"),
        pytest.param(packed_header(CLEAR, size=1000), MalformedError, "too early", id="header too short"),
        pytest.param(packed_header(CLEAR, crc=7), MalformedError, "checksum", id="packed header changed"),
        pytest.param(packed_header(CLEAR, properties=b"\xff" * 5), MalformedError, "properties", id="header properties"),
        pytest.param(archive(b"\x17" + streams(folder(coder(b"\x03\x04\x01")))), UnsupportedError, "PPMd", id="header by PPMd"),
        pytest.param(deep_header(5), MalformedError, "no known kind", id="headers in headers"),
    ],
)  # fmt: skip
def test_damage(data, error, why):
    with pytest.raises(error, match=why):
        read(data)


def test_headers_in_headers_are_read():
    assert read(deep_header(3)).texts[0].text == "合同.docx"


def test_bombs_are_over_a_limit():
    (member,) = read(seven_zip_by_tool({"a": bytes(40 * 2**20)})).members
    assert isinstance(member.opaque, LimitError)


SMALL = seven_zip_by_tool({"合同.txt": WORDS[:400], "b": b"b" * 50})


def outcome(data):
    """Reads all there is; gives the reasons."""
    try:
        reading = read(data, max_unpacked_bytes=2**22)
        return [member.opaque.reason if member.opaque else "" for member in reading.members]
    except ContentError as error:
        return [error.reason]


def test_every_truncation_is_refused():
    for length in range(32, len(SMALL)):
        assert outcome(SMALL[:length]) == ["malformed"]


def with_sums(data):
    """The same with the checksums of the headers set right, so that damage gets further in."""
    size = int.from_bytes(data[20:28], "little")
    start = 32 + int.from_bytes(data[12:20], "little")
    fixed = data[12:28] + struct.pack("<L", zlib.crc32(data[start : start + size]))
    return data[:8] + struct.pack("<L", zlib.crc32(fixed)) + fixed + data[32:]


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(12, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_hostile_bytes_end_in_a_reason(changes):
    data = bytearray(SMALL)
    for position, byte in changes:
        data[position] = byte
    assert set(outcome(with_sums(bytes(data)))) <= {"", "malformed", "too-large", "unsupported", "encrypted"}

"""Headers of 7z archives, number by number."""

import struct

import pytest

from gateway.content.sevenzip_header import Cursor, folder_size, read_files, read_streams
from gateway.errors import MalformedError, UnsupportedError

COPY, AES = b"\x00", b"\x06\xf1\x07\x01"
FOLDER_OF_COPY = b"\x01\x01\x00"
TWO_FOLDERS = b"\x07\x0b\x02\x00" + FOLDER_OF_COPY * 2 + b"\x0c\x05\x06"


def streams(raw):
    return read_streams(Cursor(raw))


def pack(*sizes, more=b""):
    return b"\x06\x00" + bytes([len(sizes)]) + b"\x09" + bytes(sizes) + more + b"\x00"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"\x05", 5),
        (b"\x7f", 127),
        (b"\x80\x80", 128),
        (b"\xbf\xff", 16383),
        (b"\xc0\x00\x40", 16384),
        (b"\xff" + struct.pack("<Q", 1 << 62), 1 << 62),
    ],
)
def test_numbers(raw, value):
    cursor = Cursor(raw)
    assert (cursor.number(), cursor.position) == (value, len(raw))


def test_bits_come_from_the_top():
    assert Cursor(b"\xa0\x80").bits(9) == [True, False, True, False, False, False, False, False, True]


def test_digests_that_are_not_all_there():
    assert Cursor(b"\x00\x40\x07\x00\x00\x00").digests(2) == [None, 7]
    assert Cursor(b"\x01\x07\x00\x00\x00").digests(1) == [7]


@pytest.mark.parametrize(
    ("raw", "sizes", "parts"),
    [
        pytest.param(b"\x00", [], [], id="nothing"),
        pytest.param(pack(5, 6) + TWO_FOLDERS + b"\x00\x00", [5, 6], [[(5, None)], [(6, None)]], id="a file each"),
        pytest.param(
            pack(5, 6, more=b"\x0a\x01" + bytes(8)) + TWO_FOLDERS + b"\x0a\x01\x01\0\0\0\x02\0\0\0\x00\x00",
            [5, 6], [[(5, 1)], [(6, 2)]], id="with checksums",
        ),
        pytest.param(
            pack(5, 6) + TWO_FOLDERS + b"\x00\x08\x0d\x02\x00\x09\x02\x0a\x01\x01\0\0\0\x02\0\0\0\x00\x00",
            [5, 6], [[(2, 1), (3, 2)], []], id="two files and none",
        ),
        pytest.param(
            pack(5, 6) + TWO_FOLDERS + b"\x0a\x01\x07\0\0\0\x08\0\0\0\x00\x08\x0a\x01\x00\x00", [5, 6], [[(5, 7)], [(6, 8)]], id="known checksums"
        ),
        pytest.param(
            pack(5, 6) + TWO_FOLDERS + b"\x00\x08\x0d\x01\x02\x09\x02\x00\x00", [5, 6], [[(5, None)], [(2, None), (4, None)]], id="no checksums"
        ),
    ],
)  # fmt: skip
def test_streams(raw, sizes, parts):
    read = streams(raw)
    assert [folder_size(read, index) for index in range(len(read.folders))] == sizes
    assert read.parts == parts


def coder(method, inputs=1, outputs=1, properties=b""):
    is_complex = (inputs, outputs) != (1, 1)
    flags = len(method) | 0x10 * is_complex | 0x20 * bool(properties)
    return (
        bytes([flags])
        + method
        + bytes([inputs, outputs] * is_complex)
        + (bytes([len(properties)]) + properties if properties else b"")
    )


def of_one_folder(raw, *, packed=1, sizes=1):
    return streams(pack(*[5] * packed) + b"\x07\x0b\x01\x00" + raw + b"\x0c" + b"\x05" * sizes + b"\x00\x00")


def test_a_graph_of_coders():
    read = of_one_folder(
        b"\x02" + coder(b"\x03\x03\x01\x1b", 4) + coder(AES, properties=b"\x13") + b"\x03\x01" + b"\x00\x01\x02\x04",
        packed=4, sizes=2,
    )  # fmt: skip
    (folder,) = read.folders
    assert (folder.bonds, folder.packed, folder.is_closed) == ({3: 1}, (0, 1, 2, 4), True)
    assert [each.properties for each in folder.coders] == [b"", b"\x13"]


@pytest.mark.parametrize(
    ("raw", "packed", "sizes"),
    [
        pytest.param(b"\x00", 1, 1, id="no coder"),
        pytest.param(b"\x01" + coder(COPY, 1, 4), 1, 1, id="several outputs"),
    ],
)
def test_graphs_that_nobody_writes(raw, packed, sizes):
    with pytest.raises(UnsupportedError, match="several outputs"):
        of_one_folder(raw, packed=packed, sizes=sizes)


@pytest.mark.parametrize(
    ("raw", "packed", "sizes"),
    [
        pytest.param(b"\x02" + coder(COPY) * 2 + b"\x09\x01", 1, 2, id="input that is not there"),
        pytest.param(b"\x02" + coder(COPY) * 2 + b"\x00\x09", 1, 2, id="output that is not there"),
        pytest.param(b"\x03" + coder(COPY) * 3 + b"\x00\x01\x00\x02", 1, 3, id="an input twice"),
        pytest.param(b"\x03" + coder(COPY) * 3 + b"\x00\x01\x01\x01", 1, 3, id="an output twice"),
        pytest.param(b"\x01" + coder(COPY, 2) + b"\x00\x00", 2, 1, id="a packed stream twice"),
        pytest.param(b"\x01" + coder(COPY), 2, 1, id="a packed stream too many"),
    ],
)
def test_graphs_that_do_not_connect(raw, packed, sizes):
    with pytest.raises(MalformedError, match=r"connected|fit"):
        of_one_folder(raw, packed=packed, sizes=sizes)


@pytest.mark.parametrize(
    ("raw", "error", "why"),
    [
        pytest.param(b"", MalformedError, "too early", id="nothing"),
        pytest.param(b"\x05", MalformedError, "stream info", id="unknown block"),
        pytest.param(b"\x06\x00\x01\x55", MalformedError, "pack info", id="pack property"),
        pytest.param(b"\x06\x00\xff" + b"\xff" * 8, MalformedError, "counts too much", id="streams without end"),
        pytest.param(b"\x07\x00", MalformedError, "no folders", id="no folders"),
        pytest.param(b"\x07\x0b\x00\x01", UnsupportedError, "external", id="external"),
        pytest.param(b"\x07\x0b\x00\x00\x00", MalformedError, "no sizes", id="no sizes"),
        pytest.param(TWO_FOLDERS + b"\x09", MalformedError, "folders are damaged", id="folder property"),
        pytest.param(TWO_FOLDERS + b"\x00\x08\x0d\x02\x01\x09\x09", MalformedError, "longer", id="files over their folder"),
        pytest.param(TWO_FOLDERS + b"\x00\x08\x0d\x02\x01\x00", MalformedError, "longer", id="two files without a length"),
        pytest.param(TWO_FOLDERS + b"\x00\x08\x0d\xcf\xff\xff\x01", MalformedError, "too much", id="files without end"),
        pytest.param(TWO_FOLDERS + b"\x00\x08\x0d\xcf\x00\x00\xcf\x00\x00\x00", MalformedError, "too much", id="files without end, in all"),
        pytest.param(TWO_FOLDERS + b"\x00\x08\x55", MalformedError, "file sizes", id="file property"),
    ],
)  # fmt: skip
def test_damage(raw, error, why):
    with pytest.raises(error, match=why):
        streams(raw)


def listing(*properties):
    body = b"".join(bytes([kind, len(content)]) + content for kind, content in properties)
    return read_files(Cursor(b"\x02" + body + b"\x00"))


NAMES = b"\x00" + "合同\0b\0".encode("utf-16-le")


def test_files():
    listed = listing((0x11, NAMES), (0x0E, b"\x40"), (0x0F, b"\x80"), (0x14, b"\x01\x00" + bytes(16)), (0x19, bytes(3)))
    assert (listed.names, listed.has_stream, listed.is_empty_file) == (["合同", "b"], [True, False], [True])
    assert "".join(listed.words) == ""


def test_directories_are_not_files():
    assert listing((0x0E, b"\xc0")).is_empty_file == [False, False]


def test_text_in_properties_without_text():
    assert "13800138000" in "".join(listing((0x16, b"call 13800138000"), (0x10, b"\x00")).words)


@pytest.mark.parametrize(
    ("names", "error"),
    [
        pytest.param(b"\x01\x00", UnsupportedError, id="external"),
        pytest.param(NAMES[:-2], MalformedError, id="no end"),
        pytest.param(NAMES[:-1], MalformedError, id="half a character"),
        pytest.param(b"\x00a\x00\x00\x00", MalformedError, id="too few"),
    ],
)
def test_names_that_do_not_fit(names, error):
    with pytest.raises(error):
        listing((0x11, names))

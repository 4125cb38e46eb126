"""Files in pieces: any order and repetition give the same file, and what is missing, doubled or too much is refused."""

import itertools

import pytest

from addons.websocket_files import MAX_OPEN, Files, file_headers
from gateway.errors import LimitError, MalformedError
from gateway.spool import Spool
from gateway.transfer import Request
from gateway.wire.frames.lwp import ANNOUNCE, COMMIT, MAX_PIECES, PIECE, UploadFrame
from gateway.wire.head import body_name

param = pytest.param


@pytest.fixture
def files(tmp_path):
    files = Files(lambda: Spool(str(tmp_path)), 1_000_000)
    yield files
    files.close()


def piece(index: int, data: bytes, upload: str = "u", step: str = PIECE) -> UploadFrame:
    return UploadFrame(step, upload, index, data)


def contents(files: Files, last: UploadFrame) -> tuple[bytes, str]:
    spool, name = files.whole(last)
    data = b"".join(spool.chunks())
    spool.close()
    return data, name


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_any_order_gives_the_same_file(files, order):
    parts = {0: b"a" * 300_000, 1: b"bb", 2: b"c"}
    for index in order:
        files.take(piece(index, parts[index]))
    last = piece(3, b"end", step=COMMIT)
    files.take(last)
    assert contents(files, last) == (b"a" * 300_000 + b"bbc" + b"end", "")
    assert files.open == {}


def test_a_repeated_piece_counts_once(files):
    for frame in (piece(1, b"a"), piece(1, b"a"), piece(2, b"b")):
        files.take(frame)
    last = UploadFrame(COMMIT, "u", -1, b"")
    files.take(last)
    assert contents(files, last) == (b"ab", "")


def test_files_side_by_side(files):
    for frame in (piece(0, b"a", "x"), piece(0, b"1", "y"), piece(1, b"b", "x")):
        files.take(frame)
    assert contents(files, piece(-1, b"", "x", COMMIT)) == (b"ab", "")
    assert contents(files, piece(-1, b"", "y", COMMIT)) == (b"1", "")


@pytest.mark.parametrize("upload", ["", "u"], ids=["announced without id", "announced by id"])
def test_name_and_size_come_from_the_announcement(files, upload):
    assert (files.take(UploadFrame(ANNOUNCE, upload, -1, b"", "名单.xlsx", 5)) is None) is (upload == "")
    file = files.take(piece(0, b"ab"))
    assert (file.name, file.size_bytes) == ("名单.xlsx", 5)
    files.take(piece(1, b"cdefgh"))
    assert file.size_bytes == 8
    assert contents(files, piece(-1, b"", step=COMMIT)) == (b"abcdefgh", "名单.xlsx")


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        param([piece(0, b"a"), piece(2, b"c")], "pieces are missing", id="hole"),
        param([piece(5, b"a")], "pieces are missing", id="resumed here, begun elsewhere"),
        param([UploadFrame(ANNOUNCE, "u", -1, b"", "n", 9), piece(0, b"a")], "fewer bytes", id="shorter than declared"),
    ],
)
def test_what_is_not_whole_is_refused(files, frames, why):
    for frame in frames:
        files.take(frame)
    with pytest.raises(MalformedError, match=why):
        files.whole(piece(-1, b"", step=COMMIT))
    assert files.open == {}


def test_two_contents_for_one_piece(files):
    files.take(piece(0, b"a"))
    with pytest.raises(MalformedError, match="two contents"):
        files.take(piece(0, b"b"))


def test_bounds(files):
    files.take(piece(0, bytes(600_000), "x"))
    with pytest.raises(LimitError, match="max_body_bytes"):
        files.take(piece(0, bytes(600_000), "y"))
    for number in range(MAX_OPEN - 2):
        files.take(piece(0, b"", str(number)))
    with pytest.raises(LimitError, match="files under way"):
        files.take(piece(0, b"", "one more"))


def test_bound_of_pieces(files):
    for number in range(MAX_PIECES):
        files.take(piece(number, b""))
    with pytest.raises(LimitError, match="pieces under way"):
        files.take(piece(0, b"", "other"))


def test_old_announcements_are_forgotten(files):
    for number in range(MAX_OPEN + 5):
        files.take(UploadFrame(ANNOUNCE, "", -1, b"", str(number), 1))
    assert files.take(piece(0, b"a")).name == "5"


@pytest.mark.parametrize("name", ["名单 1.xlsx", 'a"; filename="b', "x" * 300, "\ud800"])
def test_the_name_comes_back_from_the_headers(name):
    found, is_named = body_name(Request(headers=file_headers(name)))
    assert (found, is_named) == (name[:255].encode("utf-8", "replace").decode(), True)

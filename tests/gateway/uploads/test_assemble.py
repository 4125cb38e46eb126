"""The whole out of its pieces: any order and any repetition, and nothing where two wholes are possible."""

import base64
import gzip
import mmap
import os
from pathlib import Path

import pytest

from gateway.errors import ContentError, LimitError, MalformedError
from gateway.limits import KIB, MIB, Limits
from gateway.uploads.assemble import assemble, is_plain
from gateway.uploads.model import Assembly, Segment

LIMITS = Limits()


def stored(*pieces, **more):
    """File and recipe of pieces, each `(raw body, what the segment says of it)`."""
    file, segments = b"", []
    for raw, said in pieces:
        segments.append(Segment(len(file), len(raw), **said))
        file += raw
    return file, Assembly(tuple(segments), **more)


def at(*places):
    return [{"start": place} for place in places]


def nth(*numbers):
    return [{"index": number} for number in numbers]


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        pytest.param([b"hello world"], at(0), id="one"),
        pytest.param([b"hello world"], [{}], id="one that says nothing"),
        pytest.param([b"hello ", b"world"], at(0, 6), id="in order"),
        pytest.param([b"world", b"hello "], at(6, 0), id="out of order"),
        pytest.param([b"hello ", b"hello ", b"world"], at(0, 0, 6), id="repeated"),
        pytest.param([b"hello wo", b"lo world"], at(0, 3), id="overlapping"),
        pytest.param([b"hello world", b"lo"], at(0, 3), id="inside"),
        pytest.param([b"hello ", b"", b"world"], at(0, 6, 6), id="empty piece"),
        pytest.param([b"hello world", b"world"], [{}, {"start": 6}], id="all, then a piece"),
        pytest.param([b"hello world"], [{"start": 0, "index": 5}], id="one with a start and a number"),
        pytest.param([b"hello ", b"world"], nth(0, 1), id="numbered from 0"),
        pytest.param([b"hello ", b"world"], nth(1, 2), id="numbered from 1"),
        pytest.param([b"world", b"hello "], nth(2, 1), id="numbered, out of order"),
        pytest.param([b"hello ", b"world", b"hello ", b"world"], nth(1, 2, 1, 2), id="numbered, repeated"),
        pytest.param([b"world", b"", b"hello "], nth(2, 0, 1), id="numbered, empty first"),
        pytest.param(
            [b"hello ", b"world"], [{"start": 0, "index": 7}, {"start": 6, "index": 9}], id="start before number"
        ),
    ],
)
def test_the_whole(bodies, said):
    file, recipe = stored(*zip(bodies, said, strict=True), total_bytes=11)
    assert bytes(assemble(recipe, file, limits=LIMITS)) == b"hello world"


@pytest.mark.parametrize(
    ("bodies", "said", "more"),
    [
        pytest.param([b"hello ", b"world"], at(0, 7), {}, id="gap"),
        pytest.param([b"world"], at(6), {}, id="no start"),
        pytest.param([b"hello ", b"world"], nth(0, 2), {}, id="number left out"),
        pytest.param([b"hello "], nth(2), {}, id="number too high for a first"),
        pytest.param([b"hello ", b"a there"], at(0, 4), {}, id="overlap with other bytes"),
        pytest.param([b"hello ", b"hallo "], nth(1, 1), {}, id="number with two contents"),
        pytest.param([b"hello ", b"hello"], nth(1, 1), {}, id="number with a shorter content"),
        pytest.param([b"hello", b"hello "], nth(1, 1), {}, id="number with a longer content"),
        pytest.param([b"hello"], at(0), {"total_bytes": 6}, id="short"),
        pytest.param([b"hello"], at(0), {"total_bytes": 4}, id="long"),
        pytest.param([b"hello"], at(0), {"total_bytes": 5, "conflict": True}, id="contradicting requests"),
        pytest.param([b"hello", b"there"], [{"start": 0}, {"index": 1}], {}, id="start and number mixed"),
        pytest.param([b"hello", b"there"], [{}, {"index": 1}], {}, id="nothing and number mixed"),
        pytest.param([b"hello", b"hello"], [{"start": 0}, {"index": 1}], {}, id="start and number mixed, same bytes"),
        pytest.param([b"hello", b"hello"], [{"start": 0}, {"index": 0}], {}, id="start and number 0 mixed, same bytes"),
        pytest.param([b"hello", b"hello"], nth(0, 2), {}, id="number left out between equal pieces"),
        pytest.param([b"hello"], at(0), {"total_bytes": 0}, id="announced as empty"),
    ],
)
def test_no_whole(bodies, said, more):
    file, recipe = stored(*zip(bodies, said, strict=True), **more)
    with pytest.raises(MalformedError, match=r"^upload: "):
        assemble(recipe, file, limits=LIMITS)


@pytest.mark.parametrize(
    "segment",
    [
        pytest.param(Segment(0, 6), id="too long"),
        pytest.param(Segment(6, 0), id="behind the end"),
        pytest.param(Segment(-1, 2), id="before the start"),
        pytest.param(Segment(2, -1), id="negative"),
    ],
)
def test_a_piece_outside_the_file(segment):
    with pytest.raises(MalformedError):
        assemble(Assembly((segment,)), b"hello", limits=LIMITS)


def test_nothing_gives_nothing():
    assert bytes(assemble(Assembly(total_bytes=0), b"", limits=LIMITS)) == b""
    with pytest.raises(MalformedError):
        assemble(Assembly(total_bytes=1), b"", limits=LIMITS)


def test_what_lies_in_order_is_not_copied():
    file, recipe = stored((b"hello ", {"start": 0}), (b"world", {"start": 6}))
    held = bytes(file)
    assert assemble(recipe, held, limits=LIMITS).obj is held
    file, recipe = stored((b"hello ", {"index": 1}), (b"world", {"index": 2}))
    held = bytes(file)
    assert assemble(recipe, held, limits=LIMITS).obj is held


FORM = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n%s\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        pytest.param(gzip.compress(b"hello "), {"content_encoding": "gzip"}, id="gzip"),
        pytest.param(
            FORM % b"hello ", {"content": "field:file", "content_type": "multipart/form-data; boundary=b"}, id="part"
        ),
        pytest.param(b'{"d":"%s"}' % base64.b64encode(b"hello "), {"content": "base64:json:d"}, id="base64"),
        pytest.param(b"hello ", {"content_encoding": "identity"}, id="identity"),
    ],
)
def test_pieces_are_taken_out_of_their_requests(raw, said):
    file, recipe = stored((b"world", {"index": 2}), (raw, {"index": 1, **said}))
    whole = assemble(recipe, file, limits=LIMITS)
    assert bytes(whole) == b"hello world"
    assert whole.readonly


def test_a_piece_that_cannot_be_taken_out():
    file, recipe = stored((b"{}", {"content": "base64:json:d"}))
    with pytest.raises(ContentError):
        assemble(recipe, file, limits=LIMITS)


@pytest.mark.parametrize(
    ("bodies", "said", "limits", "limit"),
    [
        pytest.param([b"hello"], at(0), Limits(max_body_bytes=4), "max_body_bytes", id="in place"),
        pytest.param([b"lo", b"hel"], at(3, 0), Limits(max_body_bytes=4), "max_body_bytes", id="put together"),
        pytest.param(
            [b"lo", b"hello"] * 3, at(*[3, 0] * 3), Limits(max_decoded_bytes=20), "max_decoded_bytes", id="repeats"
        ),
    ],
)
def test_bounds(bodies, said, limits, limit):
    file, recipe = stored(*zip(bodies, said, strict=True))
    with pytest.raises(LimitError) as caught:
        assemble(recipe, file, limits=limits)
    assert caught.value.limit == limit
    assert assemble(recipe, file, limits=LIMITS)


def test_large_overlaps_are_compared_whole():
    body = bytes(range(256)) * 10_000
    file, recipe = stored((body, {"start": 0}), (body[1:], {"start": 1}))
    assert bytes(assemble(recipe, file, limits=LIMITS)) == body
    file, recipe = stored((body, {"start": 0}), (body[1:-1] + b"x", {"start": 1}))
    with pytest.raises(MalformedError):
        assemble(recipe, file, limits=LIMITS)


def test_plain():
    assert is_plain(Segment(0, 1, content_encoding=" Identity"))
    assert not is_plain(Segment(0, 1, content="field:a"))


@pytest.mark.parametrize("bodies", [[b"hello"], [b"lo", b"hel"]], ids=["in place", "put together"])
def test_bounds_are_inclusive(bodies):
    file, recipe = stored(*zip(bodies, at(*[3, 0][-len(bodies) :]), strict=True))
    assert bytes(assemble(recipe, file, limits=Limits(max_body_bytes=5, max_decoded_bytes=5))) == b"hello"


def test_a_bound_is_felt_before_all_is_put_together():
    file, recipe = stored((b"lo", {"start": 3}), (b"hel", {"start": 0}), (b"x", {"start": 100}))
    with pytest.raises(LimitError):
        assemble(recipe, file, limits=Limits(max_body_bytes=4))


def test_pieces_of_a_mapped_file_do_not_stay_in_memory_beside_the_whole(tmp_path):
    piece = os.urandom(MIB)
    (tmp_path / "stored").write_bytes(piece * 24)
    with (tmp_path / "stored").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        segments = tuple(Segment(n * MIB, MIB, (23 - n) * MIB) for n in range(24))
        with memoryview(mapped) as view:
            whole = assemble(Assembly(segments), view, limits=LIMITS)
        assert bytes(whole[-MIB:]) == piece
        (line,) = [line for line in mapping_of(tmp_path / "stored") if line.startswith("Rss:")]
        assert int(line.split()[1]) < 4 * KIB


def mapping_of(path):
    """What the kernel says of this process's mapping of the file."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.endswith(str(path)))
    return lines[start + 1 : start + 12]

"""Frames: every bad one is refused, every cut gives the same chunks, time is linear and nothing is kept."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import FrameError
from gateway.wire.frames.frame import (
    MAX_CONTROL_BYTES,
    Close,
    FrameReader,
    Opcode,
    close_code,
    close_payload,
    control_frame,
    frame_head,
    frames_of,
    masked,
)

param = pytest.param
KEY = b"\x11\x22\x33\x44"


def read(data: bytes, *, masked: bool = False, step: int = 0) -> list[tuple[int, bool, bytes]]:
    """Frames as (opcode, final, payload), fed `step` bytes at a time; 0 for all at once."""
    reader, frames, payload = FrameReader(masked=masked), [], b""
    cuts = range(0, len(data), step or len(data) or 1)
    for start in cuts:
        for chunk in reader.feed(data[start : start + (step or len(data))]):
            payload = chunk.data if chunk.is_start else payload + chunk.data
            if chunk.is_end:
                assert len(payload) == chunk.length
                frames.append((int(chunk.opcode), chunk.is_final, payload))
    return frames


FRAMES = [
    param(b"\x81\x05hello", [(1, True, b"hello")], id="text"),
    param(b"\x82\x00", [(2, True, b"")], id="empty binary"),
    param(b"\x01\x02he\x00\x01l\x80\x02lo", [(1, False, b"he"), (0, False, b"l"), (0, True, b"lo")], id="fragments"),
    param(b"\x01\x02he\x89\x01p\x80\x01l", [(1, False, b"he"), (9, True, b"p"), (0, True, b"l")], id="ping between"),
    param(b"\x8a\x00\x88\x02\x03\xe8", [(10, True, b""), (8, True, b"\x03\xe8")], id="pong and close"),
    param(b"\x82\x7e\x00\x7e" + b"a" * 126, [(2, True, b"a" * 126)], id="two-byte length"),
    param(b"\x82\x7f" + (65536).to_bytes(8) + b"b" * 65536, [(2, True, b"b" * 65536)], id="eight-byte length"),
]


@pytest.mark.parametrize(("data", "frames"), FRAMES)
@pytest.mark.parametrize("step", [0, 1, 3])
def test_frames_are_read_however_they_arrive(data, frames, step):
    assert read(data, step=step) == frames


def test_masked_frames_are_unmasked():
    assert read(b"\x81\x85" + KEY + masked(b"hello", KEY), masked=True, step=2) == [(1, True, b"hello")]


@pytest.mark.parametrize(
    ("data", "is_masked", "why"),
    [
        param(b"\xc1\x00", False, "reserved bits", id="deflate that nobody agreed on"),
        param(b"\x91\x00", False, "reserved bits", id="reserved bit 3"),
        param(b"\x83\x00", False, "reserved opcode", id="reserved opcode"),
        param(b"\x8b\x00", False, "reserved opcode", id="reserved control opcode"),
        param(b"\x81\x80" + KEY, False, "masking", id="server masks"),
        param(b"\x81\x00", True, "masking", id="client does not mask"),
        param(b"\x09\x00", False, "control frame", id="fragmented ping"),
        param(b"\x89\x7e\x00\x7e", False, "control frame", id="long ping"),
        param(b"\x80\x00", False, "continuation", id="continuation of nothing"),
        param(b"\x01\x00\x81\x00", False, "continuation", id="message inside a message"),
        param(b"\x82\x7e\x00\x7d", False, "length", id="length spelled too long"),
        param(b"\x82\x7f" + (65535).to_bytes(8), False, "length", id="length spelled in eight bytes"),
        param(b"\x82\x7f" + (1 << 63).to_bytes(8), False, "length", id="negative length"),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_what_breaks_the_protocol_is_refused(data, is_masked, why, step):
    with pytest.raises(FrameError, match=why) as refused:
        read(data, masked=is_masked, step=step)
    assert refused.value.code == Close.PROTOCOL_ERROR


def test_it_knows_whether_a_frame_is_open():
    reader, seen = FrameReader(masked=False), []
    for byte in b"\x82\x02ab\x82":
        list(reader.feed(bytes([byte])))
        seen.append(reader.is_between)
    assert seen == [False, False, False, True, False]


def test_a_large_payload_is_handed_on_and_not_kept():
    reader = FrameReader(masked=True)
    list(reader.feed(frame_head(Opcode.BINARY, 1 << 40, is_final=True, key=KEY)))
    block = bytes(65536)
    tracemalloc.start()
    began = time.process_time()
    for _ in range(1000):
        for chunk in reader.feed(block):
            assert len(chunk.data) == 65536
    spent_s, (_, peak_bytes) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2_000_000
    assert spent_s < 10


@pytest.mark.parametrize(
    ("length", "key", "head"),
    [
        param(0, b"", b"\x82\x00", id="empty"),
        param(125, b"", b"\x82\x7d", id="longest short"),
        param(126, b"", b"\x82\x7e\x00\x7e", id="shortest of two bytes"),
        param(65535, b"", b"\x82\x7e\xff\xff", id="longest of two bytes"),
        param(65536, KEY, b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00" + KEY, id="eight bytes, masked"),
    ],
)
def test_heads_are_spelled_the_shortest_way(length, key, head):
    assert frame_head(Opcode.BINARY, length, is_final=True, key=key) == head


def test_control_frames_are_cut_to_what_one_may_hold():
    assert read(control_frame(Opcode.PING, b"x" * 200)) == [(9, True, b"x" * MAX_CONTROL_BYTES)]
    assert read(control_frame(Opcode.PONG, b"abc", KEY), masked=True) == [(10, True, b"abc")]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        param(b"", 1000, id="none"),
        param(b"\x03\xe8", 1000, id="normal"),
        param(b"\x03\xe9going", 1001, id="with a reason"),
        param((4999).to_bytes(2), 4999, id="an application's"),
    ],
)
def test_close_codes(payload, code):
    assert close_code(payload) == code


@pytest.mark.parametrize(
    "payload", [b"\x03", *(code.to_bytes(2) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000))]
)
def test_close_codes_that_may_not_be_sent(payload):
    with pytest.raises(FrameError, match="close code"):
        close_code(payload)


def test_a_long_close_reason_is_cut_between_characters():
    payload = close_payload(1008, "拦" * 60)
    assert payload == b"\x03\xf0" + ("拦" * 41).encode()
    assert len(payload) == MAX_CONTROL_BYTES


@given(
    lengths=st.lists(st.integers(0, 300), min_size=1, max_size=6),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5),
)
def test_a_message_written_is_the_message_read(lengths, sizes):
    """Whatever the chunks are that it lies in."""
    whole = bytes(number % 251 for number in range(sum(lengths)))
    chunks, at = [], 0
    while at < len(whole):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(whole[at : at + size])
        at += size
    keys = iter(range(1, 100))
    data = b"".join(frames_of(chunks, lengths, Opcode.TEXT, lambda: next(keys).to_bytes(4)))
    frames = read(data, masked=True, step=7)
    assert [len(payload) for _, _, payload in frames] == lengths
    assert b"".join(payload for _, _, payload in frames) == whole
    assert [opcode for opcode, _, _ in frames] == [1] + [0] * (len(lengths) - 1)
    assert [final for _, final, _ in frames] == [False] * (len(lengths) - 1) + [True]


@given(data=st.binary(max_size=200), key=st.binary(min_size=4, max_size=4), cut=st.integers(0, 200))
def test_masking_in_pieces_is_masking_at_once(data, key, cut):
    assert masked(data[:cut], key) + masked(data[cut:], key, len(data[:cut])) == masked(data, key)
    assert masked(masked(data, key), key) == data
    assert masked(data, key) == bytes(byte ^ key[index % 4] for index, byte in enumerate(data))


@given(data=st.binary(max_size=400), is_masked=st.booleans())
def test_any_bytes_are_read_or_refused_and_the_same_however_cut(data, is_masked):
    def outcome(step: int) -> object:
        reader, seen = FrameReader(masked=is_masked), []
        try:
            for start in range(0, len(data), step):
                seen += [(c.opcode, c.data) for c in reader.feed(data[start : start + step]) if c.data]
        except FrameError as error:
            return b"".join(part for _, part in seen), error.why
        return b"".join(part for _, part in seen), None

    assert outcome(1) == outcome(400)

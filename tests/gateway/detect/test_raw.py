import random
import zlib

import pytest

from gateway.detect.detector import Trigger
from gateway.detect.raw import RawMatcher

MARK, NUMBER = Trigger("机密"), Trigger(r"(?:^|[^0-9])[0-9]{11}(?:[^0-9]|\z)", once=True)
MATCHER = RawMatcher([MARK, NUMBER, Trigger("raw", raw=rb"\x01\x02\x03\x04")])
NOISE = random.Random(1).randbytes(500).replace(b"\n", b"\xff")


@pytest.mark.parametrize(
    ("data", "run"),
    [
        pytest.param(b"\x00\x01phone 13800138000 there\x00", "phone 13800138000 there", id="ASCII"),
        pytest.param("\0\0本文件属于机密不得外传\0".encode(), "本文件属于机密不得外传", id="UTF-8"),
        pytest.param(
            b"\0\0" + "本文件属于机密不得外传".encode("gb18030") + b"\0", "本文件属于机密不得外传", id="GB18030"
        ),
        pytest.param(
            b"\0\0" + "本文件属于机密不得外传".encode("utf-16-le") + b"\0\0", "本文件属于机密不得外传", id="UTF-16"
        ),
        pytest.param(
            b"\xff\xfe" + "phone 13800138000 there".encode("utf-16-le"), "phone 13800138000 there", id="UTF-16, ASCII"
        ),
        pytest.param(
            b"\xff" + "phone 13800138000 there".encode("utf-16-le"), "phone 13800138000 there", id="UTF-16, odd offset"
        ),
        pytest.param(
            b"1\x002345678901 \x00" + b"phone 13800138000 there\x00", "phone 13800138000 there", id="behind noise"
        ),
    ],
)
def test_runs_are_found_in_noise(data, run):
    for sample in (data, NOISE + data + NOISE, memoryview(NOISE + data)):
        assert run in MATCHER.text(sample)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\xff13800138000\x00", id="run too short"),
        pytest.param(b"\x00\x01" + "机密".encode() + b"\xff\x00", id="mark in noise"),
        pytest.param(b"\x00\x01" + "机密".encode("gb18030") + b"\xff\x00", id="mark in noise, GB18030"),
        pytest.param(b"\x00\x01" + "机密".encode("utf-16-le") + b"\xff\xff", id="mark in noise, UTF-16"),
        pytest.param(b"no trigger in this run of text", id="nothing to find"),
        pytest.param(b"\x01\x02\x03\x04", id="raw trigger in noise"),
    ],
)
def test_nothing(data):
    assert MATCHER.text(data) == ""


def test_each_run_once():
    assert MATCHER.text(b"\x00phone 13800138000 or 13900139000 there\x00").count("phone") == 1


def test_random_and_compressed_data_give_next_to_nothing():
    rng = random.Random(2)
    compressed = zlib.compress("".join(str(rng.random()) for _ in range(100_000)).encode())
    for data in (rng.randbytes(2_000_000), compressed):
        assert len(MATCHER.text(data)) < 100

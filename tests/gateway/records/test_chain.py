import hashlib
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from gateway.errors import MalformedError, RecordError
from gateway.records import chain
from gateway.records.chain import Line, encode, lines_from, parse_line, rfc3339, seal

ZERO = "0" * 64
BODY = b'{"id":"a"}'
RAW, DIGEST = seal(1, ZERO, "open", "2026-03-01T12:00:00.000Z", BODY)


def test_a_line_is_json_and_its_hash_that_of_the_same_json_without_it():
    assert RAW == (
        b'{"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","kind":"open",'
        b'"at":"2026-03-01T12:00:00.000Z","body":{"id":"a"},'
        b'"hash":"e4bfca5ce3a9a8aa275a283eb4776913fef8931f7067b24b87ce28e46fddf7ec"}\n'
    )
    without = {key: value for key, value in json.loads(RAW).items() if key != "hash"}
    assert hashlib.sha256(json.dumps(without, separators=(",", ":")).encode()).hexdigest() == DIGEST


def test_a_sealed_line_is_read_back():
    assert parse_line(RAW) == Line(1, ZERO, "open", "2026-03-01T12:00:00.000Z", BODY, DIGEST)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "does not end", id="empty"),
        pytest.param(b"\n", "not a journal record", id="blank"),
        pytest.param(RAW[:-1], "does not end", id="no line feed"),
        pytest.param(RAW[:-1] + b"\r\n", "not a journal record", id="carriage return"),
        pytest.param(RAW.replace(b'"seq":1', b'"seq":0'), "not a journal record", id="seq 0"),
        pytest.param(RAW.replace(b'"seq":1', b'"seq":2'), "does not match", id="other seq"),
        pytest.param(RAW.replace(b'"a"', b'"b"'), "does not match", id="other body"),
        pytest.param(RAW.replace(b'"open"', b'"oper"'), "not a journal record", id="unknown kind"),
        pytest.param(RAW.replace(b'"body":{', b'"body":['), "not a journal record", id="body no object"),
        pytest.param(RAW.replace(b'"hash":"', b'"hAsh":"'), "not a journal record", id="hash misspelled"),
        pytest.param(RAW.replace(b'"}\n', b'"]\n'), "not a journal record", id="wrong end"),
        pytest.param(RAW.replace(DIGEST.encode(), DIGEST.upper().encode()), "does not match", id="hash in capitals"),
        pytest.param(RAW + RAW, "does not match", id="two lines as one"),
        pytest.param(b"\0" * 4096 + b"\n", "not a journal record", id="a block of zeros"),
    ],
)
def test_what_is_no_line_is_refused(raw, why):
    with pytest.raises(MalformedError, match=why):
        parse_line(raw)


def test_the_auditors_script_of_the_docstring_holds(tmp_path):
    script = re.search(r"( {4}import hashlib.*?)\n\n", chain.__doc__, re.DOTALL)[1].replace("\n    ", "\n").strip()
    second, _ = seal(2, DIGEST, "close", "2026-03-01T12:00:00.000Z", b"{}")
    path = tmp_path / "journal.jsonl"
    good = [RAW + second]
    bad = [second + RAW, RAW.replace(b'"a"', b'"b"') + second, second + second]
    for data, code in [(data, 0) for data in good] + [(data, 1) for data in bad]:
        path.write_bytes(data)
        done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, check=False)
        assert done.returncode == code, done.stderr
        assert (b"AssertionError" in done.stderr) == bool(code)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({}, "{}", id="empty"),
        pytest.param({"name": "合同", "n": 1.5}, '{"name":"合同","n":1.5}', id="Chinese stays readable"),
        pytest.param({"name": "a\nb\u2028"}, '{"name":"a\\nb\u2028"}', id="line feed escaped"),
        pytest.param({"name": "合\ud800"}, '{"name":"\\u5408\\ud800"}', id="half a surrogate pair escaped"),
    ],
)
def test_encode(body, expected):
    assert encode(body).decode() == expected
    assert json.loads(encode(body)) == body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"a": b"4111111111111111"}, id="bytes"),
        pytest.param({"a": float("nan")}, id="not a number"),
        pytest.param({"a": {1, 2}}, id="a set"),
    ],
)
def test_encode_refuses_and_repeats_nothing(body):
    with pytest.raises(RecordError) as caught:
        encode(body)
    assert "4111" not in str(caught.value)


def test_encode_refuses_a_ring():
    ring = {}
    ring["again"] = ring
    with pytest.raises(RecordError, match="ValueError"):
        encode(ring)


def test_rfc3339():
    assert rfc3339(datetime(2026, 3, 1, 8, 5, 0, 7999, tzinfo=UTC)) == "2026-03-01T08:05:00.007Z"


def test_lines_from_an_offset():
    file = io.BytesIO(b"one\ntwo\nthr")
    assert list(lines_from(file, 0)) == [(0, b"one\n"), (4, b"two\n"), (8, b"thr")]
    assert list(lines_from(file, 4)) == [(4, b"two\n"), (8, b"thr")]
    assert list(lines_from(file, 50)) == []

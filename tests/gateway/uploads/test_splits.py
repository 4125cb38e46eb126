"""However an upload is split, ordered, repeated, mixed with another and resumed, the verdict is that of one shot."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from base64 import b64encode
from datetime import date
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.content.types import MediaTypes
from gateway.demo.samples import CONTRACT, NEWS, aes_zip, docx, resident_id, zipped
from gateway.detect.engine import build_engine
from gateway.findings import Action
from gateway.inspection import Inspector
from gateway.limits import Limits
from gateway.policy.decide import decide
from gateway.policy.load import load_policy
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.uploads.model import Ask, Segment
from gateway.uploads.store import Facts, UploadStore

TODAY = date(2026, 11, 21)
LIMITS = Limits()
VALUE = resident_id(4)
LINES = "".join(f"{n},张三,身份证,{resident_id(n)},电话,1380013{n:04d}\n" for n in range(12))
SAMPLES = {
    "people.docx": docx(LINES),
    "people.gbk.txt": LINES.encode("gbk"),
    "people.utf16.txt": LINES.encode("utf-16"),
    "people.utf16be.csv": LINES.encode("utf-16-be"),
    "people.zip": zipped({"名单.csv": LINES, "b.docx": docx(CONTRACT)}),
    "people.json": json.dumps([{"name": "张三", "id": resident_id(n)} for n in range(9)]).encode(),
    "locked.zip": aes_zip("contract.docx", docx(CONTRACT)),
    "broken.zip": zipped({"a.csv": LINES})[:-20],
    "news.txt": NEWS.encode(),
    "one.bin": b"\x00",
    "nothing.bin": b"",
}
TRANSFER = Transfer(
    "0190", "2026-11-21T00:00:00Z", Actor(), Destination("up.example.com"), Channel.HTTP1, Request(path="/commit")
)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@cache
def inspector() -> Inspector:
    engine = build_engine(["signatures"], limits=LIMITS)
    return Inspector(MediaTypes(), engine, LIMITS, lambda: TODAY, lambda: 0.0, lambda: b"k" * 32)


@cache
def policy():
    return load_policy(None)


def told(found):
    """Everything an inspection says that a verdict and a record rest on."""
    action = decide(TRANSFER, found, policy(), today=TODAY).action
    return found.parts, dict(found.distinct), found.persons, found.coverage, found.failure, action


@cache
def one_shot(name):
    return told(inspector().inspect_file(name, SAMPLES[name]))


FORM = "multipart/form-data; boundary=b"


def as_body(data, said):
    return data, said


def as_gzip(data, said):
    return gzip.compress(data, mtime=0), {**said, "content_encoding": "gzip"}


def as_part(data, said):
    head = b'--b\r\nContent-Disposition: form-data; name="seq"\r\n\r\n1\r\n--b\r\n'
    body = head + b'Content-Disposition: form-data; name="file"\r\n\r\n' + data + b"\r\n--b--\r\n"
    return body, {**said, "content": "field:file", "content_type": FORM}


def as_json(data, said):
    return json.dumps({"i": 1, "d": b64encode(data).decode()}).encode(), {**said, "content": "base64:json:d"}


@st.composite
def splits(draw, name):
    """Requests that carry the sample: `(raw body, content length, what the segment says)`, in any order."""
    data = SAMPLES[name]
    size = len(data)
    cuts = set(draw(st.lists(st.integers(0, size), max_size=6)))
    at = data.find(VALUE.encode())
    if at >= 0:
        # Through the middle of a value.
        cuts.add(at + draw(st.integers(1, 17)))
    edges = [0, *sorted(cuts), size]
    spans = list(itertools.pairwise(edges))
    if draw(st.booleans()):
        base = draw(st.integers(0, 1))
        pieces = [(low, high, {"index": base + number}) for number, (low, high) in enumerate(spans)]
    else:
        pieces = [(low, high, {"start": low}) for low, high in spans]
        for low, high in draw(st.lists(st.tuples(st.integers(0, size), st.integers(0, size)), max_size=3)):
            pieces.append((min(low, high), max(low, high), {"start": min(low, high)}))
    pieces += draw(st.lists(st.sampled_from(pieces), max_size=3))
    carriers = draw(st.lists(st.sampled_from([as_body, as_body, as_gzip, as_part, as_json]), min_size=1, max_size=3))
    requests = [
        (*carriers[n % len(carriers)](data[low:high], said), high - low) for n, (low, high, said) in enumerate(pieces)
    ]
    return draw(st.permutations(requests)) if draw(st.booleans()) else requests


@st.composite
def sessions(draw):
    """Two uploads at once: `(name, request)` in the order in which they come, and where the gateway starts anew."""
    names = [draw(st.sampled_from(sorted(SAMPLES))) for _ in range(2)]
    lanes = [[(lane, request) for request in draw(splits(name))] for lane, name in enumerate(names)]
    mixed = draw(st.permutations([lane for lane in (0, 1) for _ in lanes[lane]]))
    left = [iter(lane) for lane in lanes]
    steps = [next(left[lane]) for lane in mixed]
    restarts = draw(st.sets(st.integers(0, len(steps) - 1), max_size=2))
    return names, steps, restarts, draw(st.booleans())


def opened(folder):
    return UploadStore(folder, max_stored_bytes=10**8, max_uploads=1000, keep_s=60.0)


def whole(store, upload_id):
    descriptor, size, recipe = store.assembly(upload_id)
    try:
        return inspector().inspect(TRANSFER, os.pread(descriptor, size, 0), Ask(assembly=recipe))
    finally:
        os.close(descriptor)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(sessions())
def test_the_verdict_is_that_of_one_shot(tmp_path_factory, session):
    names, steps, restarts, says_size = session
    folder = tmp_path_factory.mktemp("uploads")
    store = opened(folder)
    for lane, name in enumerate(names):
        size = len(SAMPLES[name]) if says_size else -1
        store.open("li", [f"key-{lane}"], Facts(name=name, size_bytes=size))
    for number, (lane, (body, said, content_bytes)) in enumerate(steps):
        if number in restarts:
            store.close()
            store = opened(folder)
        (upload,) = store.find("li", [f"key-{lane}"])
        store.put(upload.id, Segment(0, 0, **said), content_bytes, body, len(body))
    for lane, name in enumerate(names):
        (upload,) = store.find("li", [f"key-{lane}"])
        assert upload.content_bytes == len(SAMPLES[name])
        found = whole(store, upload.id)
        assert told(found) == one_shot(name)
        assert found.content_bytes == len(SAMPLES[name])
    store.close()


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(
    st.sampled_from([name for name in sorted(SAMPLES) if len(SAMPLES[name]) > 40]),
    st.integers(1, 9),
    st.sampled_from(["gap", "end", "start", "changed", "longer", "shorter", "two lengths", "mixed"]),
    st.booleans(),
)
def test_what_is_not_one_whole_is_refused(tmp_path_factory, name, count, fault, is_numbered):
    data = SAMPLES[name]
    step = len(data) // (count + 2) + 1
    pieces = [(low, data[low : low + step]) for low in range(0, len(data), step)]
    says = [{"index": number} if is_numbered else {"start": low} for number, (low, _) in enumerate(pieces)]
    requests = list(zip([body for _, body in pieces], says, strict=True))
    size = len(data)
    middle = len(requests) // 2
    match fault:
        case "gap":
            del requests[middle]
        case "end":
            del requests[-1]
        case "start":
            del requests[0]
            says[0] = {}
        case "changed":
            body, said = requests[middle]
            requests.append((body[:-1] + bytes([body[-1] ^ 1]), said))
        case "longer":
            requests.append((b"x", {"index": len(pieces)} if is_numbered else {"start": len(data)}))
        case "shorter":
            size += 1
        case "mixed":
            requests.append((b"x", {"start": len(data)} if is_numbered else {"index": 0}))
    store = opened(tmp_path_factory.mktemp("uploads"))
    upload = store.open("li", ["key"], Facts(name=name, size_bytes=size))
    if fault == "two lengths":
        store.open("li", ["key"], Facts(size_bytes=size + 1))
    for body, said in requests:
        store.put(upload.id, Segment(0, 0, **said), len(body), body, len(body))
    found = whole(store, upload.id)
    store.close()
    assert found.failure.startswith("malformed: upload: ")
    assert decide(TRANSFER, found, policy(), today=TODAY).action is Action.BLOCK


@pytest.mark.parametrize("cut", range(1, 18))
def test_a_value_cut_anywhere_is_found_in_the_whole_though_in_no_piece(tmp_path, cut):
    text = f"证件：{VALUE}".encode("gbk")
    at = text.find(VALUE.encode()) + cut
    store = opened(tmp_path)
    upload = store.open("li", ["key"], Facts(name="a.txt"))
    for start, piece in ((at, text[at:]), (0, text[:at])):
        alone = inspector().inspect(TRANSFER, piece, Ask(content="body"))
        assert "cn.resident-id" not in alone.distinct
        store.put(upload.id, Segment(0, 0, start), len(piece), piece, len(piece))
    assert whole(store, upload.id).distinct["cn.resident-id"] == 1
    store.close()


def test_the_samples_are_told_apart():
    """Else the properties above would hold of anything."""
    assert {name: one_shot(name)[5].word for name in SAMPLES} == {
        "people.docx": "block",
        "people.gbk.txt": "block",
        "people.utf16.txt": "block",
        "people.utf16be.csv": "block",
        "people.zip": "block",
        "people.json": "block",
        "locked.zip": "log",
        "broken.zip": "block",
        "news.txt": "allow",
        "one.bin": "allow",
        "nothing.bin": "allow",
    }

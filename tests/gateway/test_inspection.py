"""The pipeline: pieces, parts, findings; any fault becomes an unread part, and no value leaves."""

import itertools
import json
from base64 import b64encode
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.content.types import MediaTypes
from gateway.demo.samples import CONTRACT, NEWS, aes_zip, docx, id_list, resident_id, zipped
from gateway.detect.engine import Engine, build_engine
from gateway.findings import Action
from gateway.inspection import Inspector
from gateway.limits import MIB, Limits
from gateway.parts import Coverage, Grade
from gateway.policy.decide import decide
from gateway.policy.load import load_policy
from gateway.records.record import build_record
from gateway.transfer import Actor, Channel, Destination, Request, Transfer
from gateway.uploads.model import Ask, Assembly, Segment
from gateway.wire.form import FORM

LIMITS = Limits()
ENGINE = build_engine(["signatures"], limits=LIMITS)
TODAY = date(2026, 11, 21)


def inspector(engine: Engine = ENGINE, limits: Limits = LIMITS) -> Inspector:
    ticks = itertools.count()
    return Inspector(MediaTypes(), engine, limits, lambda: TODAY, lambda: float(next(ticks)), lambda: b"k" * 32)


INSPECTOR = inspector()


def transfer(content_type: str = "application/octet-stream", path: str = "/up/notes.txt", query: str = "") -> Transfer:
    request = Request(method="PUT", path=path, query=query, headers={"content-type": content_type}, bytes=1)
    return Transfer("0190", "2026-11-21T00:00:00Z", Actor(), Destination("upload.example.com"), Channel.HTTP1, request)


def signatures(found) -> set[str]:
    return {finding.signature for part in found.parts for finding in part.findings}


def test_clean():
    found = INSPECTOR.inspect(transfer(), NEWS.encode())
    assert (found.coverage, found.failure, signatures(found), found.persons) == (Coverage.INSPECTED, "", set(), 0)
    assert set(found.stages) == {"wire", "content", "detect"}


def test_values_are_counted_over_all_parts_and_masked():
    numbers = [resident_id(n) for n in range(3)]
    boundary = "b"
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="f{n}"\r\n\r\n身份证 {v}\r\n' for n, v in enumerate(numbers)
    )
    found = INSPECTOR.inspect(transfer(f"multipart/form-data; boundary={boundary}"), f"{body}--b--\r\n".encode())
    assert (found.distinct["cn.resident-id"], found.persons) == (3, 3)
    assert not [number for number in numbers if number in repr(found)]


@pytest.mark.parametrize("place", ["name", "path", "query", "member"])
def test_value_in_a_name_is_found_and_masked(place):
    number = resident_id(5)
    made = {
        "name": lambda: INSPECTOR.inspect(transfer(path=f"/up/{number}.txt"), b"hello"),
        "path": lambda: INSPECTOR.inspect(transfer(path=f"/{number}/notes.txt"), b"hello"),
        "query": lambda: INSPECTOR.inspect(transfer(query=f"id={number}"), b"hello"),
        "member": lambda: INSPECTOR.inspect(transfer(), zipped({f"{number}.txt": "hello"})),
    }[place]()
    assert "cn.resident-id" in signatures(made)
    assert number not in repr(made)


@pytest.mark.parametrize(
    ("body", "content_type", "failure"),
    [
        pytest.param(b"--x\r\n", "multipart/form-data; boundary=b", "malformed", id="multipart"),
        pytest.param(b"x" * 100, "multipart/form-data", "malformed", id="no boundary"),
    ],
)
def test_body_that_has_no_one_reading_is_a_failure(body, content_type, failure):
    found = INSPECTOR.inspect(transfer(content_type), body)
    assert found.failure.partition(":")[0] == failure
    assert found.coverage is Coverage.MALFORMED
    assert decide(transfer(), found, load_policy(None), today=TODAY).action is Action.BLOCK


class Faulty:
    """A detector with a fault."""

    key = "marking"

    def triggers(self, _signatures):
        return ()

    def find(self, _document, _signatures):
        raise RuntimeError("fault 11010519491231002X")


def test_fault_of_a_detector_is_a_part_read_in_part():
    engine = Engine(tuple(ENGINE.signatures.values()), (Faulty(),), limits=LIMITS)
    found = inspector(engine).inspect(transfer(), NEWS.encode())
    body = next(part for part in found.parts if part.depth == 0)
    assert (body.coverage, body.reason) == (Coverage.PARTIAL, "detector-failed")
    assert "11010519491231002X" not in repr(found)
    assert decide(transfer(), found, load_policy(None), today=TODAY).action is Action.BLOCK


def test_fault_of_a_detector_is_not_hidden_by_encryption():
    engine = Engine(tuple(ENGINE.signatures.values()), (Faulty(),), limits=LIMITS)
    found = inspector(engine).inspect(transfer(), aes_zip("a.txt", b"hello"))
    assert decide(transfer(), found, load_policy(None), today=TODAY).action is Action.BLOCK


class Broken(Engine):
    """An engine with a fault of its own."""

    def __init__(self):
        super().__init__((), (), limits=LIMITS)

    def detect(self, *_args, **_options):
        raise LookupError

    def mask(self, *_args, **_options):
        raise RuntimeError


def test_fault_of_the_engine_is_a_part_read_in_part_without_its_name():
    found = inspector(Broken()).inspect(transfer(path="/up/11010519491231002X.txt"), b"hello")
    assert {part.reason for part in found.parts} == {"detector-failed"}
    assert "11010519491231002X" not in repr(found)
    assert found.path == "(name withheld)"


@pytest.mark.parametrize("where", ["wire", "content", "detect"])
def test_memory_that_ran_out_is_the_inspectors_end(monkeypatch, where):
    """A process without memory cannot be trusted with what it says next."""

    def fault(*_args, **_options):
        raise MemoryError

    names = {"wire": "gateway.inspection.read_request", "content": "gateway.inspection.unpack"}
    monkeypatch.setattr(names.get(where, "gateway.detect.engine.Engine.detect"), fault)
    with pytest.raises(MemoryError):
        inspector().inspect(transfer(), b"hello")


class BrokenTypes(MediaTypes):
    """A reader with a fault."""

    def of(self, *_args, **_options):
        raise RuntimeError


def test_fault_of_a_reader_is_an_unread_part():
    made = Inspector(BrokenTypes(), ENGINE, LIMITS, lambda: TODAY, lambda: 0.0, lambda: b"k")
    found = made.inspect_file("a.bin", b"hello")
    assert {part.coverage for part in found.parts} == {Coverage.MALFORMED}
    assert decide(transfer(), found, load_policy(None), today=TODAY).action is Action.BLOCK


def test_fault_of_the_wire_is_a_failure(monkeypatch):
    def fault(*_args, **_options):
        raise RuntimeError("11010519491231002X")

    monkeypatch.setattr("gateway.inspection.read_request", fault)
    found = INSPECTOR.inspect(transfer(), b"hello")
    assert found.failure == "malformed: RuntimeError in the reader of bodies"


@pytest.mark.parametrize(("size", "times"), [(4 * MIB, 0), (4 * MIB + 1, 1)], ids=["4 MiB", "more"])
def test_memory_is_given_back_after_a_large_part(size, times):
    calls = []
    made = replace(inspector(), give_back=lambda: calls.append(1))
    found = made.inspect_file("a.bin", bytes(size))
    assert (len(found.parts), len(calls)) == (1, times)


def test_file_with_everything_shown():
    number = resident_id(2)
    seen = []
    found = INSPECTOR.inspect_file(
        f"{number}.txt", number.encode(), reveal=True, watch=lambda part: seen.append(part.path)
    )
    assert number in repr(found)
    assert seen == [f"{number}.txt"]


def test_encrypted_archive():
    found = INSPECTOR.inspect_file("c.zip", aes_zip("contract.docx", docx(CONTRACT)))
    assert (found.coverage, found.parts[0].encryption.grade) == (Coverage.ENCRYPTED, Grade.STRONG)


def test_record_of_an_inspection_is_json_without_values():
    found = INSPECTOR.inspect(transfer(), id_list())
    verdict = decide(transfer(), found, load_policy(None), today=TODAY)
    text = json.dumps(build_record(transfer(), found, verdict, node="n", duration_ms=1.0), ensure_ascii=False)
    assert not [n for n in range(10) if resident_id(n) in text or f"1380013{n:04d}" in text]


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from(["application/json", "multipart/form-data; boundary=b", "text/plain", ""])
)
def test_never_raises(data, content_type):
    INSPECTOR.inspect(transfer(content_type), data)


def test_what_is_clean_is_read_once_and_what_is_found_every_time():
    own = inspector()
    path = f"/up/{resident_id(1)}.txt"
    for place in ("/up/notes.txt", path, "/up/notes.txt", path):
        found = own.inspect(transfer(path=place), b"")
        fresh = inspector().inspect(transfer(path=place), b"")
        assert (found.parts, found.path, found.distinct) == (fresh.parts, fresh.path, fresh.distinct)
    assert signatures(own.inspect(transfer(path=path), b"")) == {"cn.resident-id"}


def test_who_watches_sees_what_was_clean_before():
    own, seen = inspector(), []
    for _ in range(2):
        own.inspect_file("a.txt", b"x", watch=lambda part: seen.append(part.size_bytes))
    assert seen == [1, 1]


ZIP = zipped({"a.txt": f"身份证 {resident_id(1)}"})
CHUNK = "multipart/form-data; boundary=b"


def chunk_form(data: bytes, more: str = "") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\nu-1\r\n{more}--b\r\n'
    file = 'Content-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return head.encode() + file.encode() + data + b"\r\n--b--\r\n"


def test_values_that_were_asked_for_come_beside():
    body = b'{"id": "u-1", "size": 9}'
    found = INSPECTOR.inspect(transfer("application/json"), body, Ask(places=("json:id", "json:size", "json:x")))
    assert dict(found.values) == {"json:id": ("u-1",), "json:size": ("9",)}
    assert (found.failure, found.content_bytes) == ("", -1)
    verdict = decide(transfer(), found, load_policy(None), today=TODAY)
    assert "u-1" not in json.dumps(build_record(transfer(), found, verdict, node="n", duration_ms=1.0))
    assert dict(INSPECTOR.inspect(transfer("application/json"), body).values) == {}


def test_values_that_cannot_be_read_are_a_failure():
    body = f'{{"id": "{resident_id(1)}", "id": 2}}'.encode()
    found = INSPECTOR.inspect(transfer("application/json"), body, Ask(places=("json:id",)))
    assert found.failure == "malformed: values: a key comes twice"
    assert decide(transfer(), found, load_policy(None), today=TODAY).action is Action.BLOCK


@pytest.mark.parametrize(
    ("body", "content_type", "content"),
    [
        pytest.param(ZIP[:-9], "application/octet-stream", "body", id="start of an archive"),
        pytest.param(ZIP[9:], "application/zip", "body", id="end of an archive"),
        pytest.param(docx(CONTRACT)[40:-40], "", "body", id="middle of a document"),
        pytest.param(b"%PDF-1.7\n1 0 obj\nendobj", "", "body", id="start of a PDF"),
        pytest.param(aes_zip("a.txt", b"x")[:-30], "", "body", id="start of a locked archive"),
        pytest.param(bytes(range(256)) * 9, "", "body", id="noise"),
        pytest.param(chunk_form(ZIP[:-9]), CHUNK, "field:file", id="part of a form"),
        pytest.param(json.dumps({"d": b64encode(ZIP[:-9]).decode()}).encode(), "", "base64:json:d", id="base64"),
        pytest.param(json.dumps({"d": b64encode(ZIP[:60]).decode()}).encode(), "", "base64:json:d", id="short base64"),
        pytest.param(b"d=" + b64encode(ZIP[:-9]).replace(b"+", b"%2B"), FORM, "base64:field:d", id="base64 in a form"),
    ],
)
def test_a_slice_of_a_file_is_no_damaged_file(body, content_type, content):
    found = INSPECTOR.inspect(transfer(content_type, path="/up/a.zip"), body, Ask(content=content))
    assert (found.coverage, found.failure) == (Coverage.INSPECTED, "")
    assert {part.reason for part in found.parts} == {""}
    assert [part.path for part in found.parts if part.path.endswith("(piece)")] != []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"身份证 {resident_id(1)}".encode(), id="UTF-8"),
        pytest.param(f"身份证 {resident_id(1)}，电话".encode("gbk"), id="GBK"),
        pytest.param(f"身份证 {resident_id(1)}，电话".encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x00\x01\x02\xff" * 20 + f" {resident_id(1)} ".encode() + b"\x80\x81\xff" * 500, id="in noise"),
    ],
)
@pytest.mark.parametrize("content", ["body", "field:file", "base64:json:d"])
def test_the_text_of_a_slice_is_read(text, content):
    bodies = {"body": text, "field:file": chunk_form(text), "base64:json:d": b'{"d": "%s"}' % b64encode(text)}
    found = INSPECTOR.inspect(transfer(CHUNK if content == "field:file" else ""), bodies[content], Ask(content=content))
    assert "cn.resident-id" in signatures(found)
    assert found.content_bytes == len(text)
    assert resident_id(1) not in repr(found)


def test_what_stands_beside_a_slice_is_read_as_usual():
    other = b64encode(docx(f"身份证 {resident_id(1)}")).decode()
    body = json.dumps({"d": b64encode(ZIP[:-9]).decode(), "note": other}).encode()
    found = INSPECTOR.inspect(transfer("application/json"), body, Ask(content="base64:json:d"))
    assert "cn.resident-id" in signatures(found)
    field = f'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n身份证 {resident_id(1)}\r\n'
    found = INSPECTOR.inspect(transfer(CHUNK), chunk_form(ZIP[:-9], field), Ask(content="field:file"))
    assert "cn.resident-id" in signatures(found)
    found = INSPECTOR.inspect(transfer(query=f"id={resident_id(1)}"), ZIP[:-9], Ask(content="body"))
    assert "cn.resident-id" in signatures(found)


@pytest.mark.parametrize(
    ("body", "content_type", "content"),
    [
        pytest.param(b"{}", "", "base64:json:d", id="not there"),
        pytest.param(b'{"d": "YQ==", "d": "Yg=="}', "", "base64:json:d", id="key twice"),
        pytest.param(b'{"d": "?"}', "", "base64:json:d", id="no base64"),
        pytest.param(chunk_form(b"x") + b"", CHUNK, "field:other", id="no such part"),
        pytest.param(chunk_form(b"x", chunk_form(b"y").decode()[:-7]), CHUNK, "field:file", id="part twice"),
        pytest.param(b"x", "", "field:file", id="no form"),
        pytest.param(b"d=??", FORM, "base64:field:d", id="no base64 in a form"),
        pytest.param(b"", "", "field:file", id="nothing at all"),
    ],
)
def test_a_slice_that_is_not_there_once_is_a_failure(body, content_type, content):
    found = INSPECTOR.inspect(transfer(content_type), body, Ask(content=content))
    assert found.failure.startswith("malformed: ")


def test_an_empty_slice():
    assert INSPECTOR.inspect(transfer(), b"", Ask(content="body")).content_bytes == 0


def test_the_whole_is_inspected_as_one_file():
    stored = ZIP[50:] + ZIP[:50]
    segments = (Segment(0, len(ZIP) - 50, 50), Segment(len(ZIP) - 50, 50, 0))
    recipe = Assembly(segments, f"{resident_id(2)}.zip", "Application/ZIP; x=1", len(ZIP))
    found = INSPECTOR.inspect(transfer(path="/commit"), stored, Ask(assembly=recipe))
    assert found.distinct["cn.resident-id"] == 2
    assert [(part.is_file, part.depth, part.size_bytes) for part in found.parts] == [
        (True, 0, len(ZIP)),
        (False, 1, found.parts[1].size_bytes),
    ]
    assert (found.parts[0].declared_type, found.parts[0].media_type) == ("application/zip", "application/zip")
    assert (found.content_bytes, found.failure, found.path) == (len(ZIP), "", "/commit")
    assert resident_id(2) not in repr(found)


def test_a_whole_that_cannot_be_put_together_is_a_failure():
    recipe = Assembly((Segment(0, 5, 1),), "a.txt", total_bytes=6)
    found = INSPECTOR.inspect(transfer(), b"hello", Ask(assembly=recipe))
    assert (found.failure, found.parts) == ("malformed: upload: a piece is missing", ())
    assert decide(transfer(), found, load_policy(None), today=TODAY).action is Action.BLOCK


def test_a_whole_without_pieces():
    found = INSPECTOR.inspect(transfer(), b"", Ask(assembly=Assembly(total_bytes=0)))
    assert (found.failure, found.content_bytes, len(found.parts)) == ("", 0, 1)
    found = INSPECTOR.inspect(transfer(), b"", Ask(assembly=Assembly(total_bytes=1)))
    assert found.failure == "malformed: upload: it is not as long as it was announced"


def test_digests_are_made_when_asked_for_and_of_files_only():
    own = inspector()
    for _ in range(2):
        (path, file) = own.inspect(transfer(), b"hello", Ask(digests=True)).parts
        assert file.md5 == "5d41402abc4b2a76b9719d911017c592"
        assert file.sha1 == "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
        assert (path.md5, path.sha1) == ("", "")
        assert {part.md5 for part in inspector().inspect(transfer(), b"hello").parts} == {""}


FORM_OF_TWO = (
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="g"; filename="y"\r\n\r\n2\r\n--b--\r\n'
)


@pytest.mark.parametrize(
    ("sent", "body", "names"),
    [
        pytest.param(transfer(path="/upload/v1/abc"), NEWS.encode(), {"notice.txt"}, id="the only file"),
        pytest.param(transfer("multipart/form-data; boundary=b"), FORM_OF_TWO, {"x", "y"}, id="two files"),
    ],
)
def test_an_announced_name_is_that_of_the_one_file(sent, body, names):
    found = INSPECTOR.inspect(sent, body, Ask(name="notice.txt"))
    assert {part.name for part in found.parts if part.is_file} == names


def test_an_announced_name_is_masked():
    found = INSPECTOR.inspect(transfer(), NEWS.encode(), Ask(name=f"{resident_id(1)}.txt"))
    assert not any(resident_id(1) in part.name + part.path for part in found.parts)

"""The pipeline: pieces, parts, findings; any fault becomes an unread part, and no value leaves."""

import itertools
import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.content.types import MediaTypes
from gateway.demo.samples import CONTRACT, NEWS, aes_zip, docx, id_list, resident_id, zipped
from gateway.detect.engine import Engine, build_engine
from gateway.findings import Action
from gateway.inspection import Inspector
from gateway.limits import Limits
from gateway.parts import Coverage, Grade
from gateway.policy.decide import decide
from gateway.policy.load import load_policy
from gateway.records.record import build_record
from gateway.transfer import Actor, Channel, Destination, Request, Transfer

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

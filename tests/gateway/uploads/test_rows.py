"""The tables: what is said is filled in once, what covers the whole is counted once."""

import sqlite3

import pytest

from gateway.uploads.model import Segment
from gateway.uploads.rows import ANYBODY, SCHEMA, Rows, key_digest
from gateway.uploads.state import Facts, State, Upload


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    connection.execute("PRAGMA foreign_keys = ON")
    yield connection
    connection.close()


@pytest.fixture
def rows(connection):
    return Rows(connection, "boot-1")


def made(rows, upload_id="u", **facts):
    upload = Upload(upload_id, "li", Facts(**facts), expires_at=100.0)
    rows.insert(upload)
    return upload


def added(rows, segments, upload_id="u"):
    """Each `(content bytes, start, index)`, raw bodies of two bytes more."""
    for length, start, index in segments:
        upload = rows.get(upload_id)
        rows.add(upload, Segment(upload.stored_bytes, length + 2, start, index, "field:a"), length)
    rows.note_complete(upload_id)
    return rows.get(upload_id)


def test_an_upload_comes_back(rows):
    facts = Facts("s3", "part", "h", "合同\udce4.docx", 9, "text/plain", "c", "t", "chunks", "0190")
    rows.insert(Upload("u", "li\udce4", facts, expires_at=2.5))
    assert rows.get("u") == Upload("u", "li\udce4", facts, expires_at=2.5)
    assert rows.get("x") is None


def test_keys_name_uploads_of_their_owner_until_they_expire(rows):
    first, second = made(rows), made(rows, "v")
    assert rows.link(first, ["a", "b", "a"]) == 4
    assert rows.link(second, ["b"]) == 2
    assert [one.id for one in rows.named(ANYBODY, ["a"], 99.0)] == ["u"]
    assert [one.id for one in rows.named("li", ["b"], 99.0)] == ["u", "v"]
    assert [one.id for one in rows.named("li", ["x", "a", "b"], 99.0)] == ["u", "v"]
    assert rows.named("wang", ["a"], 99.0) == rows.named("li", ["a"], 100.0) == rows.named("li", [], 0.0) == []


def test_no_key_is_kept(rows, connection):
    rows.link(made(rows), ["https://host/x?signature=secret"])
    assert "secret" not in "".join(connection.iterdump())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("li", "k"), ("wang", "k"), id="owner"),
        pytest.param(("li", "k"), ("li", "K"), id="key"),
        pytest.param(("l", "ik"), ("li", "k"), id="border"),
        pytest.param(("l", "\udce4"), ("l", "\udce5"), id="bytes that are no UTF-8"),
    ],
)
def test_digests_of_keys_differ(one, other):
    assert key_digest(*one) != key_digest(*other)


def test_facts_are_filled_in_once(rows):
    upload = rows.fill(made(rows, name="a.txt"), Facts(name="b.txt", size_bytes=9, tenant="t"))
    assert (upload.facts.name, upload.facts.size_bytes, upload.facts.tenant, upload.conflict) == (
        "a.txt",
        9,
        "t",
        False,
    )
    assert rows.get("u") == upload
    assert not rows.fill(upload, Facts(size_bytes=9)).conflict
    assert rows.fill(upload, Facts(size_bytes=0)).conflict
    assert rows.get("u").conflict
    assert rows.fill(rows.get("u"), Facts(size_bytes=9)).conflict


def test_its_end_is_put_off_only(rows):
    made(rows)
    rows.keep_until("u", 50.0)
    assert rows.get("u").expires_at == 100.0
    rows.keep_until("u", 150.0)
    assert rows.get("u").expires_at == 150.0


@pytest.mark.parametrize(
    ("segments", "size", "content_bytes", "complete"),
    [
        pytest.param([(5, 0, -1), (5, 5, -1)], 10, 10, True, id="in order"),
        pytest.param([(5, 5, -1), (5, 0, -1)], 10, 10, True, id="out of order"),
        pytest.param([(5, 0, -1), (5, 0, -1)], 10, 5, False, id="repeated"),
        pytest.param([(8, 0, -1), (8, 2, -1)], 10, 10, True, id="overlapping"),
        pytest.param([(2, 0, -1), (2, 4, -1), (2, 8, -1), (10, 0, -1)], 10, 10, True, id="one over many"),
        pytest.param([(4, 0, -1), (5, 5, -1)], 10, 9, False, id="gap"),
        pytest.param([(9, 1, -1)], 10, 9, False, id="no start"),
        pytest.param([(10, 0, -1)], -1, 10, False, id="length unknown"),
        pytest.param([(10, -1, -1)], 10, 10, True, id="all at once"),
        pytest.param([(11, 0, -1)], 10, 11, True, id="too long: assembling says so"),
        pytest.param([(0, 0, -1)], 0, 0, True, id="empty"),
        pytest.param([], 0, 0, False, id="nothing yet"),
        pytest.param([(0, 5, -1), (5, 0, -1)], 10, 5, False, id="empty piece"),
        pytest.param([(5, -1, 1), (5, -1, 2)], 10, 10, False, id="numbered: the commit says"),
        pytest.param([(5, -1, 1), (5, -1, 1), (4, -1, 0)], 10, 9, False, id="numbered, repeated"),
        pytest.param([(5, -1, 0), (6, -1, 0)], 10, 5, False, id="numbered 0, repeated"),
        pytest.param([(5, 0, 3), (5, 0, 4)], 5, 5, True, id="a start goes before a number"),
    ],
)
def test_what_has_come(rows, segments, size, content_bytes, complete):
    made(rows, size_bytes=size)
    upload = added(rows, segments)
    assert (upload.content_bytes, upload.complete, upload.segments) == (content_bytes, complete, len(segments))
    assert upload.stored_bytes == sum(length + 2 for length, _, _ in segments)


def test_the_recipe(rows):
    upload = made(rows, name="a", size_bytes=4, declared_type="text/plain")
    rows.add(upload, Segment(0, 9, -1, 2, "field:f", "multipart/x; boundary=\udce4", "gzip"), 4)
    recipe = rows.recipe(rows.fill(rows.get("u"), Facts(size_bytes=5)))
    assert recipe.segments == (Segment(0, 9, -1, 2, "field:f", "multipart/x; boundary=\udce4", "gzip"),)
    assert (recipe.name, recipe.declared_type, recipe.total_bytes, recipe.conflict) == ("a", "text/plain", 4, True)


def test_raw_pieces_that_follow_each_other_are_one_in_the_recipe(rows):
    made(rows)
    for start, index, content in ((0, -1, ""), (5, -1, ""), (15, -1, ""), (20, 7, "gzip"), (25, -1, ""), (30, -1, "")):
        upload = rows.get("u")
        rows.add(upload, Segment(upload.stored_bytes, 5, start, index, "body", "text/plain", content), 5)
    assert rows.recipe(rows.get("u")).segments == (
        Segment(0, 10, 0),
        Segment(10, 5, 15),
        Segment(15, 5, 20, 7, content_encoding="gzip"),
        Segment(20, 10, 25),
    )


def test_numbered_pieces_are_never_joined_in_the_recipe(rows):
    made(rows)
    for index in (1, 2):
        upload = rows.get("u")
        rows.add(upload, Segment(upload.stored_bytes, 5, -1, index), 5)
    assert len(rows.recipe(rows.get("u")).segments) == 2


def test_a_decided_upload_keeps_its_names_only(rows, connection):
    upload = made(rows)
    rows.link(upload, ["a"])
    added(rows, [(5, 0, -1)])
    rows.decide("u", State.REFUSED, "0190")
    (found,) = rows.named("li", ["a"], 0.0)
    assert (found.state, found.incident, found.stored_bytes, found.content_bytes) == (State.REFUSED, "0190", 0, 5)
    assert connection.execute("SELECT (SELECT count(*) FROM segments) + (SELECT count(*) FROM spans)").fetchone() == (
        0,
    )


def test_a_deleted_upload_leaves_nothing(rows, connection):
    rows.link(made(rows), ["a"])
    added(rows, [(5, 0, -1)])
    rows.delete("u")
    for table in ("uploads", "keys", "segments", "spans"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_counts_and_ages(rows):
    for number, upload_id in enumerate("abcd"):
        rows.insert(Upload(upload_id, "li", Facts(), expires_at=float(number)))
        added(rows, [(number, 0, -1)], upload_id)
    rows.decide("c", State.PASSED, "")
    rows.decide("b", State.PASSED, "")
    assert rows.share() == rows.share("li") == (4, 2, 2 + 5)
    assert [one.id for one in rows.expired(1.0)] == ["a", "b"]
    assert rows.oldest_passed(None, 1) == ["b"]
    assert rows.oldest_passed(None, 9) == rows.oldest_passed("li", 9) == ["b", "c"]
    assert rows.oldest_passed("wang", 9) == []
    assert rows.ids() == set("abcd")


def test_shares_follow_every_change(rows, connection):
    for upload_id, owner in (("a", "li"), ("b", "li"), ("c", "")):
        rows.insert(Upload(upload_id, owner, Facts(), expires_at=9.0))
        added(rows, [(5, 0, -1), (5, 0, -1)], upload_id)
    assert (rows.share(), rows.share("li"), rows.share("")) == ((3, 3, 42), (2, 2, 28), (1, 1, 14))
    rows.decide("a", State.REFUSED, "0190")
    rows.decide("a", State.REFUSED, "0190")
    assert (rows.share(), rows.share("li")) == ((3, 2, 28), (2, 1, 14))
    for upload_id in "abc":
        rows.delete(upload_id)
    assert rows.share() == rows.share("li") == rows.share("nobody") == (0, 0, 0)
    assert connection.execute("SELECT count(*) FROM shares").fetchone() == (1,)


def test_bytes_from_before_a_crash_of_the_machine_are_not_trusted(rows, connection):
    made(rows)
    added(rows, [(5, 0, -1)])
    made(rows, "v")
    later = Rows(connection, "boot-2")
    assert (later.get("u").conflict, later.get("v").conflict) == (True, False)
    assert later.recipe(later.get("u")).conflict
    assert not added(later, [(5, 0, -1)], "v").conflict
    assert added(later, [(5, 5, -1)], "u").conflict


def test_what_a_verdict_is_sought_of(rows):
    made(rows)
    assert rows.is_assembled(rows.get("u"))
    upload = added(rows, [(5, 0, -1)])
    assert not rows.is_assembled(upload)
    rows.note_assembled(upload)
    assert rows.is_assembled(upload)
    assert not rows.is_assembled(added(rows, [(5, 0, -1)]))

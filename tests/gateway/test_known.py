from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gateway import known as module
from gateway.findings import Finding, PartReport, Severity
from gateway.known import Known
from gateway.parts import Coverage, Piece

DAY = date(2026, 3, 1)
PIECE = Piece(b"/upload", field="path", declared_type="text/plain")
CLEAN = PartReport("path", "", 7, "0" * 64, "text/plain", "text/plain")
FOUND = Finding("card.pan", 1, Severity.HIGH, 0.9)


def test_a_clean_piece_is_known_again():
    known = Known()
    assert known.clean(PIECE, DAY) is None
    known.keep(PIECE, DAY, CLEAN)
    assert known.clean(replace(PIECE, data=memoryview(b"/upload")), DAY) is CLEAN


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"data": b"/uploae"}, id="bytes"),
        pytest.param({"name": "a.txt"}, id="name"),
        pytest.param({"field": "query"}, id="field"),
        pytest.param({"declared_type": ""}, id="type"),
        pytest.param({"is_file": True}, id="file"),
    ],
)
def test_a_piece_that_differs_is_not(other):
    known = Known()
    known.keep(PIECE, DAY, CLEAN)
    assert known.clean(replace(PIECE, **other), DAY) is None


@pytest.mark.parametrize(
    "report",
    [
        pytest.param({"findings": (FOUND,)}, id="found"),
        pytest.param({"coverage": Coverage.PARTIAL}, id="not read"),
        pytest.param({"reason": "encrypted"}, id="reason"),
    ],
)
def test_only_what_is_clean_is_kept(report):
    known = Known()
    known.keep(PIECE, DAY, replace(CLEAN, **report))
    assert known.clean(PIECE, DAY) is None


@pytest.mark.parametrize(("data", "name", "is_kept"), [(256, 256, True), (257, 0, False), (1, 257, False)])
def test_only_what_is_short_is_kept(data, name, is_kept):
    piece = Piece(b"a" * data, name="n" * name)
    known = Known()
    known.keep(piece, DAY, CLEAN)
    assert (known.clean(piece, DAY) is CLEAN) == is_kept


def test_nothing_outlives_its_day():
    known = Known()
    known.keep(PIECE, DAY, CLEAN)
    known.keep_plain("a.txt", DAY)
    later = DAY + timedelta(days=1)
    assert known.clean(PIECE, later) is None
    assert not known.is_plain("a.txt", later)
    known.keep_plain("b.txt", later)
    assert known.is_plain("b.txt", later)
    assert not known.is_plain("a.txt", later)
    assert known.clean(PIECE, later) is None


def test_plain_names():
    known = Known()
    assert not known.is_plain("a.txt", DAY)
    known.keep_plain("a.txt", DAY)
    known.keep_plain("n" * 257, DAY)
    assert known.is_plain("a.txt", DAY)
    assert not known.is_plain("n" * 257, DAY)


def test_it_does_not_grow(monkeypatch):
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    known = Known()
    for number in range(5):
        known.keep(replace(PIECE, data=b"%d" % number), DAY, CLEAN)
        known.keep_plain(str(number), DAY)
    kept = [number for number in range(5) if known.clean(replace(PIECE, data=b"%d" % number), DAY)]
    assert kept == [4]
    assert [number for number in range(5) if known.is_plain(str(number), DAY)] == [4]

import os
import threading

import pytest

from gateway.detect import matcher
from gateway.detect.detector import Trigger
from gateway.detect.matcher import Matcher, Places

DIGITS = Trigger("[0-9]{2}")
WORD = Trigger("word", caseless=True, once=True)
MARK = Trigger("机密")


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        pytest.param("a12b34", {DIGITS: [3, 6]}, id="ASCII"),
        pytest.param("中12文é34", {DIGITS: [3, 7]}, id="character offsets"),
        pytest.param("机密𝟏12机密", {MARK: [2, 7], DIGITS: [5]}, id="four-byte character"),
        pytest.param("Word word", {WORD: [4]}, id="once, both cases"),
        pytest.param("\ud80012", {DIGITS: [3]}, id="half a surrogate pair"),
        pytest.param("nothing", {}, id="nothing"),
        pytest.param("", {}, id="empty"),
    ],
)
def test_scan_text(text, ends):
    assert Matcher([DIGITS, WORD, MARK]).scan_text(text) == Places(ends)


def test_boundary_in_a_character_counts_the_character():
    alone = Trigger("(?:^|[^0-9])[0-9]{2}[^0-9]")
    assert Matcher([alone]).scan_text("数12字34").ends == {alone: [4]}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_scan_reads_any_buffer(kind):
    assert Matcher([DIGITS]).scan(kind(b"x12")).ends == {DIGITS: [3]}


def test_most_keeps_the_first_places():
    few = Trigger("[0-9]", most=2)
    assert Matcher([few]).scan(b"1234") == Places({few: [1, 2]})


def test_too_many_places_are_told(monkeypatch):
    monkeypatch.setattr(matcher, "MAX_PLACES", 3)
    assert Matcher([DIGITS]).scan(b"12.12.12.12") == Places({DIGITS: [2, 5, 8]}, frozenset({DIGITS}))


def test_raw_patterns_are_bytes():
    raw = Trigger("name only", raw=rb"\xbb\xfa")
    assert Matcher([raw]).scan("机".encode("gb18030")).ends == {raw: [2]}


def test_no_triggers_find_nothing():
    assert Matcher([]).scan_text("text") == Places()


def test_a_bad_pattern_is_named():
    with pytest.raises(ValueError, match=r"pattern '\(open'"):
        Matcher([DIGITS, Trigger("(open")])


def test_threads_scan_at_once():
    shared = Matcher([DIGITS])
    results = []

    def scan():
        results.extend(len(shared.scan(b"12 " * 50_000).ends[DIGITS]) for _ in range(5))

    threads = [threading.Thread(target=scan) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [50_000] * 15


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_database_works_in_a_forked_child():
    shared = Matcher([DIGITS])
    assert shared.scan(b"12").ends
    child = os.fork()
    if child == 0:
        os._exit(0 if shared.scan(b"a34").ends == {DIGITS: [3]} else 1)
    assert os.waitpid(child, 0)[1] == 0


KINDS = (
    Trigger("(?:合同|协议)"),
    Trigger("contract", caseless=True),
    Trigger("(?:^|[^0-9A-Za-z])1[3-9][0-9]{9}"),
    Trigger("full-width", raw=rb"\xef\xbc[\x90-\x99]"),
    Trigger("zero width", raw=rb"[a-z]\xe2\x80\x8b"),
    Trigger(r"[a-z]{3}@", once=True),
)
TEXTS = [
    pytest.param("", id="empty"),
    pytest.param("nothing here", id="nothing"),
    pytest.param("the Contract of abc@", id="ascii"),
    pytest.param("call 13800138000", id="digits"),
    pytest.param("合同 13800138000 ７ a\u200b", id="all of it"),
    pytest.param("协议７", id="outside ascii, no digit"),
    pytest.param("12345", id="digits that are nothing"),
]


@pytest.mark.parametrize("times", [1, 3000], ids=["short", "long"])
@pytest.mark.parametrize("text", TEXTS)
def test_leaving_databases_out_changes_nothing(text, times):
    whole = "\n".join([text] * times)
    apart, together = Matcher(KINDS), Matcher(KINDS, is_raw=True)
    assert apart.scan_text(whole) == together.scan_text(whole)
    assert list(apart.scan_text(whole).ends) == list(together.scan_text(whole).ends)
    assert apart.scan(whole.encode()) == together.scan(memoryview(whole.encode()))
    assert apart.scan_text(whole, whole.encode()) == apart.scan_text(whole)
    assert apart.scan_text(whole, memoryview(whole.encode())) == apart.scan_text(whole)

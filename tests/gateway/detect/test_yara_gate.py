"""What has to occur before a rule can match; anything that is not understood leaves no gate."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yara
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.detect.yara_gate import gate
from gateway.detect.yara_rules import load_yara

SHIPPED = sorted(Path("signatures/yara").glob("*.yar"))


def rule(strings: str, condition: str = "$a", name: str = "r") -> str:
    return f'rule {name} {{\n meta:\n  x = "y"\n strings:\n  {strings}\n condition:\n  {condition}\n}}\n'


def pieces(source: str) -> set[bytes] | None:
    found = gate(source)
    return None if found is None else {bytes.fromhex(trigger.pattern) for trigger in found}


@pytest.mark.parametrize(
    ("strings", "expected"),
    [
        pytest.param('$a = "secret"', {b"secret"}, id="text"),
        pytest.param(r'$a = "a\"b\\\x00\t"', {b'a"b\\\x00\t'}, id="escapes"),
        pytest.param('$a = "abc" wide', {b"a\0b\0c\0"}, id="wide"),
        pytest.param('$a = "abc" ascii wide fullword', {b"abc", b"a\0b\0c\0"}, id="ascii and wide"),
        pytest.param('$a = "abcdef" base64', {b"YWJjZGVm", b"FiY2RlZ", b"hYmNkZW"}, id="base64"),
        pytest.param("$a = { 01 02 03 ?? 04 05 06 07 }", {b"\4\5\6\7"}, id="hex"),
        pytest.param("$a = { 01 02 03 04 (05 | 06) 07 [2-4] 08 }", {b"\1\2\3\4"}, id="hex with alternatives"),
        pytest.param("$a = /abc[0-9]{2,4}defg?h/", {b"abc"}, id="regex"),
        pytest.param("$a = /x{0,4}(KEY|TOKEN)=[a-z]+/", {b"KEY=", b"TOKEN="}, id="alternatives"),
        pytest.param("$a = /:\\$(1|2[ab])\\$/", {b":$1$", b":$2a$", b":$2b$"}, id="spelled out"),
        pytest.param("$a = /(abcd[0-9])+/", {b"abcd"}, id="repeated"),
        pytest.param('$a = "abc" // $b = "x"\n /* $c = "y" */', {b"abc"}, id="comments"),
        pytest.param('$a = "http://x" $b = /a:\\/\\/b/', {b"http://x", b"a://b"}, id="no comments"),
        pytest.param('$a = "ab"', None, id="short"),
        pytest.param('$a = "abc" xor', None, id="xor"),
        pytest.param('$a = "abc" base64("x")', None, id="own alphabet"),
        pytest.param("$a = { 01 ?? 02 }", None, id="hex with little"),
        pytest.param("$a = { 01 02 ~03 04 05 }", None, id="hex with a not"),
        pytest.param("$a = { ((01 | 02) 03 | 04) 05 06 07 }", None, id="hex with nested alternatives"),
        pytest.param("$a = /[a-z]{4}/", None, id="regex with nothing fixed"),
        pytest.param("$a = /(abcd)?[0-9]*/", None, id="regex with an option"),
        pytest.param("$a = /(abcd|[0-9]+)/", None, id="regex with an open alternative"),
        pytest.param('$a = "é!!"', None, id="not ASCII"),
    ],
)
def test_strings(strings, expected):
    assert pieces(rule(strings, "any of them")) == expected


@pytest.mark.parametrize(
    ("condition", "has_gate"),
    [
        ("$a", True),
        ("$a at 0", True),
        ("$a in (0..512) or $b", True),
        ("($a and $b) or any of them", True),
        ("all of ($a, $b)", True),
        ("2 of ($a*)", True),
        ("#a >= 2", True),
        ("#a > 0", True),
        ("not $a", False),
        ("#a >= 0", False),
        ("#a < 3", False),
        ("#a == 0", False),
        ("#a >= 1.5", False),
        ("filesize < 100", False),
        ("$a or filesize > 1", False),
        ("uint16(0) == 0x5A4D", False),
        ("true", False),
        ("$a or 1", False),
        ("0 of them", False),
        ("none of them", False),
        ("for any i in (1..#a) : (@a[i] > 3)", False),
        ("other_rule or $a", False),
        ("$a at 0x10", False),
        ("!a > 3", False),
    ],
)
def test_conditions(condition, has_gate):
    assert (gate(rule('$a = "abcd" $b = "efgh"', condition)) is not None) == has_gate


def test_one_rule_that_is_not_understood_leaves_no_gate():
    fine = rule('$a = "abcd"')
    assert pieces(fine + rule('$a = "efgh"', name="s")) == {b"abcd", b"efgh"}
    assert gate(fine + rule('$a = "efgh"', "not $a", name="s")) is None
    assert gate(fine + "rule s { condition: filesize > 3 }\n") is None
    assert gate(fine + "private rule s { strings: $a = { 01 02 03 04 } condition: $a }\n") is not None
    assert gate('rule s : tag { strings: $a = "}" condition: $a }') is None


def test_caseless():
    (found,) = gate(rule('$a = "abc" nocase')) or ()
    assert found.caseless
    (found,) = gate(rule("$a = /abc[0-9]/i")) or ()
    assert found.caseless


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_rules_have_a_gate(path):
    assert gate(path.read_text("utf-8"))


RULES = load_yara(["signatures"])
STOCK = yara.compile(sources={str(path): path.read_text("utf-8") for path in SHIPPED})
CASES = [
    case.data if hasattr(case, "data") else case.encode()
    for file in RULES._files.values()
    for own in file.cases.values()
    for case in (*own.find, *own.ignore)
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CASES), st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 3))
def test_the_gate_keeps_no_rule_from_a_match(case, before, behind, form):
    data = (
        before
        + [case, case.upper(), base64.b64encode(before + case), bytes(case).replace(b"\n", b"\r\n")][form]
        + behind
    )
    found = sorted(result.rule for result in RULES.match(data))
    assert found == sorted(match.rule for match in STOCK.match(data=data))


def test_bytes_without_any_piece_are_not_looked_at():
    assert RULES._gate is not None
    assert not RULES._gate.scan(b"x" * 1000).ends
    assert list(RULES.match(b"x" * 1000)) == []

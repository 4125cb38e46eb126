from __future__ import annotations

import pytest

from gateway.detect import decode, fold
from gateway.detect.needs import needs_digit, needs_high_byte

DIGIT = [
    (rb"[0-9]", True),
    (rb"7", True),
    (rb"(?:^|[^0-9A-Za-z])[1-9][0-9]{16}(?:[^0-9A-Za-z]|\z)", True),
    (rb"(?:1|2|[3-5])x", True),
    (rb"(?:1a|b2)", True),
    (rb"x(?:a3){2,4}", True),
    (rb"a\x31", True),
    (rb"", False),
    (rb"abc", False),
    (rb"[0-9a]", False),
    (rb"[^a]", False),
    (rb"[/-9]", False),
    (rb"[0-:]", False),
    (rb"\s\w", False),
    (rb".", False),
    (rb"[0-9]?", False),
    (rb"(?:[0-9]){0,3}", False),
    (rb"(?:1|b)", False),
    (rb"(?:a|)1?", False),
    (rb"(", False),
]
HIGH = [
    ("合同".encode(), True),
    ("合(?: |\t|\u3000){0,4}同".encode(), True),
    ("(?:合同|协议)".encode(), True),
    (rb"[\x80-\xff]", True),
    (rb"a[\xe4-\xe9]", True),
    ("(?:合同|contract)".encode(), False),
    ("(?:合同)?".encode(), False),
    (rb"[\x7f-\xff]", False),
    (rb"[^\x00-\x7f]", False),
    (rb"abc1", False),
]


@pytest.mark.parametrize(("pattern", "expected"), DIGIT)
def test_needs_a_digit(pattern, expected):
    assert needs_digit(pattern) is expected


@pytest.mark.parametrize(("pattern", "expected"), HIGH)
def test_needs_a_byte_outside_ascii(pattern, expected):
    assert needs_high_byte(pattern) is expected


def test_own_triggers():
    assert [needs_digit(one.raw) for one in fold.TRIGGERS] == [False, False, False, True, False]
    assert [needs_high_byte(one.raw) for one in fold.TRIGGERS] == [True, True, True, True, True]
    assert [one.pattern[:12] for one in decode.TRIGGERS if needs_digit(one.pattern.encode())] == [r"(?:[0-9][ \-"]

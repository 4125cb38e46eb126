import pytest

from gateway.errors import (
    ContentError,
    DetectorError,
    EncryptedError,
    LimitError,
    MalformedError,
    UnsupportedError,
)
from gateway.parts import COVERAGE_ORDER, NOT_ENCRYPTED, Coverage, Encryption, Grade, Part, Piece, opaque_coverage

param = pytest.param


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        param(None, Coverage.INSPECTED, id="read in full"),
        param(LimitError("max_depth", allowed=1, actual=2), Coverage.TOO_LARGE, id="limit"),
        param(MalformedError("zip", "short"), Coverage.MALFORMED, id="malformed"),
        param(EncryptedError("pdf-r4"), Coverage.ENCRYPTED, id="encrypted"),
        param(UnsupportedError("x/y"), Coverage.PARTIAL, id="unsupported"),
        param(DetectorError("iban", "KeyError"), Coverage.PARTIAL, id="detector"),
        param(ContentError(), Coverage.MALFORMED, id="a reason nobody listed"),
    ],
)
def test_coverage_that_an_error_stands_for(error, expected):
    assert opaque_coverage(error) is expected


def test_the_order_of_coverage_names_each_once_from_best_to_worst():
    assert sorted(COVERAGE_ORDER) == sorted(Coverage)
    assert COVERAGE_ORDER[0] is Coverage.INSPECTED
    assert COVERAGE_ORDER.index(Coverage.ENCRYPTED) < COVERAGE_ORDER.index(Coverage.TOO_LARGE)


def test_words_of_the_interface():
    assert [str(word) for word in Grade] == ["none", "weak", "partial", "strong", "unknown"]
    assert {str(word) for word in Coverage} == {
        "inspected", "partial", "encrypted", "too-large", "timeout", "malformed", "unknown-protocol",
        "passthrough-policy", "passthrough-pinned",
    }  # fmt: skip


def test_not_encrypted_is_the_default():
    part = Part("a", "a", 1, "00", "", "text/plain", b"x")

    assert part.encryption is NOT_ENCRYPTED
    assert Encryption() == NOT_ENCRYPTED
    assert part.opaque is None


def test_a_piece_is_not_a_file_unless_somebody_says_so():
    assert not Piece(b"x").is_file

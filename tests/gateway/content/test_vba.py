"""Source of macros."""

import pytest

from gateway.content import vba
from gateway.content.vba import macro_texts
from gateway.errors import LimitError
from tests.samples.ole import macro_stream

EXAMPLE = bytes.fromhex(
    "012fb000236161616263646582660070616768696a013808616b6c00306d6e6f700671027004107273747576107778797a003c"
)
"""The container of MS-OVBA §3.2.2."""


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(EXAMPLE, ["#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"], id="example"),
        pytest.param(bytes(99) + macro_stream(b"x = 1 ' note"), ["x = 1 ' note"], id="behind code"),
        pytest.param(macro_stream("x = '合同'".encode("gb18030")), ["x = '合同'"], id="GB18030"),
        pytest.param(macro_stream(b"words " * 1000), ["words " * 1000], id="chunks"),
        pytest.param(b"\x01\x0d\x30plain words in it"[:17], ["plain words in"], id="chunk that is not packed"),
        pytest.param(macro_stream(b"one macro") + b"\x00" + macro_stream(b"another one"), ["one macro", "another one"], id="two"),
        pytest.param(EXAMPLE[:20], ["#aaabcdefaaaaghi"], id="cut off"),
        pytest.param(macro_stream(b"words"), [], id="short"),
        pytest.param(b"\x01\x09\xb0\x02a\xff\xff\x00\x00\x00\x00\x00\x00", [], id="copy of what is not there"),
        pytest.param(b"\x01\x06\xb0\x00abcdef\x00\x01", ["abcdef"][:0], id="nothing more"),
        pytest.param(EXAMPLE + bytes(9), ["#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"], id="something behind"),
        pytest.param(b"no macros here", [], id="none"),
        pytest.param(b"", [], id="empty"),
    ],
)  # fmt: skip
def test_sources(stream, expected):
    assert list(macro_texts(stream)) == expected


def test_limit(monkeypatch):
    monkeypatch.setattr(vba, "MAX_MACRO_BYTES", 10)
    with pytest.raises(LimitError, match="max_macro_bytes"):
        list(macro_texts(EXAMPLE))

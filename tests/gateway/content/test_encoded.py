"""Base64 and hexadecimal in texts: what opens like an archive comes out, what does not stays."""

import base64
import gzip

import pytest

from gateway.content.encoded import encoded
from gateway.content.reading import Budget, Member, Source
from gateway.limits import Limits

PACKED = gzip.compress(b"some words to pack, long enough to count")
TEXT = b"plain words and more of them, again and again; " * 3


def found(data: bytes) -> list[Member]:
    return list(encoded(Source(data, "", "text/plain", Limits(), Budget())))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(base64.b64encode(PACKED), id="base64"),
        pytest.param(base64.b64encode(PACKED).rstrip(b"="), id="without padding"),
        pytest.param(b"a: " + base64.encodebytes(PACKED) + b"\nb", id="lines"),
        pytest.param(b'"' + base64.encodebytes(PACKED).replace(b"\n", rb"\n") + b'"', id="escaped lines"),
        pytest.param(rb"x\n" + base64.b64encode(PACKED), id="behind an escaped line end"),
        pytest.param(base64.urlsafe_b64encode(PACKED), id="url alphabet"),
        pytest.param(PACKED.hex().encode(), id="hexadecimal"),
        pytest.param(PACKED.hex(":").upper().encode(), id="colons"),
        pytest.param(b"".join(b"0x%02x, " % byte for byte in PACKED), id="C array"),
    ],
)
def test_content_comes_out(data):
    assert any(bytes(member.data).startswith(PACKED) for member in found(data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(TEXT.hex().encode(), [("(hexadecimal text)", TEXT)], id="hexadecimal text"),
        pytest.param(
            base64.b64encode(base64.b64encode(TEXT)), [("(base64 text)", base64.b64encode(TEXT))], id="two layers"
        ),
        pytest.param(base64.b64encode(TEXT), [], id="one layer is read by detection"),
        pytest.param(b"0123456789" * 20 + b" and words", [], id="digits, then words"),
        pytest.param(TEXT, [], id="words"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"xH4sI" + base64.b64encode(PACKED)[4:], [], id="inside a longer run"),
        pytest.param(b"a1f8b08" + PACKED.hex().encode()[6:], [], id="inside longer hexadecimal"),
        pytest.param(b"H4sI", [], id="too short"),
    ],
)
def test_nothing_else_does(data, expected):
    assert [(member.name, bytes(member.data)) for member in found(data)] == expected


def test_archive_in_two_layers_is_a_text_first():
    (member, *_) = found(b"see " + base64.b64encode(base64.b64encode(PACKED)))
    assert (bytes(member.data), member.media_type) == (base64.b64encode(PACKED), "")

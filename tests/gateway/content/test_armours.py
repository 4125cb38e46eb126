"""Contents in armours of text."""

import base64
import binascii

import pytest

from gateway.content.armours import armoured
from gateway.content.encoded import encoded
from gateway.content.reading import Budget, Source
from gateway.limits import Limits

WORDS = "客户 13800138000，合同编号，一份普通的名单".encode()


def uu(content):
    lines = [binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
    return b"begin 644 a.txt\n" + b"".join(lines) + b"`\nend\n"


def yenc(content, part=b""):
    body = b"".join(
        b"=" + bytes([(byte + 106) & 255]) if (byte + 42) & 255 in {0, 10, 13, 61} else bytes([(byte + 42) & 255])
        for byte in content
    )
    return b"=ybegin line=128 size=9 name=a\n" + part + body[:20] + b"\r\n" + body[20:] + b"\n=yend size=9\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(uu(WORDS), WORDS, id="uuencode"),
        pytest.param(b"begin 644 of the rest\nof a letter", b"", id="no uuencode"),
        pytest.param(uu(WORDS)[:78], WORDS[:45], id="uuencode, cut off"),
        pytest.param(b"begin 644 a", b"", id="nothing but a beginning"),
        pytest.param(yenc(WORDS), WORDS, id="yEnc"),
        pytest.param(yenc(b"\x13\xd6" + WORDS, b"=ypart begin=1 end=9\n"), b"\x13\xd6" + WORDS, id="yEnc in parts"),
        pytest.param(b"=ybegin line=1\nkkk", b"AAA", id="yEnc without its end"),
        pytest.param(b"<~" + base64.a85encode(WORDS, wrapcol=20) + b"~>", WORDS, id="ASCII85"),
        pytest.param(b"<~uuuuu~>", b"", id="impossible ASCII85"),
        pytest.param(b"<~ no end of it", b"", id="ASCII85 without its end"),
        pytest.param(b"other", b"", id="nothing"),
    ],
)
def test_armours(data, expected):
    content, end = armoured(b"x" + data, 1)
    assert content == expected
    assert 0 < end <= len(data) + 1


@pytest.mark.parametrize(
    "data", [uu(WORDS), yenc(WORDS), base64.a85encode(WORDS, adobe=True)], ids=["uu", "yEnc", "85"]
)
def test_inside_a_text(data):
    source = Source(b"see below\n" + data + b"\nregards", "", "text/plain", Limits(), Budget())
    assert [bytes(member.data) for member in encoded(source)] == [WORDS]


@pytest.mark.parametrize(
    "opening", [b"<~ no end of it ", b"=ybegin line=1\n", b"begin 644 a\n"], ids=["85", "yEnc", "uu"]
)
def test_an_opening_hides_nothing_behind_it(opening):
    archive = base64.b64encode(b"PK\x03\x04" + bytes(60))
    source = Source(opening + b"see " + archive, "", "text/plain", Limits(), Budget())
    assert b"PK\x03\x04" in [bytes(member.data)[:4] for member in encoded(source)]

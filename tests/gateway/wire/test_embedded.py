"""Files inside text values: found when they are there, not made up from tokens and prose."""

from __future__ import annotations

import random
from base64 import b64decode, b64encode, encodebytes, urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.embedded import Embedded, decode_base64, embedded_files

NOTE = "这是一份劳动合同，甲方与乙方约定如下条款。".encode() * 2
RANDOM = random.Random(3).randbytes(1500)
PROSE = b"The quick brown fox jumps over the lazy dog and runs through the forest until the night falls again"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b64encode(NOTE), [(NOTE, "", False)], id="short text"),
        pytest.param(b64encode(NOTE).rstrip(b"="), [(NOTE, "", False)], id="no padding"),
        pytest.param(urlsafe_b64encode(RANDOM), [(RANDOM, "", True)], id="base64url"),
        pytest.param(encodebytes(RANDOM), [(RANDOM, "", True)], id="lines"),
        pytest.param(b64encode(RANDOM), [(RANDOM, "", True)], id="long"),
        pytest.param(
            b64encode(b"PK\x03\x04" + RANDOM[:90]), [(b"PK\x03\x04" + RANDOM[:90], "", False)], id="known type"
        ),
        pytest.param(b64encode(NOTE.decode().encode("gbk")), [(NOTE.decode().encode("gbk"), "", False)], id="GBK"),
        pytest.param(
            b64encode(NOTE.decode().encode("utf-16-le")), [(NOTE.decode().encode("utf-16-le"), "", False)], id="UTF-16"
        ),
        pytest.param(NOTE.hex().encode(), [(NOTE, "", False)], id="hexadecimal text"),
        pytest.param(
            RANDOM.hex().encode(), [(RANDOM, "", True), (b64decode(RANDOM.hex()), "", True)], id="long hexadecimal"
        ),
        pytest.param(b"ffd8ffE0" * 8, [(b"\xff\xd8\xff\xe0" * 8, "", False)], id="hexadecimal image"),
        pytest.param(b"A" * 1024, [(b"\xaa" * 512, "", True), (bytes(768), "", True)], id="long, either"),
        pytest.param(
            ("PK\x03\x04" + "\xe9" * 60).encode(), [(b"PK\x03\x04" + b"\xe9" * 60, "", True)], id="a character a byte"
        ),
        pytest.param(("\x1f\x8b" + "\xe9\0" * 60).encode(), [(b"\x1f\x8b" + b"\xe9\0" * 60, "", True)], id="gzip so"),
        pytest.param(b"data:text/plain;base64,aGk=", [(b"hi", "text/plain", True)], id="data URL"),
        pytest.param(b"DATA:;BASE64,aGk", [(b"hi", "", True)], id="data URL, no type, no padding"),
        pytest.param(b"data:text/html;charset=gbk,%3Cb%3E", [(b"<b>", "text/html", True)], id="data URL, percent"),
        pytest.param(b"data:x;base64,aG%6B=", [(b"hi", "", True)], id="data URL, percent in base64"),
        pytest.param(b"data:,", [(b"", "", True)], id="data URL, empty"),
        pytest.param(
            b'<img src="data:image/png;base64,aGk="> <img src="data:a/b;x=y;base64,YQ==">',
            [(b"hi", "image/png", True), (b"a", "a/b", True)],
            id="data URLs in text",
        ),
        pytest.param(
            b"!".join(b64encode(NOTE)[at : at + 20] for at in range(0, 200, 20)),
            [(NOTE, "", False)],
            id="strewn with others",
        ),
    ],
)
def test_found(value: bytes, expected: list[tuple[bytes, str, bool]]) -> None:
    assert list(embedded_files(value)) == [Embedded(*found) for found in expected]
    assert list(embedded_files(memoryview(value))) == [Embedded(*found) for found in expected]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b64encode(b"short"), id="under 64 characters"),
        pytest.param(b64encode(RANDOM[:60]), id="token"),
        pytest.param(b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="SHA-256"),
        pytest.param(PROSE, id="prose"),
        pytest.param(PROSE.replace(b" ", b"_"), id="long identifier"),
        pytest.param(NOTE, id="Chinese prose"),
        pytest.param("þÿ合同".encode(), id="starts like UTF-16 in Latin letters"),
        pytest.param("ÿØÿ".encode() + b"\xff", id="no UTF-8"),
        pytest.param(b"PK\x03\x04 in ASCII", id="as it stands"),
        pytest.param(b"see data: base64, and so on, for more than sixty-four characters of it", id="the word data"),
    ],
)
def test_not_made_up(value: bytes) -> None:
    assert list(embedded_files(value)) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"", b"", id="empty"),
        pytest.param(b"YWI=", b"ab", id="padded"),
        pytest.param(b"YWI", b"ab", id="unpadded"),
        pytest.param(b"YW\r\nI=\r\n", b"ab", id="lines"),
        pytest.param(b"-_-_", b"\xfb\xff\xbf", id="base64url"),
        pytest.param(b"YWJjZ", b"abc", id="lone last character"),
        pytest.param(b"YW I=", None, id="blank"),
        pytest.param(b"YWI=YWI=", None, id="padding inside"),
        pytest.param(b"YWI\xff", None, id="byte"),
    ],
)
def test_decode_base64(value: bytes, expected: bytes | None) -> None:
    assert decode_base64(value) == expected
    assert decode_base64(memoryview(value)) == expected


@settings(deadline=None)
@given(st.binary(min_size=768, max_size=900), st.booleans(), st.booleans())
def test_long_base64_is_always_found(data: bytes, url: bool, padded: bool) -> None:
    encoded = urlsafe_b64encode(data) if url else b64encode(data)
    found = list(embedded_files(encoded if padded else encoded.rstrip(b"=")))
    assert Embedded(data, "", is_certain=True) in found


@settings(deadline=None)
@given(st.binary(max_size=120) | st.text("=-_+/AZaz09\r\n,;:dt", max_size=120).map(str.encode))
def test_never_raises(value: bytes) -> None:
    assert all(isinstance(found.data, bytes) for found in embedded_files(value))

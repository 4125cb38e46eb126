"""gRPC, gRPC-Web and Connect: every message comes out, decompressed; broken frames are refused."""

from __future__ import annotations

import gzip
from base64 import b64encode

import pytest

from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.limits import Limits
from gateway.wire.grpc import FRAMED, read_frames
from tests.samples.messages import frame

GRPC = "application/grpc"
TEXT = "application/grpc-web-text"


@pytest.mark.parametrize(
    "declared",
    ["application/grpc", "application/grpc+proto", "application/grpc-web", "application/grpc-web+proto",
     "application/grpc-web-text", "application/grpc-web-text+proto", "application/grpc+json", "application/connect+proto",
     "application/connect+json"],
)  # fmt: skip
def test_framed(declared: str) -> None:
    assert FRAMED.fullmatch(declared)


@pytest.mark.parametrize("declared", ["application/grpcx", "application/json", "application/proto", "text/grpc", ""])
def test_not_framed(declared: str) -> None:
    assert not FRAMED.fullmatch(declared)


def read(data: bytes, declared: str = GRPC, limits: Limits | None = None, **headers: str) -> list[bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [bytes(one) for one in read_frames(named, declared, memoryview(data), limits=limits or Limits())]


def test_messages() -> None:
    assert read(b"") == []
    assert read(frame(b"a") + frame(b"") + frame(b"bc")) == [b"a", b"", b"bc"]
    assert read(frame(b"a") + frame(b"x: y\r\n", 0x80)) == [b"a", b"x: y\r\n"]
    assert read(frame(b"{}", 2), "application/connect+json") == [b"{}"]
    assert read(frame(gzip.compress(b"abc"), 1), grpc_encoding="gzip") == [b"abc"]
    assert read(frame(gzip.compress(b"abc"), 3), connect_content_encoding="gzip") == [b"abc"]
    assert read(frame(b"", 1)) == [b""]


def test_base64() -> None:
    assert read(b64encode(frame(b"ab")), TEXT) == [b"ab"]
    assert read(b64encode(frame(b"ab")) + b64encode(frame(b"c")) + b"\r\n", TEXT) == [b"ab", b"c"]


@pytest.mark.parametrize(
    ("data", "declared", "headers", "error"),
    [
        pytest.param(frame(b"abc")[:-1], GRPC, {}, MalformedError, id="message cut"),
        pytest.param(b"\0\0\0", GRPC, {}, MalformedError, id="head cut"),
        pytest.param(frame(b"a") + b"x", GRPC, {}, MalformedError, id="bytes behind"),
        pytest.param(frame(b"a", 4), GRPC, {}, MalformedError, id="unknown flag"),
        pytest.param(frame(b"a", 1), GRPC, {}, MalformedError, id="compressed, nothing says how"),
        pytest.param(frame(b"a", 1), GRPC, {"grpc_encoding": "identity"}, MalformedError, id="compressed as nothing"),
        pytest.param(frame(b"a", 1), GRPC, {"grpc_encoding": "gzip"}, MalformedError, id="no gzip"),
        pytest.param(frame(b"a", 1), GRPC, {"grpc_encoding": "snappy"}, UnsupportedError, id="unknown coding"),
        pytest.param(b"AAAA?", TEXT, {}, MalformedError, id="no base64"),
        pytest.param(b"AAA", TEXT, {}, MalformedError, id="base64 cut"),
    ],
)
def test_refused(data: bytes, declared: str, headers: dict[str, str], error: type[ContentError]) -> None:
    with pytest.raises(error):
        read(data, declared, **headers)


def test_limits() -> None:
    with pytest.raises(LimitError):
        read(frame(b"") * 3, limits=Limits(max_members=2))
    with pytest.raises(LimitError):
        read(frame(gzip.compress(b"a" * 100), 1) * 2, limits=Limits(max_decoded_bytes=150), grpc_encoding="gzip")

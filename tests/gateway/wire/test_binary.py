"""Bodies of programs are told by their label or their content, and what they hold becomes pieces."""

from __future__ import annotations

import pytest

from gateway.errors import MalformedError
from gateway.limits import Limits
from gateway.parts import Piece
from gateway.transfer import Request
from gateway.wire.binary import read_binary
from tests.samples.messages import frame, message

ID = b"11010519491231002X"
ZIP = b"PK\x03\x04" + bytes(range(256)) * 2
MESSAGE = message((1, b"to"), (2, message((3, ID), (4, b"a.zip"), (5, ZIP))))
TEXT = Piece(b"to\n11010519491231002X\na.zip", field="protobuf", declared_type="text/plain")
FILE = Piece(ZIP, "a.zip", "protobuf", is_file=True)


def read(body: bytes, declared: str, limits: Limits | None = None) -> list[Piece] | None:
    return read_binary(Request(), memoryview(body), declared, limits=limits or Limits())


@pytest.mark.parametrize(
    ("body", "declared", "expected"),
    [
        pytest.param(MESSAGE, "application/x-protobuf", [TEXT, FILE], id="protobuf, as Feishu's page"),
        pytest.param(MESSAGE, "application/vnd.x+proto", [TEXT, FILE], id="protobuf by suffix"),
        pytest.param(MESSAGE, "application/octet-stream", [TEXT, FILE], id="protobuf by content"),
        pytest.param(MESSAGE, "", [TEXT, FILE], id="protobuf without label"),
        pytest.param(frame(MESSAGE), "application/grpc", [TEXT, FILE], id="gRPC"),
        pytest.param(
            frame(b'{"a":"b"}'),
            "application/grpc+json",
            [Piece(b"a: b\n", field="json", declared_type="text/plain"), Piece(b'{"a":"b"}', field="grpc")],
            id="gRPC, JSON",
        ),
        pytest.param(
            frame(b"\xff") + frame(b""), "application/grpc", [Piece(b"\xff", field="grpc")], id="gRPC, unknown"
        ),
        pytest.param(MESSAGE, "image/png", None, id="other label"),
        pytest.param(b"no message", "application/x-protobuf", None, id="label lies"),
        pytest.param(ZIP, "application/octet-stream", None, id="zip"),
        pytest.param(message((1, 1), (2, 2)), "application/octet-stream", None, id="numbers only"),
        pytest.param(message((1, 1), (2, 2)), "application/x-protobuf", [], id="numbers only, labelled"),
    ],
)
def test_read(body: bytes, declared: str, expected: list[Piece] | None) -> None:
    assert read(body, declared) == expected


def test_a_file_that_looks_like_a_message_is_not_refused() -> None:
    deep = b"\x08\0"
    for _ in range(40):
        deep = message((1, deep))
    assert read(deep, "application/octet-stream") is None


def test_broken_frames_are_refused() -> None:
    with pytest.raises(MalformedError):
        read(b"\0\0\0\0\5abc", "application/grpc")

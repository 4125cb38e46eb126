"""aws-chunked framing: what S3 clients send is undone, any deviation is refused."""

from __future__ import annotations

from io import BytesIO

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import LimitError, MalformedError
from gateway.limits import Limits
from gateway.wire.aws_chunked import is_streaming, undo_aws_chunked
from tests.samples.wire_samples import aws_chunks

SIGNED = b"3;chunk-signature=" + b"0f" * 32 + b"\r\nabc\r\n0;chunk-signature=" + b"1e" * 32 + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        pytest.param(b"0\r\n\r\n", {}, b"", id="nothing"),
        pytest.param(b"3\r\nabc\r\n0\r\n\r\n", {}, b"abc", id="one chunk"),
        pytest.param(aws_chunks(b"abc", b"de"), {}, b"abcde", id="two chunks and a trailer"),
        pytest.param(SIGNED, {}, b"abc", id="signed"),
        pytest.param(b"A\r\n0123456789\r\n0\r\n\r\n", {}, b"0123456789", id="upper-case size"),
        pytest.param(b"3\r\nabc\r\n0\r\n\r\n", {"x-amz-decoded-content-length": "3"}, b"abc", id="length as declared"),
        pytest.param(
            b"1\r\na\r\n0\r\nx-amz-checksum-crc32c:AA==\n\r\nx-amz-trailer-signature:0f\r\n\r\n",
            {},
            b"a",
            id="signed trailer as the S3 manual prints it",
        ),
    ],
)
def test_undone(body: bytes, headers: dict[str, str], expected: bytes) -> None:
    assert bytes(undo_aws_chunked(headers, body, limits=Limits())) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"plain text", id="not framed"),
        pytest.param(b"3\nabc\n0\n\n", id="LF only"),
        pytest.param(b" 3\r\nabc\r\n0\r\n\r\n", id="blank before the size"),
        pytest.param(b"0x3\r\nabc\r\n0\r\n\r\n", id="prefixed size"),
        pytest.param(b"-1\r\nabc\r\n0\r\n\r\n", id="negative size"),
        pytest.param(b"\xd9\xa3\r\nabc\r\n0\r\n\r\n", id="digit of another script"),
        pytest.param(b"3;x=y\r\nabc\r\n0\r\n\r\n", id="unknown extension"),
        pytest.param(b"2\r\nabc\r\n0\r\n\r\n", id="chunk longer than it says"),
        pytest.param(b"3\r\nabc__0\r\n\r\n", id="no line end after a chunk"),
        pytest.param(b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n", id="chunk shorter than it says"),
        pytest.param(b"3\r\nabc\r\n", id="no last chunk"),
        pytest.param(b"3\r\nabc\r\n0\r\n", id="no last line"),
        pytest.param(b"3\r\nabc\r\n0\r\n\r\nmore", id="bytes after the end"),
        pytest.param(b"0\r\n" + b"x-amz-a:b\r\n" * 400 + b"\r\n", id="too many trailers"),
        pytest.param(b"3\r\nabc\r\n0\r\nsecret: 1\r\n\r\n", id="unknown trailer"),
        pytest.param(b"0" * 400 + b"3\r\nabc\r\n0\r\n\r\n", id="endless size"),
    ],
)
def test_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        undo_aws_chunked({}, body, limits=Limits())


@pytest.mark.parametrize("declared", ["2", "4", "three", "-3"])
def test_other_length_than_declared(declared: str) -> None:
    with pytest.raises(MalformedError):
        undo_aws_chunked({"x-amz-decoded-content-length": declared}, b"3\r\nabc\r\n0\r\n\r\n", limits=Limits())


def test_tiny_chunks_are_counted() -> None:
    limits = Limits(max_members=3)
    assert bytes(undo_aws_chunked({}, aws_chunks(b"a", b"b", b"c"), limits=limits)) == b"abc"
    with pytest.raises(LimitError) as caught:
        undo_aws_chunked({}, aws_chunks(b"a", b"b", b"c", b"d"), limits=limits)
    assert caught.value.allowed == 3


def test_one_chunk_is_not_copied() -> None:
    body = memoryview(aws_chunks(b"x" * 1000))
    content = undo_aws_chunked({}, body, limits=Limits())
    assert isinstance(content, memoryview)
    assert content.obj is body.obj


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("STREAMING-UNSIGNED-PAYLOAD-TRAILER", True, id="unsigned"),
        pytest.param("streaming-aws4-hmac-sha256-payload", True, id="lower case"),
        pytest.param("UNSIGNED-PAYLOAD", False, id="not framed"),
        pytest.param("", False, id="no value"),
    ],
)
def test_is_streaming(value: str, *, expected: bool) -> None:
    assert is_streaming({"x-amz-content-sha256": value}) is expected


def test_is_streaming_without_header() -> None:
    assert is_streaming({}) is False


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(1, 64))
def test_what_boto3_sends(content: bytes, chunk_bytes: int) -> None:
    wrapper = AwsChunkedWrapper(
        BytesIO(content), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=chunk_bytes
    )
    assert bytes(undo_aws_chunked({}, wrapper.read(), limits=Limits())) == content


def test_every_truncation_is_refused() -> None:
    body = aws_chunks(b"abc", b"de")
    for end in range(len(body)):
        with pytest.raises(MalformedError):
            undo_aws_chunked({}, body[:end], limits=Limits())

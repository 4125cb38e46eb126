"""Builders of request bodies as clients send them, independent of the readers under test."""

from __future__ import annotations

from collections.abc import Iterable

CRLF = b"\r\n"
BOUNDARY = b"----sluice7MA4YWxkTrZu0gW"
FORM_TYPE = b"multipart/form-data; boundary=" + BOUNDARY


def multipart(parts: Iterable[tuple[Iterable[bytes], bytes]], *, boundary: bytes = BOUNDARY) -> bytes:
    """A multipart body of (header lines, content) pairs, by RFC 2046."""
    body = b"".join(
        b"--" + boundary + CRLF + b"".join(line + CRLF for line in headers) + CRLF + content + CRLF
        for headers, content in parts
    )
    return body + b"--" + boundary + b"--" + CRLF


def form_part(
    name: str, content: bytes, *, file_name: str | None = None, content_type: str = ""
) -> tuple[list[bytes], bytes]:
    """One form-data part as a browser writes it."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if file_name is not None:
        disposition += f'; filename="{file_name}"'
    lines = [disposition.encode()]
    if content_type:
        lines.append(f"Content-Type: {content_type}".encode())
    return lines, content


def aws_chunks(*chunks: bytes, trailer: bytes = b"x-amz-checksum-crc32:AAAAAA==\r\n") -> bytes:
    """The chunks in aws-chunked framing, as boto3 sends them over TLS."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + b"0\r\n" + trailer + b"\r\n"

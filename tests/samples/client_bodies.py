"""Uploads as ordinary clients write them, to the byte: none of them may be refused for its framing."""

from __future__ import annotations

from dataclasses import dataclass, field

FILE = b"A 1.4-page report\r\n--not a boundary\n"
"""A file with line ends and dashes in it."""


@dataclass(frozen=True)
class Upload:
    """One body, and what everybody reads of it."""

    content_type: bytes
    data: bytes
    file_name: str = "report 1.pdf"
    fields: dict[str, bytes] = field(default_factory=lambda: {"note": "说明".encode()})


def upload(
    boundary: str,
    rows: str,
    closing: str = "--{b}--\r\n",
    label: str = "multipart/form-data; boundary={b}",
    **facts: object,
) -> Upload:
    """`rows` has one line per line of the body, `{b}` where the boundary stands, `{file}` where the file does."""
    text = "\r\n".join(line.strip() for line in rows.strip().splitlines()) + "\r\n" + closing
    head, _, rest = text.replace("{b}", boundary).partition("{file}")
    return Upload(label.replace("{b}", boundary).encode(), head.encode() + FILE + rest.encode(), **facts)  # type: ignore[arg-type]


CLIENTS = {
    "Chromium": upload("----WebKitFormBoundary7MA4YWxkTrZu0gW", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "Firefox": upload("----geckoformboundary6c8e4b1f7d2a93e5", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "Firefox, before 2023": upload("---------------------------41184676334", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "curl": upload("------------------------d74496d66958873e", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "Java, Apache HttpClient": upload("Zx5mJ7kQq0d3TtVfS9yLbN2w", """
        --{b}
        Content-Disposition: form-data; name="note"
        Content-Type: text/plain; charset=UTF-8
        Content-Transfer-Encoding: 8bit

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/octet-stream
        Content-Transfer-Encoding: binary

        {file}"""),
    "Java, OkHttp": upload("8d2c1f0a-3b7e-4f53-9a61-5e0c7b1d2f34", """
        --{b}
        Content-Disposition: form-data; name="note"
        Content-Length: 6

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf
        Content-Length: 36

        {file}"""),
    ".NET HttpClient": upload("5f3c1d2e-8b4a-4c6d-9e7f-0a1b2c3d4e5f", """
        --{b}
        Content-Type: text/plain; charset=utf-8
        Content-Disposition: form-data; name=note

        说明
        --{b}
        Content-Disposition: form-data; name=file; filename="report 1.pdf"; filename*=utf-8''report%201.pdf

        {file}""", label='multipart/form-data; boundary="{b}"'),
    "Python, email package": upload("===============0123456789012345678==", """
        --{b}
        Content-Type: text/plain; charset="utf-8"
        MIME-Version: 1.0
        Content-Transfer-Encoding: 8bit
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Type: application/pdf
        MIME-Version: 1.0
        Content-Transfer-Encoding: binary
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"

        {file}""", label='multipart/form-data; boundary="{b}"'),
    "Go, mime/multipart": upload("b5c1e2f3a4d5968778695a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/octet-stream

        {file}"""),
    "Node, form-data": upload("--------------------------358291047362518402937461", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "axios in a page, no last line end": upload("axios-1.7.2-boundary-Q2hFmKX3n8", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}""", closing="--{b}--"),
    "Swift, Alamofire": upload("alamofire.boundary.9a1b2c3d4e5f6071", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "Dart, dio": upload("--dio-boundary-3218764590", """
        --{b}
        content-disposition: form-data; name="note"

        说明
        --{b}
        content-disposition: form-data; name="file"; filename="report 1.pdf"
        content-type: application/pdf

        {file}"""),
    "Rust, reqwest": upload("7d8f3a2b1c0e9d4f-5a6b7c8d9e0f1a2b-3c4d5e6f7a8b9c0d-1e2f3a4b5c6d7e8f", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}"""),
    "PHP, Guzzle": upload("c0ffee1234567890abcdef1234567890abcdef12", """
        --{b}
        Content-Disposition: form-data; name="note"
        Content-Length: 6

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Length: 36
        Content-Type: application/pdf

        {file}"""),
    "WeCom manual": upload("-------------------------acebdf13572468", """
        --{b}
        Content-Disposition: form-data; name="file";filename="report 1.pdf"; filelength=36
        Content-Type: application/octet-stream

        {file}""", fields={}),
    "Qt": upload("boundary_.oOo._MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", """
        --{b}
        Content-Disposition: form-data; name="note"

        说明
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"
        Content-Type: application/pdf

        {file}""", label='multipart/form-data; boundary="{b}"'),
    "no type of the file": upload("b", """
        --{b}
        Content-Disposition: form-data; name="file"; filename="report 1.pdf"

        {file}""", fields={}),
}  # fmt: skip
"""Client → what it sends for one field and one file."""

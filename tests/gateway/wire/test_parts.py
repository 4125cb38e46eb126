"""Multipart bodies as clients send them: every part is a piece, with each of its readings."""

from __future__ import annotations

import gzip
from base64 import b64encode, encodebytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from gateway.errors import ContentError, LimitError, MalformedError, UnsupportedError
from gateway.limits import MIB, Limits
from gateway.wire.parts import read_multipart
from tests.samples.wire_samples import BOUNDARY, CRLF, FORM_TYPE, form_part, multipart

RELATED = b"multipart/related; boundary=" + BOUNDARY
MIXED = b"multipart/mixed; boundary=" + BOUNDARY


def read(body: bytes, content_type: bytes = FORM_TYPE, **limits: int) -> list[tuple[str, str, bool, bytes]]:
    found = read_multipart(body, content_type, limits=Limits(**limits))
    return [(piece.field, piece.name, piece.is_file, bytes(piece.data)) for piece in found]


def one(*headers: str | bytes, content: bytes = b"x") -> bytes:
    return multipart([([line if isinstance(line, bytes) else line.encode() for line in headers], content)])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            multipart([form_part("to", b"a"), form_part("file", b"x", file_name="a.txt", content_type="text/plain")]),
            [("to", "", False, b"a"), ("file", "a.txt", True, b"x")],
            id="browser",
        ),
        pytest.param(
            one('Content-Disposition: form-data; name="media";filename="x.txt"; filelength=6'),
            [("media", "x.txt", True, b"x")],
            id="WeCom",
        ),
        pytest.param(
            multipart([form_part("file_name", "合同.txt".encode()), form_part("file", b"x")]),
            [("file_name", "", False, "合同.txt".encode()), ("file", "合同.txt", True, b"x")],
            id="Feishu, no file name of its own",
        ),
        pytest.param(
            multipart([form_part("attributes", b'{"name":"q.txt"}'), form_part("file", b"x", file_name="")]),
            [
                ("attributes", "", False, b'{"name":"q.txt"}'),
                ("json", "", False, b"name: q.txt\n"),
                ("file", "q.txt", True, b"x"),
            ],
            id="Box, empty file name",
        ),
        pytest.param(
            one("Content-Disposition: form-data; name=a", "Content-Type: text/plain; charset=utf-16le", content=b"1\0"),
            [("a", "a", True, b"1\0"), ("a", "a", True, b"1")],
            id="character set of a part",
        ),
        pytest.param(
            one('Content-Disposition: form-data; name="f"; filename="&#49;.txt"'),
            [("f", "&#49;.txt", True, b"x"), ("headers", "", False, b"filename=1.txt")],
            id="name as Django reads it",
        ),
        pytest.param(
            one('Content-Disposition: form-data; name="合同.docx"; filename="blob"'.encode("gbk")),
            [("合同.docx", "blob", True, b"x"), ("names", "", False, "合同.docx".encode())],
            id="iCloud, file name in the field name",
        ),
        pytest.param(
            one('Content-Disposition: form-data; name="f"', "Content-Type: application/pdf"),
            [("f", "f", True, b"x")],
            id="type that is no text",
        ),
        pytest.param(
            one('Content-Disposition: form-data; name="f"', 'Content-Type: text/plain; name="n.txt"'),
            [("f", "n.txt", True, b"x")],
            id="name in Content-Type",
        ),
        pytest.param(
            one("Content-Disposition: form-data; name=f", "Content-Type: a name without any form"),
            [("f", "", False, b"x")],
            id="Content-Type of no form",
        ),
        pytest.param(
            one("X-Note: hello"), [("", "", False, b"x"), ("headers", "", False, b"x-note: hello")], id="other"
        ),
        pytest.param(
            one("Content-Disposition: form-data; name=f; note=hello; filename=a.txt; filename*=utf-8''b.txt"),
            [("f", "b.txt", True, b"x"), ("headers", "", False, b"note=hello\nfilename=a.txt")],
            id="parameters nobody reads",
        ),
        pytest.param(
            b"pre" + CRLF + one("A: 1") + b"post",
            [
                ("", "", False, b"x"),
                ("headers", "", False, b"a: 1"),
                ("preamble", "", False, b"pre"),
                ("epilogue", "", False, CRLF + b"post"),
            ],
            id="text outside",
        ),
        pytest.param(
            b"A: 1\r\n\r\npre" + CRLF + one("Digest: 1") + CRLF * 40,
            [
                ("", "", False, b"x"),
                ("preamble", "", False, b"A: 1\r\n\r\npre"),
                ("preamble", "", False, b"pre"),
                ("epilogue", "", False, CRLF * 41),
                ("epilogue", "", False, CRLF * 39),
            ],
            id="preamble as Tornado reads it, many line ends after",
        ),
        pytest.param(multipart([]), [], id="empty form"),
    ],
)
def test_forms(body: bytes, expected: list[tuple[str, str, bool, bytes]]) -> None:
    assert read(body) == expected


@pytest.mark.parametrize(
    ("headers", "content", "readings"),
    [
        pytest.param(["Content-Transfer-Encoding: binary"], b"x", [b"x"], id="binary"),
        pytest.param(["Content-Transfer-Encoding: 8BIT"], b"x", [b"x"], id="8bit"),
        pytest.param(["Content-Transfer-Encoding: Base64"], b"aGk=\r\n", [b"aGk=\r\n", b"hi"], id="base64"),
        pytest.param(["Content-Transfer-Encoding: base64"], b"", [b"", b""], id="base64 of nothing"),
        pytest.param(
            ["Content-Transfer-Encoding: quoted-printable"],
            b"a=3D=\r\nb",
            [b"a=3D=\r\nb", b"a=b"],
            id="quoted-printable",
        ),
        pytest.param(["Content-Encoding: gzip"], gzip.compress(b"hi"), [gzip.compress(b"hi"), b"hi"], id="gzip"),
        pytest.param(
            ["Content-Transfer-Encoding: base64", "Content-Encoding: gzip"],
            b64encode(gzip.compress(b"hi")),
            [b64encode(gzip.compress(b"hi")), b"hi"],
            id="both",
        ),
    ],
)
def test_readings(headers: list[str], content: bytes, readings: list[bytes]) -> None:
    found = read(one("Content-Disposition: form-data; name=f; filename=a", *headers, content=content))
    assert found == [("f", "a", True, reading) for reading in readings]


@pytest.mark.parametrize(
    ("headers", "content", "error"),
    [
        pytest.param(["Content-Transfer-Encoding: base64"], b"aG!k", MalformedError, id="no base64"),
        pytest.param(["Content-Transfer-Encoding: quoted-printable"], b"=zz", MalformedError, id="no quoted-printable"),
        pytest.param(["Content-Transfer-Encoding: x-uuencode"], b"x", UnsupportedError, id="uuencode"),
        pytest.param(["Content-Encoding: gzip"], b"x", MalformedError, id="no gzip"),
        pytest.param(["Content-Encoding: gzip"], gzip.compress(bytes(9 * MIB)), LimitError, id="bomb"),
        pytest.param(["Content-Disposition: form-data; name=a; name=b"], b"x", MalformedError, id="two names"),
        pytest.param(["Content-Type: text/plain; name"], b"x", MalformedError, id="damaged name"),
        pytest.param(["Content-Type: multipart/mixed; boundary=c"], b"x", MalformedError, id="nested without boundary"),
        pytest.param(["Content-Type: x, multipart/mixed; boundary=c"], b"--c--", MalformedError, id="two types"),
    ],
)
def test_refused(headers: list[str], content: bytes, error: type[ContentError]) -> None:
    with pytest.raises(error):
        read(one(*headers, content=content))


def test_decoded_parts_share_one_limit() -> None:
    part = ([b"Content-Encoding: gzip"], gzip.compress(bytes(600)))
    assert len(read(multipart([part]), max_decoded_bytes=1000)) == 2
    with pytest.raises(LimitError) as caught:
        read(multipart([part, part]), max_decoded_bytes=1000)
    assert caught.value.limit == "max_decoded_bytes"


NESTED = multipart(
    [([b'Content-Disposition: file; filename="a.txt"'], b"1"), ([b'Content-Disposition: file; filename="b"'], b"2")],
    boundary=b"inner",
)


def test_nested() -> None:
    body = one(
        "Content-Disposition: form-data; name=f", "Content-Type: multipart/mixed; boundary=inner", content=NESTED
    )
    assert read(body) == [("f", "", False, NESTED), ("", "a.txt", True, b"1"), ("", "b", True, b"2")]
    with pytest.raises(LimitError) as caught:
        read(body, max_depth=1)
    assert caught.value.limit == "max_depth"


def test_parts_of_nested_bodies_are_counted_together() -> None:
    body = one("Content-Type: multipart/mixed; boundary=inner", content=NESTED)
    assert len(read(body, max_parts=3)) == 3
    with pytest.raises(LimitError) as caught:
        read(body, max_parts=2)
    assert caught.value.limit == "max_parts"


def test_saved_page_without_boundary_is_a_file() -> None:
    body = one("Content-Disposition: form-data; name=f; filename=p.mht", "Content-Type: multipart/related")
    assert read(body) == [("f", "p.mht", True, b"x")]


def test_related_as_google_clients_send_it() -> None:
    body = multipart(
        [
            ([b"Content-Type: application/json", b"MIME-Version: 1.0"], b'{"name": "a.pdf"}'),
            ([b"Content-Type: text/plain", b"Content-Transfer-Encoding: binary"], b"x"),
        ]
    )
    parts = [
        ("", "", False, b'{"name": "a.pdf"}'),
        ("json", "", False, b"name: a.pdf\n"),
        ("", "a.pdf", True, b"x"),
    ]
    assert read(body, RELATED) == parts
    lines = body.replace(CRLF, b"\n")
    assert read(lines, RELATED) == [*parts, ("body", "", False, lines)]


def test_mail_of_the_standard_library() -> None:
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = "x"
    mail.set_content("see attachment\r\n")
    mail.add_attachment(bytes(range(200)), maintype="application", subtype="pdf", filename="合同.pdf")
    head, _, body = mail.as_bytes().partition(b"\r\n\r\n")
    boundary = head.partition(b'boundary="')[2].partition(b'"')[0]
    found = read(body, b"multipart/mixed; boundary=" + boundary)
    assert found[1] == ("", "合同.pdf", True, encodebytes(bytes(range(200))).replace(b"\n", CRLF))
    assert found[2] == ("", "合同.pdf", True, bytes(range(200)))


def test_truncated_at_every_byte_and_with_every_bit_flipped() -> None:
    body = multipart([form_part("a", b"11"), form_part("f", b"22", file_name="x", content_type="text/plain")])
    damaged = [body[:end] for end in range(len(body))]
    for bit in range(len(body) * 8):
        flipped = bytearray(body)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for sample in damaged:
        try:
            found = read(sample)
        except ContentError:
            continue
        # Readable still: a header changed, a delimiter is none any more, or the last line end is gone.
        read_bytes = b"".join(data for _, _, _, data in found)
        assert b"1" in read_bytes
        assert b"2" in read_bytes

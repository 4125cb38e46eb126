"""What protects a PDF that asks for a password."""

import os
import zlib

import pytest

from gateway.content.pdf_encryption import pdf_encryption
from gateway.errors import MalformedError
from tests.samples.office import pdf_bytes, pdf_encrypted

NOISE = os.urandom(300)


def document(dictionary, *more, reference=b"/Encrypt 7 0 R"):
    """The skeleton of an encrypted PDF with this encryption dictionary."""
    objects = b"".join(more)
    return (
        b"%PDF-2.0\n7 0 obj\n<< " + dictionary + b" >>\nendobj\n" + objects + b"trailer << " + reference + b" >>\n%%EOF"
    )


def dictionary(revision, *, method=b"AESV3", streams=b"/StmF /StdCF", version=5):
    head = b"/Filter /Standard /V %d /R %d /Length 256 " % (version, revision)
    return head + b"/CF << /StdCF << /CFM /%s >> >> %s /StrF /StdCF" % (method, streams)


@pytest.mark.parametrize(
    ("revision", "scheme", "grade"),
    [
        (2, "pdf-r2", "weak"),
        (3, "pdf-r3", "weak"),
        (4, "pdf-r4", "weak"),
        (5, "pdf-r5", "weak"),
        (6, "pdf-r6", "strong"),
    ],
)
def test_each_revision_as_a_real_program_writes_it(revision, scheme, grade):
    encryption = pdf_encryption(pdf_encrypted(pdf_bytes("words " * 50), revision))
    assert (encryption.scheme, encryption.grade, encryption.names_visible) == (scheme, grade, False)


R6 = dictionary(6)


@pytest.mark.parametrize(
    ("content", "scheme", "grade"),
    [
        pytest.param(document(R6), "pdf-r6", "strong", id="R6"),
        pytest.param(document(R6, reference=b"/Encrypt << " + R6 + b">>"), "pdf-r6", "strong", id="in the trailer"),
        pytest.param(document(R6 + b" endobj /R 2"), "pdf-r6", "strong", id="what follows does not count"),
        pytest.param(document(R6 + b"/R2 9 0 R"), "pdf-r6", "strong", id="a name like R"),
        pytest.param(document(dictionary(6, streams=b"/StmF /Identity")), "pdf-r6", "partial", id="streams are plain"),
        pytest.param(document(dictionary(6, streams=b"")), "pdf-r6", "partial", id="no filter for streams"),
        pytest.param(document(dictionary(6, method=b"AESV2")), "pdf-r6", "partial", id="R6 with AES-128"),
        pytest.param(document(R6, b"7 0 obj <</V 2 /R 3>> endobj\n"), "pdf-r3", "weak", id="two objects of that number"),
        pytest.param(document(b"/Filter /Adobe.PubSec /CF <</D <</CFM /AESV3>>>>"), "pdf-pubsec", "strong", id="key, AES-256"),
        pytest.param(document(b"/Filter /Adobe.PubSec /CF <</D <</CFM /AESV2>>>>"), "pdf-pubsec", "weak", id="key, AES-128"),
        pytest.param(document(b"/Filter /Unknown"), "pdf-unknown", "weak", id="another handler"),
        pytest.param(document(R6, reference=b""), "pdf-unknown", "weak", id="no reference"),
        pytest.param(document(R6, b"1 0 obj <</Filter /FlateDecode>> stream\n" + NOISE), "pdf-r6", "strong", id="random stream"),
        pytest.param(
            document(R6, b"1 0 obj <</Type /XRef /Filter /FlateDecode>> stream\n" + zlib.compress(bytes(99))), "pdf-r6", "strong", id="xref stream"
        ),
        pytest.param(document(R6, b"1 0 obj <<>> stream\nwords" + NOISE), "pdf-r6", "strong", id="stream that is not packed"),
        pytest.param(
            document(R6, b"1 0 obj <</Filter /FlateDecode>> stream\n" + zlib.compress(b"tiny")), "pdf-r6", "strong", id="too little to tell"
        ),
        pytest.param(document(R6, b"1 0 obj <<>> stream\n" * 99), "pdf-r6", "strong", id="many streams"),
        pytest.param(document(R6, reference=b"".join(b"/Encrypt %d 0 R" % n for n in range(99))), "pdf-unknown", "weak", id="more references than are looked at"),
    ],
)  # fmt: skip
def test_dictionaries(content, scheme, grade):
    encryption = pdf_encryption(content)
    assert (encryption.scheme, encryption.grade) == (scheme, grade)


def test_streams_that_unpack_without_a_key():
    plain = b"1 0 obj <</Filter /FlateDecode>> stream\r\n" + zlib.compress(b"BT (words) Tj ET " * 20)
    with pytest.raises(MalformedError, match="plain"):
        pdf_encryption(document(R6, plain))

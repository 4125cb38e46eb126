"""Messages: whatever framing a library puts around it, the text and the files of a message come out."""

from base64 import b64encode

import pytest

from gateway.errors import LimitError
from gateway.limits import Limits
from gateway.transfer import Request
from gateway.wire.frames.messages import MESSAGE, read_message

param = pytest.param
LIMITS = Limits()
FILE = b"%PDF-1.7 " + b"x" * 1200
BASE64 = b64encode(FILE)


def pieces(body: bytes, content_type: str = "text/plain", **headers: str):
    request = Request(MESSAGE, path="/110105", headers={"content-type": content_type, **headers})
    return read_message(request, body, limits=LIMITS)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        param(b'{"type":"message","text":"hello"}', b"type: message\ntext: hello\n", id="JSON"),
        param(b'42["chat",{"text":"hello"}]', b"chat\ntext: hello\n", id="Socket.IO"),
        param(b'42/room,17["chat","hello"]', b"chat\nhello\n", id="Socket.IO with namespace and id"),
        param(b'451-["file",{"num":0}]', b"file\n", id="Socket.IO with attachments"),
        param(b'a["{\\"text\\":\\"hello\\"}"]', b"text: hello\n", id="SockJS"),
        param(b'SEND\ndestination:/q\n\n{"text":"hello"}\0', b"text: hello\n", id="STOMP"),
        param(b'MESSAGE\r\nto:x\r\n\r\n{"text":"hello"}', b"text: hello\n", id="CRLF head"),
    ],
)
def test_json_is_found_in_its_framing(body, text):
    found = pieces(body)
    assert [piece.field for piece in found[:2]] == ["body", "json"]
    assert (bytes(found[0].data), text in bytes(found[1].data)) == (body, True)
    assert not any(piece.is_file for piece in found)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        param(b'{"lwp":"/x","file":"' + BASE64 + b'"}', "text/plain", id="in JSON"),
        param(b'42["up",{"data":"' + BASE64 + b'"}]', "text/plain", id="in Socket.IO"),
        param(BASE64, "text/plain", id="the text itself"),
        param(b"data:application/pdf;base64," + BASE64, "text/plain", id="data URL"),
        param(b'{"file":"' + BASE64 + b'"}', "application/octet-stream", id="JSON in a binary message"),
    ],
)
def test_files_in_text_come_out(body, content_type):
    found = [piece for piece in pieces(body, content_type) if bytes(piece.data) == FILE]
    assert [piece.is_file for piece in found] == [True]


@pytest.mark.parametrize("body", [b"hello", b"2probe", b"42", b"\n\n", b"a", b'{"broken', b"7[" + b"9" * 40])
def test_text_is_read_as_it_stands(body):
    assert bytes(pieces(body)[0].data) == body
    assert not pieces(body)[0].is_file


def test_a_binary_message_is_a_file():
    (piece,) = pieces(b"\x00\x01PK", "application/octet-stream")
    assert (bytes(piece.data), piece.is_file, piece.field) == (b"\x00\x01PK", True, "body")


def test_a_file_in_a_protobuf_message_comes_out():
    data = b"\x00\xff" + FILE
    message = b"\x0a\x05a.pdf\x12" + bytes([0x80 | len(data) & 0x7F, len(data) >> 7]) + data
    found = pieces(message, "application/octet-stream")
    assert [piece.is_file for piece in found if bytes(piece.data) == data] == [True]
    assert (bytes(found[0].data), found[0].is_file) == (message, False)


def test_an_empty_message_has_nothing():
    assert pieces(b"") == ()


def test_a_file_put_together_has_its_name():
    header = {"content-disposition": "attachment; filename*=UTF-8''%E5%90%8D%E5%8D%95.pdf"}
    (piece,) = pieces(FILE, "application/octet-stream", **header)
    assert (bytes(piece.data), piece.name, piece.is_file) == (FILE, "名单.pdf", True)


def test_the_head_of_the_handshake_is_not_read_again():
    assert not any(b"110105" in bytes(piece.data) for piece in pieces(b"hello"))


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        param(b"x" * (LIMITS.max_websocket_message_bytes + 1), "max_websocket_message_bytes", id="length"),
        param(b"[" * 200, "max_json_depth", id="depth"),
        param(b"42" + b"[" * 200, "max_json_depth", id="depth in Socket.IO"),
    ],
)
def test_bounds(body, limit):
    with pytest.raises(LimitError) as refused:
        pieces(body)
    assert refused.value.limit == limit


def test_a_file_may_be_longer_than_a_message():
    header = {"content-disposition": "attachment"}
    assert len(pieces(b"x" * (LIMITS.max_websocket_message_bytes + 1), **header)) == 1

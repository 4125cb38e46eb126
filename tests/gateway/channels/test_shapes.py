"""Shapes alone: what `test_protocols` cannot tell apart because another shape is asked first."""

import pytest

from gateway.channels import shapes

SHAPES = [getattr(shapes, name) for name in dir(shapes) if name.startswith("is_")]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize(
    "data",
    [b"", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"POST http://a.example/ HTTP/1.1\r\n", b"{", bytes(2048)],
    ids=["nothing", "GET", "POST", "JSON", "zeros"],
)
def test_no_shape_takes_what_is_none(shape, data):
    assert not shape(data)


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n", b"\x00\x01", b"a b", b"seventeencharacter LOGIN"])
def test_no_line_protocol(data):
    assert shapes.line_protocol(data) == ""


@pytest.mark.parametrize(
    ("data", "is_plain"),
    [
        pytest.param(b"\0\0\0\0\0\0CHECKIN\0\0\0\0\0\x3a\0\0\0", True, id="method and zeros"),
        pytest.param(b"\0\0\0\0\0\0ABC\0\0\0\0\0\0\0\0\0\x3a\0\0\0", False, id="a name too short"),
        pytest.param(b"\0\0\0\0\0\0CHECKIN\0\0\0\0\x08\x3a\0\0\0", False, id="another body than BSON"),
        pytest.param(b"\0\0\0\0\0\0CHECKIN\0\0\0\0\0\x3a\0\0", False, id="a byte short"),
    ],
)
def test_plain_packet_of_loco(data, is_plain):
    assert shapes.is_loco(data) is is_plain


def test_question_that_ends_beyond_what_came():
    assert not shapes.is_dns(b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x3fexample")

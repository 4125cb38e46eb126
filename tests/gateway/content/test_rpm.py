"""RPM packages."""

import pytest

from gateway.content.reading import Budget, Source
from gateway.content.rpm import read_rpm
from gateway.errors import MalformedError
from gateway.limits import Limits


def read(data):
    return read_rpm(Source(data, "", "application/x-rpm", Limits(), Budget()))


def header(store, entries=1):
    return (
        b"\x8e\xad\xe8\x01"
        + bytes(4)
        + entries.to_bytes(4, "big")
        + len(store).to_bytes(4, "big")
        + bytes(16 * entries)
        + store
    )


LEAD = b"\xed\xab\xee\xdb" + bytes(92)
PACKAGE = LEAD + header(b"sig") + bytes(5) + header(b"contract-tools\0summary of 13800138000\0")


def test_headers_are_text_and_the_payload_is_a_member():
    reading = read(PACKAGE + b"payload")
    assert "13800138000" in reading.texts[0].text
    assert [(member.name, member.data) for member in reading.members] == [("(payload)", b"payload")]


def test_a_package_of_headers():
    assert list(read(PACKAGE).members) == []


@pytest.mark.parametrize("length", [90, 100, 120, len(PACKAGE) - 1])
def test_cut_off(length):
    with pytest.raises(MalformedError):
        read(PACKAGE[:length])


def test_no_header():
    with pytest.raises(MalformedError):
        read(LEAD + bytes(100))

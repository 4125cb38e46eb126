"""ClientHellos of a real client, whole and in pieces, and what is none."""

import ssl

import pytest

from addons.hello import Hello, read_hello

RECORD = b"\x16\x03\x01\x40\x00"
"""Head of the longest record; two of them pass MAX_HELLO_BYTES."""


def hello(name: str | None = "app.bank.example", alpn: tuple[str, ...] = ()) -> bytes:
    """What Python's own client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def with_extension(data: bytes, kind: int, body: bytes) -> bytes:
    """The ClientHello with one extension more; lengths mended."""
    added = kind.to_bytes(2) + len(body).to_bytes(2) + body
    # record header 5, handshake header 4, version 2, random 32
    at = 43
    at += 1 + data[at]
    at += 2 + int.from_bytes(data[at : at + 2])
    at += 1 + data[at]
    total = int.from_bytes(data[at : at + 2]) + len(added)
    inner = data[9:at] + total.to_bytes(2) + data[at + 2 :] + added
    return data[:3] + (len(inner) + 4).to_bytes(2) + data[5:6] + len(inner).to_bytes(3) + inner


def test_name_and_protocols():
    assert read_hello(hello("App.Bank.Example", ("h2", "http/1.1"))) == Hello("app.bank.example", (b"h2", b"http/1.1"))


def test_no_name():
    assert read_hello(hello(None)) == Hello()


def test_a_hidden_name_is_noticed():
    found = read_hello(with_extension(hello(), 0xFE0D, b"\x00" * 40))
    assert (found.sni, found.hides_name) == ("app.bank.example", True)


def test_every_beginning_is_waited_for():
    whole = hello()
    assert {read_hello(whole[:length]) for length in range(3, len(whole))} == {None}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", id="another message"),
        pytest.param(b"\x17\x03\x03\x00\x05hello", id="data"),
        pytest.param(b"\x16\x03\x01\x00\x09\x01\x00\x00\x05\x03\x03abc", id="too short for its fields"),
        pytest.param(RECORD + b"\x01\x00\xff\xff" + bytes(0x3FFC) + RECORD + bytes(0x4000), id="too long"),
    ],
)
def test_what_is_none(data):
    with pytest.raises(ValueError, match="ClientHello"):
        read_hello(data)


def test_flipped_bits_do_no_harm():
    whole = hello()
    for bit in range(len(whole) * 8):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        try:
            found = read_hello(bytes(broken))
        except ValueError:
            continue
        assert found is None or isinstance(found, Hello)

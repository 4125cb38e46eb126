"""Names of protocols: shapes built by hand, and neighbours that must not be taken for them."""

import pytest
from pytest import param

from gateway.channels.protocols import FAMILIES, HOSTS, NETWORKS, PORTS, PROTOCOLS, SPEAKS_FIRST, ZONES, recognise
from gateway.policy.builtin import BUILTIN
from gateway.transfer import Category

HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
DNS = b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
LWP = bytes.fromhex("10 5e 87800100 01000200 02646b03 0020") + bytes(80)


@pytest.mark.parametrize(
    ("first", "host", "port", "name"),
    [
        param(b"\x19\xf1\x04\x00\x9d" + bytes(157), "a.example", 80, "mmtls", id="MMTLS, first record"),
        param(b"\x16\xf1\x03\x00\x10", "a.example", 8080, "mmtls", id="MMTLS, older"),
        param(b"\x00\x0e\x02\x37\x13\x08\x25\x31\x01\x04\x04\x04\x04\x03", "a.example", 443, "qq", id="QQ, frame"),
        param(bytes.fromhex("000000200000000d01") + bytes(23), "a.example", 8080, "qq", id="QQ, app"),
        param(LWP, "a.example", 443, "lwp", id="DingTalk"),
        param(b"\xef\x0a" + bytes(40), "a.example", 443, "mtproto", id="MTProto, abridged"),
        param(b"\xef\x7f\x00\x01\x00", "a.example", 443, "mtproto", id="MTProto, abridged, long"),
        param(b"\xee\xee\xee\xee\x28\x00\x00\x00", "a.example", 443, "mtproto", id="MTProto, intermediate"),
        param(b"\xdd\xdd\xdd\xdd\x2c\x00\x00\x00", "a.example", 443, "mtproto", id="MTProto, padded"),
        param(b"\x9a\x41\x77" * 30, "149.154.167.51", 443, "mtproto", id="MTProto, obfuscated"),
        param(b"\x9a\x41\x77" * 30, "2001:67c:4e8:f002::a", 443, "mtproto", id="MTProto, obfuscated, IPv6"),
        param(b"WA\x06\x03\x00\x00\x24", "a.example", 443, "noise", id="WhatsApp"),
        param(b"ED\x00\x01\x00\x00\x04\x08\x09WA\x06\x03", "a.example", 5222, "noise", id="WhatsApp, routed"),
        param(b"\x77" * 30, "g.whatsapp.net", 443, "noise", id="WhatsApp by host"),
        param(bytes.fromhex("00010000 0c000000 02000000") + b"\x80" * 256, "a.example", 5228, "loco", id="LOCO"),
        param(b"\0\0\0\0\0\0GETCONF\0\0\0\0\0\x3a\0\0\0", "a.example", 443, "loco", id="LOCO, plain"),
        param(b"\x77" * 30, "gd2.line.naver.jp", 443, "line", id="LINE by host"),
        param(b"\x77" * 30, "147.92.191.10", 443, "line", id="LINE by address"),
        param(b"SSH-2.0-OpenSSH_9.6\r\n", "a.example", 443, "ssh", id="SSH"),
        param(b"EHLO me.example\r\n", "a.example", 2525, "smtp", id="SMTP"),
        param(b"220 mx.example ESMTP\r\n", "a.example", 443, "smtp", id="SMTP, banner"),
        param(b"220 (vsFTPd 3.0.5)\r\n", "a.example", 21, "ftp", id="FTP, banner"),
        param(b"USER anna\r\n", "a.example", 443, "ftp", id="FTP"),
        param(b"auth tls\r\n", "a.example", 443, "ftp", id="FTP asks for TLS"),
        param(b"USER anna\r\n", "a.example", 110, "pop3", id="POP3"),
        param(b"AUTH TLS\r\n", "a.example", 110, "pop3", id="POP3 by port"),
        param(b"+OK ready\r\n", "a.example", 443, "pop3", id="POP3, banner"),
        param(b"a001 LOGIN anna x\r\n", "a.example", 443, "imap", id="IMAP"),
        param(b"* OK ready\r\n", "a.example", 443, "imap", id="IMAP, banner"),
        param(b"\x05\x01\x00", "", 8080, "socks", id="SOCKS 5"),
        param(b"\x05\x02\x00\x02", "", 8080, "socks", id="SOCKS 5, two ways to log in"),
        param(b"\x04\x01\x01\xbb\xcb\x00\x71\x09me\x00", "", 8080, "socks", id="SOCKS 4"),
        param(HELLO, "", 8080, "tls", id="TLS in clear on the proxy port"),
        param(HELLO, "a.example", 853, "dot", id="DNS over TLS"),
        param(HELLO, "gd2.line.naver.jp", 443, "line", id="TLS of LINE"),
        param(HELLO, "chat.signal.org", 443, "signal", id="TLS of Signal"),
        param(HELLO, "ticket-loco.kakao.com", 443, "loco", id="TLS of KakaoTalk"),
        param(DNS, "a.example", 443, "dns", id="DNS over TCP"),
        param(b"\xc3\x00\x00\x00\x01\x08" + bytes(30), "a.example", 443, "quic", id="QUIC"),
        param(b"\xc0\xff\x00\x00\x1d\x08", "a.example", 443, "quic", id="QUIC, draft"),
        param(b"\x13BitTorrent protocol" + bytes(8), "a.example", 443, "bittorrent", id="BitTorrent"),
        param(b"\x03\x00\x00\x13\x0e\xe0\x00\x00", "a.example", 443, "rdp", id="RDP"),
        param(b"RFB 003.008\n", "a.example", 443, "vnc", id="VNC"),
        param(b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12), "a.example", 443, "stun", id="STUN"),
        param(b"\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42", "a.example", 443, "stun", id="STUN, framed"),
        param(b"\x10\x1a\x00\x04MQTT\x04\x02", "a.example", 443, "mqtt", id="MQTT"),
        param(b"<?xml version='1.0'?><stream:stream to='a'>", "a.example", 443, "xmpp", id="XMPP"),
        param(b"<stream:stream to='a'>", "a.example", 443, "xmpp", id="XMPP, bare"),
        param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a.example", 80, "h2c", id="HTTP/2 in clear"),
        param(HELLO, "mask.icloud.com", 443, "private-relay", id="Private Relay"),
        param(b"", "mask-h2.icloud.com", 443, "private-relay", id="Private Relay, before a byte"),
        param(b"", "a.example", 25, "smtp", id="server speaks first, SMTP"),
        param(b"", "a.example", 993, "imap", id="server speaks first, IMAP"),
        param(b"", "a.example", 21, "ftp", id="server speaks first, FTP"),
        # nothing that has a name
        param(b"", "a.example", 443, "unknown", id="nothing"),
        param(b"\x00\x05hello", "a.example", 443, "unknown", id="length and text"),
        param(b"\x16", "a.example", 443, "unknown", id="one byte of TLS"),
        param(b"\x16\x04\x01\x00", "a.example", 443, "unknown", id="no version of TLS"),
        param(b"\xef\xbb\xbf{}", "a.example", 443, "unknown", id="byte order mark"),
        param(b"WARM\r\n", "a.example", 443, "unknown", id="word that begins like WhatsApp"),
        param(b"\x05\x00\x00", "a.example", 443, "unknown", id="SOCKS without a way to log in"),
        param(b"\x05\x01", "a.example", 443, "unknown", id="half a greeting of SOCKS"),
        param(b"\x04\x01\x01\xbb\xcb\x00\x71\x09me", "a.example", 443, "unknown", id="SOCKS 4 without its end"),
        param(DNS[:6] + b"\x00\x02" + DNS[8:], "a.example", 443, "unknown", id="two questions"),
        param(DNS[:4] + b"\x81" + DNS[5:], "a.example", 443, "unknown", id="an answer of DNS"),
        param(DNS[:14] + b"\xc0" + DNS[15:], "a.example", 443, "unknown", id="a question that points"),
        param(b"\x00\x12" + DNS[2:], "a.example", 443, "unknown", id="a question longer than its length"),
        param(DNS[:16], "a.example", 443, "unknown", id="half a question"),
        param(LWP[:15], "a.example", 443, "unknown", id="half an LWP"),
        param(b"\xc3\x12\x34\x56\x78\x08", "a.example", 443, "unknown", id="no version of QUIC"),
        param(b"\0\0\0\0\0\0getconf\0\0\0\0\0\x3a\0\0\0", "a.example", 443, "unknown", id="no method of LOCO"),
        param(b"\0\0\0\0\0\0GETCONF\0\1\0\0\0\x3a\0\0\0", "a.example", 443, "unknown", id="bytes behind the method"),
        param(bytes.fromhex("00010000 0c000100 02000000"), "a.example", 443, "unknown", id="no handshake of LOCO"),
        param(b"\x02\x00\x00\x03", "a.example", 443, "unknown", id="no frame of QQ"),
        param(bytes.fromhex("000000080000000d01"), "a.example", 443, "unknown", id="no length of QQ"),
        param(b"<?xml version='1.0'?><note/>", "a.example", 443, "unknown", id="XML"),
        param(b"a001 DANCE\r\n", "a.example", 443, "unknown", id="no command of IMAP"),
        param(b"\x9a\x41\x77" * 30, "149.154.176.1", 443, "unknown", id="address beside Telegram's"),
        param(b"\x77" * 30, "signal.org.evil.example", 443, "unknown", id="host that begins like one"),
        param(b"\x77" * 30, "xmask.icloud.com", 443, "unknown", id="host that ends like one"),
    ],
)
def test_names(first, host, port, name):
    assert recognise(first, host, port) == name


@pytest.mark.parametrize(
    ("host", "sni", "alpn", "name"),
    [
        param("a.example", "", (b"dot",), "dot", id="ALPN"),
        param("203.0.113.9", "mask.icloud.com", (), "private-relay", id="relay behind an address"),
        param("203.0.113.9", "chat.signal.org", (), "signal", id="TLS name behind an address"),
        param("203.0.113.9", "g.whatsapp.net", (), "noise", id="host of one service behind an address"),
        param("203.0.113.9", "a.example", (b"h2",), "tls", id="any"),
    ],
)
def test_names_by_tls(host, sni, alpn, name):
    assert recognise(HELLO, host, 443, sni, alpn) == name


def test_every_name_is_of_the_closed_set():
    found = {*HOSTS.values(), *PORTS.values(), *SPEAKS_FIRST, *FAMILIES, *dict(ZONES), *dict(NETWORKS)}
    assert {name for name in found if not name.startswith(".")} <= set(PROTOCOLS)
    assert set(FAMILIES.values()) <= set(BUILTIN)


@pytest.mark.parametrize("first", [b"\x00" * 5000, b"\xff" * 5000, b"A" * 5000, bytes(range(256)) * 20])
def test_long_beginnings_are_named_too(first):
    assert recognise(first, "", 0) in PROTOCOLS


@pytest.mark.parametrize("sample", [LWP, DNS, HELLO, b"\x05\x02\x00\x02", b"\x13BitTorrent protocol", b"EHLO a\r\n"])
def test_any_beginning_and_any_flipped_bit_has_a_name(sample):
    for length in range(len(sample) + 1):
        assert recognise(sample[:length], "a.example", 443) in PROTOCOLS
    for bit in range(len(sample) * 8):
        broken = bytearray(sample)
        broken[bit // 8] ^= 1 << bit % 8
        assert recognise(bytes(broken), "a.example", 443) in PROTOCOLS


def test_chat_is_chat():
    assert {name for name, it in PROTOCOLS.items() if it.category is Category.MESSAGING} == {
        *("mmtls", "qq", "lwp", "mtproto", "noise", "loco", "line", "signal", "xmpp")
    }

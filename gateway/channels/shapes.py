"""First bytes of protocols other than HTTP; each function says whether they may be its own. Linear, never raises."""

from __future__ import annotations

MAX_LOOK_BYTES = 2048
"""Most bytes that are looked at; every shape here is decided by less."""

_TLS_TYPES = frozenset({0x14, 0x15, 0x16, 0x17, 0x18})
_MMTLS_TYPES = frozenset({0x15, 0x16, 0x17, 0x19})
_QUIC_VERSIONS = frozenset({b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf"})
"""Versions 1 and 2 (RFC 9000, RFC 9369); drafts are 0xff0000xx."""
_QQ_LOGIN = frozenset(range(8, 15))
"""Kinds of packet of the QQ apps (SSO frames); 10 to 13 are seen."""
_SMTP = (b"EHLO", b"HELO", b"LHLO", b"MAIL FROM:", b"RCPT TO:", b"220 ", b"220-")
_POP3 = (b"CAPA", b"APOP", b"STLS", b"+OK")
_FTP = (b"AUTH TLS", b"AUTH SSL", b"FEAT", b"SYST", b"PASV", b"EPSV")
_SHARED = (b"USER ", b"PASS ", b"QUIT", b"NOOP")
"""Words that FTP and POP3 have both."""
_IMAP = frozenset(
    {b"CAPABILITY", b"LOGIN", b"AUTHENTICATE", b"STARTTLS", b"ID", b"NOOP", b"SELECT", b"APPEND", b"LIST"}
)


def is_tls(data: bytes) -> bool:
    r"""A TLS record (RFC 8446, 5.1; SSL 3.0 counts).

    >>> is_tls(b"\x16\x03\x01\x02\x00\x01"), is_tls(b"\x16\xf1\x04\x00\x10")
    (True, False)
    """
    return len(data) >= 3 and data[0] in _TLS_TYPES and data[1] == 3 and data[2] <= 4


def is_mmtls(data: bytes) -> bool:
    r"""A record of WeChat's long link: type, 0xf104 (0xf103 in older apps), length.

    >>> is_mmtls(b"\x19\xf1\x04\x00\x9d"), is_mmtls(b"\x16\x03\x01\x00\x9d")
    (True, False)
    """
    return len(data) >= 3 and data[0] in _MMTLS_TYPES and data[1] == 0xF1 and data[2] in {0x03, 0x04}


def is_lwp(data: bytes) -> bool:
    """DingTalk's own protocol (nDPI's dingtalk.c)."""
    return len(data) >= 16 and data[0] == 0x10 and data[2:16] == bytes.fromhex("878001000100020002646b030020")


def is_noise(data: bytes) -> bool:
    r"""WhatsApp: `WA`, two version bytes below 32; or `ED` 0 1 and a routing header before it.

    >>> is_noise(b"WA\x06\x03"), is_noise(b"ED\x00\x01\x00\x00\x04\x08"), is_noise(b"WARM ")
    (True, True, False)
    """
    return (len(data) >= 4 and data[:2] == b"WA" and data[2] < 32 and data[3] < 32) or data[:4] == b"ED\x00\x01"


def is_mtproto(data: bytes) -> bool:
    r"""MTProto's transports with a first byte of their own: abridged, intermediate, padded intermediate.

    The abridged one is followed by its length in words, or 0x7f and a length of three bytes. The full transport has no
    mark, and the obfuscated one is made to have none.

    >>> is_mtproto(b"\xef\x0a" + bytes(40)), is_mtproto(b"\xee\xee\xee\xee"), is_mtproto(b"\xef\xbb\xbf{")
    (True, True, False)
    """
    if data[:4] in {b"\xee" * 4, b"\xdd" * 4}:
        return True
    # A byte order mark begins with the same byte; no length of a packet does.
    return len(data) >= 2 and data[0] == 0xEF and data[1] <= 0x7F


def is_loco(data: bytes) -> bool:
    """KakaoTalk: the handshake of its secure layer, or a plain packet with the name of a method."""
    if len(data) >= 12 and data[:4] == b"\x00\x01\x00\x00" and data[8:12] in {b"\2\0\0\0", b"\3\0\0\0"}:
        return data[5:8] == bytes(3) and 10 <= data[4] <= 20
    name, _, rest = data[6:17].partition(b"\0")
    return len(data) >= 22 and len(name) >= 4 and name.isupper() and name.isalpha() and not any(rest) and data[17] == 0


def is_qq(data: bytes) -> bool:
    r"""QQ: an old frame 0x02 … 0x03 behind its length, or a packet of the apps: length, kind, encryption.

    >>> is_qq(b"\x00\x0e\x02\x37\x13\x08\x25\x31\x01\x04\x04\x04\x04\x03")
    True
    >>> is_qq(b"\x02\x00\x00\x03")
    False
    """
    size = len(data)
    if 14 <= size == int.from_bytes(data[:2]) and data[2] == 0x02 and data[-1] == 0x03:
        return True
    if size >= 9 and data[4:7] == bytes(3) and data[7] in _QQ_LOGIN and data[8] <= 2:
        return 9 < int.from_bytes(data[:4]) < 1 << 24
    return False


def is_socks(data: bytes) -> bool:
    r"""A greeting of SOCKS 5 (RFC 1928), or a request of SOCKS 4.

    >>> is_socks(b"\x05\x01\x00"), is_socks(b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00"), is_socks(b"\x05\x00\x00")
    (True, True, False)
    """
    if len(data) >= 3 and data[0] == 5:
        return 0 < data[1] <= 16 and len(data) == 2 + data[1]
    return len(data) >= 9 and data[0] == 4 and data[1] in {1, 2} and 0 in data[8:]


def is_dns(data: bytes) -> bool:
    r"""A question of DNS over TCP (RFC 7766): its length, a header with one question and no answer, labels.

    >>> is_dns(b"\x00\x1d\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x07example\x03com\x00\x00\x01\x00\x01")
    True
    >>> is_dns(b"\x00\x05hello")
    False
    """
    size = int.from_bytes(data[:2])
    if size < 17 or len(data) < 15 or data[4] & 0xF8 or data[6:10] != b"\0\1\0\0":
        return False
    at = 14
    while at < len(data) and 0 < data[at] < 64:
        at += data[at] + 1
    return at < len(data) and data[at] == 0 and at < size


def is_quic(data: bytes) -> bool:
    r"""A long header of QUIC (RFC 8999) with a version in use; over TCP it is nonsense, but has a name.

    >>> is_quic(b"\xc3\x00\x00\x00\x01\x08"), is_quic(b"\xc3\x12\x34\x56\x78\x08")
    (True, False)
    """
    version = data[1:5]
    return len(data) >= 6 and data[0] >= 0xC0 and (version in _QUIC_VERSIONS or version[:3] == b"\xff\0\0")


def is_ssh(data: bytes) -> bool:
    """The identification string (RFC 4253, 4.2)."""
    return data.startswith(b"SSH-")


def is_bittorrent(data: bytes) -> bool:
    """The handshake of peers (BEP 3)."""
    return data.startswith(b"\x13BitTorrent protocol")


def is_stun(data: bytes) -> bool:
    """A STUN message with its magic cookie (RFC 8489), in a frame of its own or of RFC 4571."""
    return data[:1] < b"\x40" and (data[4:8] == b"\x21\x12\xa4\x42" or data[6:10] == b"\x21\x12\xa4\x42")


def is_rdp(data: bytes) -> bool:
    """A TPKT frame (RFC 1006) with an X.224 connection request."""
    return len(data) >= 7 and data[:2] == b"\x03\x00" and int.from_bytes(data[2:4]) >= 7 and data[5] == 0xE0


def is_vnc(data: bytes) -> bool:
    """The version of the remote framebuffer protocol (RFC 6143, 7.1.1)."""
    return data.startswith(b"RFB 00")


def is_mqtt(data: bytes) -> bool:
    """A CONNECT packet; the name of the protocol follows the length."""
    head = data[:16]
    return head[:1] == b"\x10" and (b"\x00\x04MQTT" in head or b"\x00\x06MQIsdp" in head)


def is_xmpp(data: bytes) -> bool:
    """The opening of a stream (RFC 6120, 4.2)."""
    head = data[:256].lstrip()
    return head.startswith(b"<stream:stream") or (head.startswith(b"<?xml") and b"<stream:stream" in data[:512])


def is_h2c(data: bytes) -> bool:
    """HTTP/2's preface in the clear (RFC 9113, 3.4)."""
    return data.startswith(b"PRI * HTTP/2.0")


def line_protocol(data: bytes, *, ftp_port: bool = False, pop_port: bool = False) -> str:
    r"""`smtp`, `imap`, `pop3` or `ftp` by the first command or banner; empty for none.

    FTP and POP3 share their log-in, so the port decides between them.

    >>> line_protocol(b"EHLO me.example\r\n"), line_protocol(b"a1 LOGIN x y\r\n"), line_protocol(b"USER anna\r\n")
    ('smtp', 'imap', 'ftp')
    >>> line_protocol(b"GET / HTTP/1.1\r\n")
    ''
    """
    line = data[:256].upper()
    if line.startswith((b"220 ", b"220-")) and (ftp_port or b"FTP" in line):
        return "ftp"
    if line.startswith(_SMTP):
        return "smtp"
    if line.startswith(_FTP) and not pop_port:
        return "ftp"
    if line.startswith(_POP3):
        return "pop3"
    if line.startswith(_SHARED):
        return "pop3" if pop_port else "ftp"
    words = line.split(None, 2)
    if line.startswith(b"* OK") or (
        len(words) > 1 and len(words[0]) <= 16 and words[0].isalnum() and words[1] in _IMAP
    ):
        return "imap"
    return ""

r"""Protocols that the gateway cannot read, by name: from the first bytes, the host, the port and the TLS name.

A name is a guess for people, records and metrics; whatever it says, the connection is refused unless a rule names it.

>>> recognise(b"SSH-2.0-OpenSSH_9.6\r\n", "git.example", 22), recognise(b"\x00\x00", "a.example", 443)
('ssh', 'unknown')
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from gateway.channels import shapes
from gateway.transfer import Category


class Protocol(NamedTuple):
    """One protocol that has a name here."""

    says: str
    """What people call it."""
    service: str = ""
    """Catalogue id of the service it most likely is; empty when any program may speak it."""
    category: Category = Category.OTHER


UNKNOWN = "unknown"
"""Name of what has none; it is in `PROTOCOLS`, so that the set of names is closed."""

_CHAT = Category.MESSAGING

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "mmtls": Protocol("WeChat (MMTLS)", "wechat_app", _CHAT),
        "qq": Protocol("QQ", "qq", _CHAT),
        "lwp": Protocol("DingTalk (LWP)", "dingtalk", _CHAT),
        "mtproto": Protocol("Telegram (MTProto)", "telegram", _CHAT),
        "noise": Protocol("WhatsApp (Noise)", "whatsapp", _CHAT),
        "loco": Protocol("KakaoTalk (LOCO)", "kakaotalk", _CHAT),
        "line": Protocol("LINE", "line", _CHAT),
        "signal": Protocol("Signal", "signal", _CHAT),
        "xmpp": Protocol("XMPP", "", _CHAT),
        "mqtt": Protocol("MQTT"),
        "ssh": Protocol("SSH", "", Category.FILE_TRANSFER),
        "ftp": Protocol("FTP", "", Category.FILE_TRANSFER),
        "smtp": Protocol("SMTP", "", Category.WEBMAIL),
        "imap": Protocol("IMAP", "", Category.WEBMAIL),
        "pop3": Protocol("POP3", "", Category.WEBMAIL),
        "bittorrent": Protocol("BitTorrent", "", Category.FILE_TRANSFER),
        "rdp": Protocol("RDP (remote desktop)"),
        "vnc": Protocol("VNC (remote desktop)"),
        "stun": Protocol("STUN/TURN (calls)"),
        "socks": Protocol("SOCKS"),
        "h2c": Protocol("HTTP/2 without TLS"),
        "tls": Protocol("TLS"),
        "quic": Protocol("QUIC"),
        "dns": Protocol("DNS"),
        "dot": Protocol("DNS over TLS"),
        "doh": Protocol("DNS over HTTPS"),
        "private-relay": Protocol("iCloud Private Relay"),
        UNKNOWN: Protocol("an unknown protocol"),
    }
)
"""Name → what it is. A closed set: metric label, word of policies and records."""

FAMILIES: Mapping[str, str] = MappingProxyType(
    {"dns": "hidden-dns", "dot": "hidden-dns", "doh": "hidden-dns", "private-relay": "relay"}
)
"""Name → reason of `gateway.policy.builtin` that refuses it; `unknown-protocol` for every other."""

SPEAKS_FIRST = frozenset({"smtp", "imap", "pop3", "ftp", "vnc"})
"""Protocols whose server speaks before the client does: nothing arrives to recognise them by, only the port tells."""

PORTS: Mapping[int, str] = MappingProxyType(
    {
        21: "ftp",
        22: "ssh",
        25: "smtp",
        53: "dns",
        110: "pop3",
        143: "imap",
        465: "smtp",
        587: "smtp",
        853: "dot",
        989: "ftp",
        990: "ftp",
        993: "imap",
        995: "pop3",
        1080: "socks",
        1883: "mqtt",
        2525: "smtp",
        3389: "rdp",
        3478: "stun",
        5222: "xmpp",
        5349: "stun",
        5900: "vnc",
        8883: "mqtt",
    }
)
"""Ports of the IANA registry on which no web server of the catalogue answers → protocol."""

HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "mask.icloud.com": "private-relay",
        "mask-h2.icloud.com": "private-relay",
        "mask-api.icloud.com": "private-relay",
        "dns.weixin.qq.com": "mmtls",
        "long.weixin.qq.com": "mmtls",
        "szlong.weixin.qq.com": "mmtls",
        "extlong.weixin.qq.com": "mmtls",
        "minorlong.weixin.qq.com": "mmtls",
        "msfwifi.3g.qq.com": "qq",
        "msfwifiv6.3g.qq.com": "qq",
        "g.whatsapp.net": "noise",
        "booking-loco.kakao.com": "loco",
        "ticket-loco.kakao.com": "loco",
    }
)
"""Hosts that serve nothing else → protocol (ENDPOINTS, 5)."""

ZONES: tuple[tuple[str, str], ...] = (
    (".line.naver.jp", "line"),
    (".line-apps.com", "line"),
    (".signal.org", "signal"),
    (".loco.kakao.com", "loco"),
)
"""Ends of host names → protocol, asked when the bytes say nothing."""

NETWORKS: tuple[tuple[str, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]], ...] = tuple(
    (name, tuple(ipaddress.ip_network(text) for text in networks))
    for name, networks in (
        (
            "mtproto",
            (
                "149.154.160.0/20",
                "91.108.4.0/22",
                "91.108.8.0/21",
                "91.108.16.0/21",
                "91.108.56.0/22",
                "91.105.192.0/23",
                "95.161.64.0/20",
                "185.76.151.0/24",
                "2001:67c:4e8::/48",
                "2001:b28:f23d::/48",
                "2001:b28:f23f::/48",
            ),
        ),
        ("line", ("147.92.128.0/17", "203.104.128.0/19")),
    )
)
"""Protocol → networks of its servers; obfuscated MTProto is known by nothing else (lists as tdesktop and nDPI have)."""

_SHAPES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("ssh", shapes.is_ssh),
    ("mmtls", shapes.is_mmtls),
    ("lwp", shapes.is_lwp),
    ("noise", shapes.is_noise),
    ("bittorrent", shapes.is_bittorrent),
    ("mtproto", shapes.is_mtproto),
    ("stun", shapes.is_stun),
    ("rdp", shapes.is_rdp),
    ("vnc", shapes.is_vnc),
    ("mqtt", shapes.is_mqtt),
    ("xmpp", shapes.is_xmpp),
    ("h2c", shapes.is_h2c),
    ("quic", shapes.is_quic),
    ("loco", shapes.is_loco),
    ("dns", shapes.is_dns),
    ("qq", shapes.is_qq),
    ("socks", shapes.is_socks),
)
"""Protocols that their first bytes alone tell, the surest shapes first."""


def recognise(first: bytes, host: str, port: int, sni: str = "", alpn: tuple[bytes, ...] = ()) -> str:
    """The name of the protocol, one of `PROTOCOLS`. Never raises; looks at the first 2 KiB at most.

    `first` is what the client sent so far, empty while the server is expected to speak; `host` is a name or an address
    in its normal form, empty when unknown; `sni` and `alpn` are those of a TLS ClientHello.

    >>> recognise(b"", "mask.icloud.com", 443), recognise(b"", "mail.example", 587)
    ('private-relay', 'smtp')
    """
    first = first[: shapes.MAX_LOOK_BYTES]
    by_host = HOSTS.get(host) or HOSTS.get(sni) or ""
    if by_host == "private-relay":
        return by_host
    if shapes.is_tls(first):
        if port == 853 or b"dot" in alpn:
            return "dot"
        return by_host or _by_zone(sni or host) or "tls"
    for name, fits in _SHAPES:
        if fits(first):
            return name
    spoken = shapes.line_protocol(first, ftp_port=port in {21, 989, 990}, pop_port=port in {110, 995})
    return spoken or by_host or _by_zone(host) or _by_network(host) or PORTS.get(port, UNKNOWN)


def _by_zone(host: str) -> str:
    return next((name for end, name in ZONES if host.endswith(end)), "")


def _by_network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return next((name for name, networks in NETWORKS if any(address in network for network in networks)), "")

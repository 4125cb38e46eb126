"""What a TLS ClientHello says before anybody answers it: the server's name, protocols, and whether a name is hidden."""

from __future__ import annotations

from dataclasses import dataclass

from mitmproxy.proxy.layers.tls import parse_client_hello

from gateway.limits import KIB
from gateway.settings import normal_host

MAX_HELLO_BYTES = 32 * KIB
"""A longer one is not waited for; those of browsers have 0.5 to 4 KiB."""
ENCRYPTED_CLIENT_HELLO = 0xFE0D
"""Extension that may hide another name behind the one that is read (RFC 9849); some send it empty of meaning."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A whole ClientHello."""

    sni: str = ""
    """Name of the server in its normal form; empty when none is given."""
    alpn: tuple[bytes, ...] = ()
    hides_name: bool = False
    """Whether another name may be inside; nobody but the server can tell."""


def read_hello(data: bytes) -> Hello | None:
    """The ClientHello at the start of the data, None while it is incomplete.

    Raises ValueError when it is none, or longer than MAX_HELLO_BYTES.
    """
    try:
        found = parse_client_hello(data)
    except Exception as error:  # the parser of a library; whatever it stumbles over is no ClientHello
        raise ValueError("no ClientHello") from error
    if found is None:
        if len(data) >= MAX_HELLO_BYTES:
            raise ValueError("ClientHello too long")
        return None
    return Hello(
        sni=normal_host(found.sni or ""),
        alpn=tuple(found.alpn_protocols),
        hides_name=any(kind == ENCRYPTED_CLIENT_HELLO for kind, _ in found.extensions),
    )

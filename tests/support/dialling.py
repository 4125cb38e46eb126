"""A client that dials an address itself and says what it likes about the name: HTTP by hand over a socket."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when the connection was closed without a word."""

    status: int
    headers: dict[str, str]
    body: bytes


def upload(
    address: str, body: bytes, *, host: str, sni: str | None = None, ca: Path | None = None, port: int = 0,
    opened: socket.socket | None = None, method: str = "POST", path: str = "/upload",
) -> Answer:  # fmt: skip
    """Send the body to the address, over TLS when there is a `ca` to trust; `opened` is a connection to use instead."""
    connection = http.client.HTTPConnection(host)
    raw = opened or socket.create_connection((address, port or (443 if ca else 80)), timeout=20)
    raw.settimeout(20)
    try:
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            context.check_hostname = sni is not None
            raw = context.wrap_socket(raw, server_hostname=sni)
        connection.sock = raw
        connection.request(method, path, body, {"Host": host, "Content-Type": "text/plain"})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
    except (ConnectionError, http.client.RemoteDisconnected):
        return Answer(0, {}, b"")
    finally:
        connection.close()
        raw.close()

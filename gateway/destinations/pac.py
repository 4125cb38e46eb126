"""The proxy auto-config file that browsers and systems read: a script whose one function names the proxy."""

from __future__ import annotations

import re

_PROXY = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


def pac(proxy: str, *kinds: str) -> str:
    """The text of a file that sends everything but this machine to the proxy `host:port`, with no way around it.

    `kinds` say how the proxy may be spoken to, the best first, of `PROXY`, `HTTPS` and `SOCKS5`; none is `PROXY`.
    Raises ValueError for what is not `host:port`, for the text is a program.

    >>> print(pac("gateway.corp.example:8080"))
    function FindProxyForURL(url, host) {
      if (isPlainHostName(host) || host === "127.0.0.1" || host === "[::1]") return "DIRECT";
      return "PROXY gateway.corp.example:8080";
    }
    <BLANKLINE>
    """
    if not _PROXY.fullmatch(proxy):
        raise ValueError("the proxy must be HOST:PORT")
    ways = "; ".join(f"{kind} {proxy}" for kind in kinds or ("PROXY",))
    return (
        "function FindProxyForURL(url, host) {\n"
        '  if (isPlainHostName(host) || host === "127.0.0.1" || host === "[::1]") return "DIRECT";\n'
        f'  return "{ways}";\n'
        "}\n"
    )

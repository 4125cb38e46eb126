"""The proxy auto-config file of a gateway: under which address its clients reach it, and by which protocol."""

from __future__ import annotations

from gateway.destinations.addresses import is_forbidden
from gateway.destinations.pac import pac
from gateway.setting_values import Address
from gateway.settings import Settings


def autoconfig(settings: Settings, *, arrived_at: str = "") -> str:
    """The text of the file; raises ValueError in mode `transparent`, whose clients must know of no proxy.

    `arrived_at` is the address of this machine at which somebody asked for the file, empty when nobody did.
    """
    if settings.mode == "transparent":
        raise ValueError("clients of a transparent proxy are not to know of it; mode transparent has no such file")
    return pac(str(reached_at(settings, arrived_at)), *words(settings))


def reached_at(settings: Settings, arrived_at: str) -> Address:
    """The proxy as a client knows it: by its name of the settings, its one address, or the one just reached.

    Never by the `Host` field: who can put a name there could lead those who share a cache with it to another proxy.
    """
    port = settings.listen.port
    if settings.tls.proxy_name is not None:
        return Address(settings.tls.proxy_name, port)
    if is_forbidden(settings.listen.host) == "unspecified" and arrived_at:
        return Address(arrived_at.removeprefix("::ffff:").partition("%")[0], port)
    return settings.listen


def words(settings: Settings) -> tuple[str, ...]:
    """How the proxy may be spoken to, the best first."""
    if settings.mode == "socks5":
        return ("SOCKS5",)
    # Systems that cannot speak TLS to a proxy skip what they do not know.
    return ("HTTPS", "PROXY") if settings.tls.to_proxy else ("PROXY",)

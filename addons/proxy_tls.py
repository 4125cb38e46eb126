"""TLS to the proxy's own port: under a given certificate, or one of our CA for the name clients reach it at."""

from __future__ import annotations

import ipaddress
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from cryptography import x509
from mitmproxy import certs, ctx
from mitmproxy.proxy import context, layers
from mitmproxy.proxy.layers import modes
from OpenSSL import SSL

from gateway.errors import StartError
from metrics import catalogue as metrics

if TYPE_CHECKING:
    from mitmproxy import tls

    from gateway.settings import Tls

RENEW_S = 7 * 86400.0
"""Age at which a certificate of our CA for the proxy is made anew; mitmproxy's last a year."""
HTTP1 = b"http/1.1"
"""The one protocol inside: mitmproxy takes no CONNECT over HTTP/2."""

log = structlog.get_logger()


def is_to_proxy(own: context.Context) -> bool:
    """Whether the TLS is that of the connection to the proxy, not that of a tunnel through it."""
    if not isinstance(own.layers[0], modes.HttpProxy | modes.HttpUpstreamProxy):
        return False
    found = [layer for layer in own.layers if isinstance(layer, layers.ClientTLSLayer)]
    return len(found) == 1 and own.layers[1] is found[0]


def load_context(path: Path) -> SSL.Context:
    """What answers a handshake with the certificate, chain and key of the PEM file.

    Raises StartError with one sentence for a file that cannot be used.
    """
    made = new_context()
    try:
        made.use_certificate_chain_file(str(path))
        made.use_privatekey_file(str(path))
        made.check_privatekey()
    except (SSL.Error, OSError):
        raise StartError(
            f"{path}: tls.proxy_certificate cannot be used; it must be a PEM file with a certificate, its chain and its "
            "key without a password"
        ) from None
    return made


def new_context() -> SSL.Context:
    """TLS 1.2 and 1.3, HTTP/1.1 inside."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_alpn_select_callback(lambda _, offers: HTTP1 if HTTP1 in offers else SSL.NO_OVERLAPPING_PROTOCOLS)
    return made


class ProxyTls:
    """Placed before mitmproxy's own TlsConfig, which leaves alone what is answered already."""

    def __init__(self, settings: Tls) -> None:
        """Reads the certificate file; raises StartError when it cannot be used."""
        self._settings = settings
        path = settings.proxy_certificate
        self._context = load_context(path) if path is not None else None
        self._made_at = 0.0

    @property
    def is_on(self) -> bool:
        """Whether clients may speak TLS to the port."""
        return self._settings.to_proxy

    def reload(self) -> None:
        """Read the certificate file again; one that cannot be used leaves the old one in force, and is counted."""
        path = self._settings.proxy_certificate
        if path is None:
            return
        try:
            self._context = load_context(path)
        except StartError as error:
            metrics.FAILURES.labels(part="identity").inc()
            log.error("certificate not reloaded; the old one stays", problem=str(error))

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Answer the handshake of a client that speaks TLS to the proxy itself."""
        if self.is_on and is_to_proxy(data.context):
            data.ssl_conn = SSL.Connection(self._current())
            data.ssl_conn.set_accept_state()

    def tls_established_client(self, data: tls.TlsData) -> None:
        """Forget the name of the handshake: it is the proxy's, and would be taken for the server's."""
        if is_to_proxy(data.context):
            data.context.client.sni = None

    def _current(self) -> SSL.Context:
        made_here = self._settings.proxy_certificate is None
        if self._context is None or (made_here and time.monotonic() - self._made_at > RENEW_S):
            self._context, self._made_at = self._issue(self._settings.proxy_name or ""), time.monotonic()
        return self._context

    def _issue(self, name: str) -> SSL.Context:
        store = ctx.master.addons.get("tlsconfig").certstore
        try:
            san: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            san = x509.DNSName(name)
        made = certs.dummy_cert(store.default_privatekey, store.default_ca.to_cryptography(), name, [san])
        context = new_context()
        context.use_certificate(made.to_cryptography())
        context.use_privatekey(store.default_privatekey)
        return context

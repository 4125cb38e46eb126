"""TLS to the proxy's own port: under which certificate, for whom, and what happens to its name."""

import contextlib
import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.connection import Client
from mitmproxy.options import Options
from mitmproxy.proxy import context, layers
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import taddons
from mitmproxy.tls import TlsData

from addons import proxy_tls
from addons.proxy_tls import ProxyTls, is_to_proxy
from gateway.errors import StartError
from gateway.settings import Tls
from metrics import catalogue as metrics


def made_context(*, mode="regular") -> context.Context:
    client = Client(peername=("10.0.0.1", 50000), sockname=("10.0.0.2", 8080), proxy_mode=ProxyMode.parse(mode))
    return context.Context(client, Options())


def outer() -> context.Context:
    own = made_context()
    modes.HttpProxy(own)
    layers.ClientTLSLayer(own)
    layers.HttpLayer(own, HTTPMode.regular)
    return own


def test_which_tls_is_the_proxys_own():
    assert is_to_proxy(outer())
    upstream = made_context(mode="upstream:http://proxy.example:3128")
    modes.HttpUpstreamProxy(upstream)
    layers.ClientTLSLayer(upstream)
    assert is_to_proxy(upstream)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(
            lambda own: [modes.HttpProxy(own), layers.HttpLayer(own, HTTPMode.regular), layers.ClientTLSLayer(own)],
            id="of a tunnel",
        ),
        pytest.param(
            lambda own: [
                modes.HttpProxy(own),
                layers.ClientTLSLayer(own),
                layers.HttpLayer(own, HTTPMode.regular),
                layers.ClientTLSLayer(own),
            ],
            id="of a tunnel through TLS to the proxy",
        ),
        pytest.param(
            lambda own: [modes.TransparentProxy(own), layers.ClientTLSLayer(own)], id="of a redirected client"
        ),
    ],
)
def test_other_tls_is_left_to_the_engine(build):
    own = made_context()
    build(own)
    assert not is_to_proxy(own)
    data = TlsData(own.client, own)
    addon = ProxyTls(Tls(proxy_name="proxy.corp.example"))
    addon.tls_start_client(data)
    assert data.ssl_conn is None
    own.client.sni = "server.example"
    addon.tls_established_client(data)
    assert own.client.sni == "server.example"


@pytest.fixture
def engine(tmp_path):
    """mitmproxy's own addon with a CA."""
    tls = TlsConfig()
    with taddons.context(tls) as running:
        running.configure(tls, confdir=str(tmp_path / "ca"))
        yield tls


def shake(addon: ProxyTls, trust: ssl.SSLContext, name: str) -> tuple[str, dict]:
    """Version and certificate of a handshake with the addon's answer; the client's own errors are raised."""
    own = outer()
    own.client.sni = name
    data = TlsData(own.client, own)
    addon.tls_start_client(data)
    addon.tls_established_client(data)
    assert own.client.sni is None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust.wrap_bio(incoming, outgoing, server_hostname=name)
    for _ in range(10):
        try:
            client.do_handshake()
            return client.version(), client.getpeercert() | {"alpn": client.selected_alpn_protocol()}
        except ssl.SSLWantReadError:
            data.ssl_conn.bio_write(outgoing.read())
            with contextlib.suppress(proxy_tls.SSL.WantReadError):
                data.ssl_conn.do_handshake()
            incoming.write(data.ssl_conn.bio_read(65536))
    raise AssertionError("no handshake")


def trusting(pem: bytes | str, *alpn: str) -> ssl.SSLContext:
    trust = ssl.create_default_context(cadata=pem.decode() if isinstance(pem, bytes) else pem)
    if alpn:
        trust.set_alpn_protocols(list(alpn))
    return trust


@pytest.mark.parametrize("name", ["proxy.corp.example", "10.0.0.2"])
def test_a_certificate_of_our_ca_for_the_name(engine, name):
    trust = trusting(engine.certstore.default_ca.to_pem(), "h2", "http/1.1")
    addon = ProxyTls(Tls(proxy_name=name))
    version, certificate = shake(addon, trust, name)
    assert (version, certificate["alpn"]) == ("TLSv1.3", "http/1.1")
    assert [value for _, value in certificate["subjectAltName"]] == [name]
    # It is kept, and made anew before it ends.
    assert shake(addon, trust, name)[1]["serialNumber"] == certificate["serialNumber"]
    addon._made_at -= proxy_tls.RENEW_S + 1
    assert shake(addon, trust, name)[1]["serialNumber"] != certificate["serialNumber"]


def test_no_certificate_for_a_name_the_client_makes_up(engine):
    addon = ProxyTls(Tls(proxy_name="proxy.corp.example"))
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(addon, trusting(engine.certstore.default_ca.to_pem()), "bank.example")


@pytest.mark.parametrize(
    "offers",
    [pytest.param((), id="no ALPN"), pytest.param(("h2",), id="only HTTP/2, which is not spoken to the proxy")],
)
def test_protocols(engine, offers):
    trust = trusting(engine.certstore.default_ca.to_pem(), *offers)
    addon = ProxyTls(Tls(proxy_name="proxy.corp.example"))
    assert shake(addon, trust, "proxy.corp.example")[1]["alpn"] is None


def test_old_tls_is_refused(engine):
    trust = trusting(engine.certstore.default_ca.to_pem())
    trust.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        trust.minimum_version = trust.maximum_version = ssl.TLSVersion.TLSv1_1
    addon = ProxyTls(Tls(proxy_name="proxy.corp.example"))
    with pytest.raises((ssl.SSLError, proxy_tls.SSL.Error)):
        shake(addon, trust, "proxy.corp.example")


def test_a_given_certificate_with_its_chain(tmp_path):
    authority = trustme.CA()
    middle = authority.create_child_ca()
    issued = middle.issue_cert("proxy.corp.example")
    path = tmp_path / "proxy.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(path))
    addon = ProxyTls(Tls(proxy_certificate=path))
    assert addon.is_on
    trust = trusting(authority.cert_pem.bytes())
    first = shake(addon, trust, "proxy.corp.example")[1]["serialNumber"]
    # Renewed on the disk and asked to reload.
    middle.issue_cert("proxy.corp.example").private_key_and_cert_chain_pem.write_to_path(str(path))
    addon.reload()
    second = shake(addon, trust, "proxy.corp.example")[1]["serialNumber"]
    assert second != first
    # A broken file leaves what was there.
    before = metrics.FAILURES.labels(part="identity")._value.get()
    path.write_text("broken", "ascii")
    addon.reload()
    assert shake(addon, trust, "proxy.corp.example")[1]["serialNumber"] == second
    assert metrics.FAILURES.labels(part="identity")._value.get() == before + 1


def other_key() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("kind", ["text", "no key", "another key", "gone"])
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path, kind):
    issued = trustme.CA().issue_cert("proxy.corp.example")
    chain = issued.cert_chain_pems[0].bytes()
    path = tmp_path / "proxy.pem"
    content = {"text": b"none", "no key": chain, "another key": chain + other_key(), "gone": b""}[kind]
    if kind != "gone":
        path.write_bytes(content)
    with pytest.raises(StartError, match=r"tls\.proxy_certificate cannot be used"):
        ProxyTls(Tls.model_construct(proxy_certificate=path))


def test_off_by_default():
    addon = ProxyTls(Tls())
    own = outer()
    data = TlsData(own.client, own)
    addon.tls_start_client(data)
    addon.reload()
    assert (addon.is_on, data.ssl_conn) == (False, None)

"""A stand-in messaging service on loopback, with a CA of its own; it keeps nothing but a list of what arrived."""

from __future__ import annotations

import hashlib
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=1)
"""The certificates serve one demonstration."""
STOP_LOOK_S = 0.1
"""Longest time until the listening thread notices that it is to stop."""
ANSWER = b'{"errcode": 0, "errmsg": "ok", "media_id": "demo"}'


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it reached the service."""

    host: str
    path: str
    """Without the query."""
    bytes: int
    sha256: str
    """Of the body, hex."""


@dataclass
class Service:
    """`with Service(folder, hosts) as service`: listens on `service.port`, trusts nobody, answers every upload."""

    folder: Path
    hosts: tuple[str, ...]
    arrived: list[Arrival] = field(default_factory=list)
    """Every request that reached it whole."""
    connections: int = 0
    """How often somebody connected."""

    def __enter__(self) -> Self:
        """Make certificates and start listening."""
        self.ca, chain = make_certificates(self.folder, self.hosts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self._server = _Server(self, context)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(STOP_LOOK_S,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """A thread a connection, so that one that is kept open keeps nobody waiting."""

    def __init__(self, service: Service, context: ssl.SSLContext) -> None:
        self.service = service
        super().__init__(("127.0.0.1", 0), _Handler)
        # The handshake is left to the thread of the connection.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's own
        """Count, then serve."""
        self.service.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's own
        """Say nothing of a client that goes away: the demonstration prints its own table."""


class _Handler(BaseHTTPRequestHandler):
    """Takes any POST, and says what a messaging service says when all is well."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def do_POST(self) -> None:
        left = size = int(self.headers.get("content-length", 0))
        digest = hashlib.sha256()
        while left:
            data = self.rfile.read(min(left, 65536))
            if not data:
                raise ConnectionResetError
            digest.update(data)
            left -= len(data)
        host = self.headers.get("host", "")
        self.server.service.arrived.append(Arrival(host, self.path.partition("?")[0], size, digest.hexdigest()))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the demonstration prints its own table."""


def make_certificates(folder: Path, hosts: tuple[str, ...]) -> tuple[Path, Path]:
    """Paths of the CA certificate and of the server's chain with its key."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Sluice demo CA", authority_key, None, None, ())
    server = _certificate(hosts[0], server_key, authority, authority_key, hosts)
    ca, chain = folder / "demo-ca.pem", folder / "demo-chain.pem"
    ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.touch(mode=0o600)
    chain.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
    return ca, chain


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    """What clients that follow RFC 5280 to the letter ask for."""
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    hosts: tuple[str, ...],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signer = issuer_key or key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(_usage(is_authority=issuer is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
        )
    return builder.sign(signer, hashes.SHA256())

"""The stand-in service: it writes down what arrives, and nothing else."""

import hashlib
import http.client
import socket
import ssl
import stat

import pytest
from cryptography import x509

from gateway.demo.service import Arrival, Service, make_certificates
from tests.support.waiting import eventually


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path, ("localhost", "a.example")) as service:
        yield service


def client(service) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(service.ca))
    return http.client.HTTPSConnection("localhost", service.port, context=context, timeout=20)


@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_what_arrives_is_written_down(service, size):
    body = b"x" * size
    one = client(service)
    one.request("POST", "/cgi-bin/upload?access_token=secret", body, {"Host": "a.example"})
    answer = one.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"errcode": 0, "errmsg": "ok", "media_id": "demo"}')
    one.close()
    assert service.arrived == [Arrival("a.example", "/cgi-bin/upload", size, hashlib.sha256(body).hexdigest())]
    assert service.connections == 1


def test_one_connection_may_carry_several(service):
    one = client(service)
    for _ in range(3):
        one.request("POST", "/x", b"y")
        one.getresponse().read()
    one.close()
    assert (len(service.arrived), service.connections) == (3, 1)


def test_half_an_upload_is_none(service, capsys):
    one = client(service)
    one.putrequest("POST", "/x")
    one.putheader("Content-Length", "100")
    one.endheaders(b"half")
    one.close()
    again = client(service)
    again.request("POST", "/y", b"")
    again.getresponse().read()
    again.close()
    assert [arrival.path for arrival in service.arrived] == ["/y"]
    assert capsys.readouterr() == ("", "")


def test_silent_connection_is_counted_and_keeps_nobody_waiting(service):
    with socket.create_connection(("127.0.0.1", service.port)):
        one = client(service)
        one.request("POST", "/x", b"")
        assert one.getresponse().status == 200
        one.close()
        eventually(lambda: service.connections == 2)


def test_certificates_are_for_the_hosts_and_for_a_day(tmp_path):
    ca, chain = make_certificates(tmp_path, ("a.example", "b.example"))
    authority = x509.load_pem_x509_certificate(ca.read_bytes())
    server = x509.load_pem_x509_certificate(chain.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "b.example"]
    assert server.issuer == authority.subject
    assert (server.not_valid_after_utc - server.not_valid_before_utc).total_seconds() == 25 * 3600
    assert stat.S_IMODE(chain.stat().st_mode) == 0o600
    assert b"PRIVATE" not in ca.read_bytes()

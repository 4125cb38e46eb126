"""The demonstration's client against servers that answer, and one that answers before it has heard all."""

import http.client
import socket
import ssl
import threading
from contextlib import ExitStack

import pytest

from gateway.demo.client import message_in, upload
from gateway.demo.samples import SAMPLES, Sample
from gateway.demo.service import Service, make_certificates

NOTE = Sample({"en": "a note"}, "note.txt", lambda: b"x" * 100, "https://localhost/cgi-bin/upload?type=file")


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path, ("localhost",)) as service:
        yield service


@pytest.fixture
def proxy():
    """`proxy(port)`: port of a proxy that answers one CONNECT and leads to that port; `heads` holds what it was asked."""
    with ExitStack() as stack:

        def start(target: int) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=serve, args=(listener, target))
            stack.callback(thread.join)
            thread.start()
            return listener.getsockname()[1]

        def serve(listener: socket.socket, target: int) -> None:
            with listener.accept()[0] as client, socket.create_connection(("127.0.0.1", target)) as server:
                start.heads.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 ok\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, client))
                back.start()
                pump(client, server)
                back.join()

        start.heads = []
        yield start


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_upload_is_a_form_with_one_file(service, proxy):
    answer = upload(NOTE, proxy(service.port), service.ca)
    assert proxy.heads[0].startswith(b"CONNECT localhost:443 HTTP/1.")
    assert (answer.status, answer.verdict, answer.incident, answer.message) == (200, "", "", "ok")
    (arrival,) = service.arrived
    assert (arrival.path, arrival.sha256) == ("/cgi-bin/upload", answer.sha256)
    assert arrival.bytes > 100
    assert 0 < answer.seconds < 60


def test_refusal_that_comes_before_the_body_was_sent(tmp_path, proxy):
    """The server reads the head, refuses and closes; most of the body is still on its way."""
    ca, chain = make_certificates(tmp_path, ("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    refusal = (
        b"HTTP/1.1 413 no\r\nX-Sluice-Verdict: block\r\nX-Sluice-Incident: 01\r\nContent-Length: 24\r\n\r\n"
        b'{"errmsg": "too large!"}'
    )

    def refuse():
        with listener.accept()[0] as raw, context.wrap_socket(raw, server_side=True) as client:
            client.recv(1000)
            client.sendall(refusal)
            while client.recv(65536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse)
        thread.start()
        big = Sample({"en": "big"}, "big.bin", lambda: bytes(2_000_000), "https://localhost:8443/up?")
        answer = upload(big, proxy(listener.getsockname()[1]), ca)
        thread.join()
    assert (answer.status, answer.verdict, answer.incident) == (413, "block", "01")
    assert answer.message == "too large!"


@pytest.mark.parametrize("error", [BrokenPipeError, ConnectionResetError])
def test_connection_that_breaks_while_sending_is_read_all_the_same(service, proxy, monkeypatch, error):
    """What a server that closes early leaves behind; which of the two comes is a matter of time."""
    request = http.client.HTTPSConnection.request

    def break_after_sending(self, *arguments, **options):
        request(self, *arguments, **options)
        raise error

    monkeypatch.setattr(http.client.HTTPSConnection, "request", break_after_sending)
    assert upload(NOTE, proxy(service.port), service.ca).status == 200


def test_server_nobody_vouches_for(service, proxy, tmp_path):
    (tmp_path / "other").mkdir()
    ca, _ = make_certificates(tmp_path / "other", ("localhost",))
    with pytest.raises(ssl.SSLCertVerificationError):
        upload(NOTE, proxy(service.port), ca)
    assert service.arrived == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"errcode": 0, "errmsg": "ok"}', "ok"),
        ('{"description": "no"}', "no"),
        ('{"detail": 1, "msg": "m"}', "m"),
        ("{}", "{}"),
        ("[1]", "[1]"),
        ("<html>", "<html>"),
    ],
)
def test_sentence_for_people(text, message):
    assert message_in(text) == message


def test_every_sample_has_a_host_and_a_path():
    assert all(sample.url.startswith("https://") and "/" in sample.url[8:] for sample in SAMPLES)

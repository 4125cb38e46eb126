"""Several workers on one port: one CA, one address, each connection with whoever takes it, and no gap when one dies."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess

import pytest

from tests.support.gateway import Gateway
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pair(tmp_path_factory, origin):
    routes = {"upload.example.com:443": f"127.0.0.1:{origin.port}"}
    folder = tmp_path_factory.mktemp("pair")
    with Gateway(folder, origin.ca, connect_to=routes, settings={"workers": 2}) as gateway:
        # The console answers before the second worker does.
        eventually(lambda: "Sluice is running" in gateway.log())
        yield gateway


def sockets(pid: int) -> int:
    """Sockets a process holds open."""
    found = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found += os.readlink(entry.path).startswith("socket:")
    return found


def leaf(gateway) -> tuple[str, bytes]:
    """Issuer and certificate that a client sees, after it has verified them against the CA that was handed out."""
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as raw:
        raw.sendall(b"CONNECT upload.example.com:443 HTTP/1.1\r\nHost: upload.example.com:443\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        with context.wrap_socket(raw, server_hostname="upload.example.com") as tls:
            issuer = dict(pair for (pair,) in tls.getpeercert()["issuer"])
            return issuer["commonName"], tls.getpeercert(binary_form=True)


def test_connections_are_shared_and_the_ca_is_one(pair):
    first, second = pids = sorted(pair.pids("addons"))
    before = [sockets(pid) for pid in pids]
    opened = [socket.create_connection(("127.0.0.1", pair.port), timeout=10) for _ in range(60)]
    try:
        # The kernel goes by a hash of addresses and ports, so each has its share of sixty, and none is left out.
        eventually(lambda: sum(sockets(pid) for pid in pids) >= sum(before) + 60)
        shares = [sockets(pid) - start for pid, start in zip(pids, before, strict=True)]
        assert min(shares) >= 10, shares
    finally:
        for each in opened:
            each.close()
    seen = [leaf(pair) for _ in range(20)]
    assert {issuer for issuer, _ in seen} == {"Sluice egress CA"}
    # Each worker signs leaves of its own: nothing is shared between them but the key of the CA.
    assert len({der for _, der in seen}) == 2
    assert first != second


def upload(gateway) -> str:
    command = ["curl", "-sS", "-x", gateway.proxy, "--cacert", str(gateway.ca), "-o", "/dev/null", "-w", "%{http_code}"]
    done = subprocess.run([*command, "-d", "hello", "https://upload.example.com/x"], capture_output=True, check=False)
    return done.stdout.decode()


def test_others_serve_while_a_dead_worker_is_replaced(pair, origin):
    victim, other = sorted(pair.pids("addons"))
    os.kill(victim, signal.SIGKILL)
    # A new connection goes to a socket that is open, so nobody is turned away in between.
    assert [upload(pair) for _ in range(10)] == ["200"] * 10
    eventually(lambda: len(pair.pids("addons")) == 2)
    assert other in pair.pids("addons")
    assert victim not in pair.pids("addons")
    assert pair.metric("sluice_process_restarts_total", kind="worker") >= 1


def test_stop_does_not_wait_for_idle_connections(tmp_path, origin):
    routes = {"upload.example.com:443": f"127.0.0.1:{origin.port}"}
    with Gateway(tmp_path, origin.ca, connect_to=routes, settings={"workers": 2}) as gateway:
        idle = [socket.create_connection(("127.0.0.1", gateway.port), timeout=10) for _ in range(8)]
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        for each in idle:
            each.close()
    assert "did not stop in time" not in gateway.log()

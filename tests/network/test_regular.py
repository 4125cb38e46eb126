"""Mode `regular` in a network with names: what a name answers counts once, and the router's rules close the way round."""

import re
import select
import socket
from pathlib import Path

import pytest

from tests.support.dialling import upload
from tests.support.gateway import Gateway
from tests.support.namespaces import INSIDE4, ORIGIN4, ORIGIN6, OUTSIDE4, Network, counted

EGRESS = Path(__file__).resolve().parents[2] / "deploy" / "nftables" / "egress.nft"
CLEAN = "今天开会。".encode()


@pytest.fixture(scope="module")
def gateway(network, names, origin, tmp_path_factory):
    settings = {"listen": f"{INSIDE4}:8080", "upstream_private": ["10.77.0.0/24", "203.0.113.0/24"]}
    folder = tmp_path_factory.mktemp("gateway")
    with network.gateway.entered():
        made = Gateway(folder, origin.ca, settings=settings, prefix=network.gateway.prefix).__enter__()
    yield made
    made.__exit__()


def through(network: Network, gateway: Gateway, host: str, port: int = 443, *, by_name: bool = True):
    """An upload through a tunnel, as a client of the proxy sends it."""
    with network.client.entered():
        opened = socket.create_connection((INSIDE4, 8080), timeout=20)
        opened.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert opened.recv(4096).startswith(b"HTTP/1.1 200")
        ca = gateway.ca if port == 443 else None
        return upload(INSIDE4, CLEAN, host=host, sni=host if by_name else None, ca=ca, opened=opened)


def rules_of(gateway, answer) -> list[str]:
    event = gateway.wait_event(answer.headers["x-sluice-incident"])
    return [rule["id"] for rule in event["verdict"]["rules"]]


def test_name_is_asked_for_once_and_its_answer_is_connected_to(network, gateway, origin, names):
    """DNS rebinding: a second answer would be the gateway's own console; nobody asks a second time."""
    name = "upload.example.com"

    class Rebinding(dict):
        def get(self, asked, default):
            told = sum(each == (name, "A") for each in names.asked)
            return [ORIGIN4] if asked == name and told <= 1 else [INSIDE4]

    kept, names.table = names.table, Rebinding()
    try:
        assert through(network, gateway, name).status == 200
    finally:
        names.table = kept
    assert sorted(names.asked) == [(name, "A"), (name, "AAAA")]
    assert [seen.headers["host"] for seen in origin.requests] == [name]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["169.254.169.254"], ["192.168.7.7"], [ORIGIN4, "127.0.0.1"], ["::1"], ["fe80::1"], ["::ffff:10.0.0.1"]],
    ids=" and ".join,
)  # fmt: skip
def test_name_with_an_inner_address_is_refused(network, gateway, origin, names, addresses):
    name = f"n{len(names.table)}.example.com"
    names.table[name] = addresses
    answer = through(network, gateway, name)
    assert (answer.status, rules_of(gateway, answer)) == (403, ["destination.private"])
    assert origin.connections == 0


@pytest.mark.parametrize("address", [INSIDE4, OUTSIDE4])
def test_own_ports_are_refused_by_name_and_address_though_listed(network, gateway, origin, names, address):
    name = f"self{len(names.table)}.example.com"
    names.table[name] = [address]
    for port in (8080, gateway.console_port, gateway.metrics_port):
        for host in (name, address):
            answer = through(network, gateway, host, port)
            assert (answer.status, rules_of(gateway, answer)) == (403, ["destination.private"])


@pytest.fixture
def egress(network):
    """The rules of a router between clients and a gateway elsewhere; here the origin's machine stands for that gateway."""
    text = EGRESS.read_text("utf-8")
    values = {"gateway4": ORIGIN4, "gateway6": ORIGIN6, "clients4": "{ 10.77.0.0/24 }", "clients6": "{ fd77::/64 }"}
    for name, value in {**values, "proxy": "80"}.items():
        text, found = re.subn(rf"(?m)^define {name} = .*$", f"define {name} = {value}", text)
        assert found == 1
    network.gateway.run("nft", "-f", "-", given=text)
    yield
    network.gateway.run("nft", "delete", "table", "inet", "sluice_egress")


@pytest.mark.parametrize("address", [ORIGIN4, ORIGIN6], ids=["IPv4", "IPv6"])
def test_clients_reach_the_proxy_port_and_nothing_else(network, origin, egress, address):
    with network.client.entered():
        for port in (443, 22):
            with pytest.raises(OSError):
                socket.create_connection((address, port), timeout=5).close()
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as quic:
            quic.connect((address, 443))
            quic.send(b"\xc0" + b"q" * 1200)
            assert select.select([quic], [], [], 5)[0]
        assert network.seen() == {}
        assert upload(address, CLEAN, host="upload.example.com").status == 200
    told = counted(network.gateway, "sluice_egress")
    assert (told["quic"], told["bypass"] >= 2) == (1, True)

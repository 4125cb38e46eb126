"""Mode `transparent` with the rules of `deploy/nftables/transparent.nft`: clients that know nothing of a gateway."""

import re
import select
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest import param

from tests.support import namespaces
from tests.support.dialling import upload
from tests.support.gateway import Gateway
from tests.support.namespaces import FOREIGN4, INSIDE4, ORIGIN4, ORIGIN6, OTHER_RESOLVER4, OUTSIDE4, RESOLVER4, counted

RULES = Path(__file__).resolve().parents[2] / "deploy" / "nftables" / "transparent.nft"
CLEAN = "今天开会。".encode()
ID = "身份证 11010519491231002X".encode()
BOTH = pytest.mark.parametrize("address", [ORIGIN4, ORIGIN6], ids=["IPv4", "IPv6"])


def rules(**defines: str) -> str:
    """The shipped file with other values at its head."""
    text = RULES.read_text("utf-8")
    for name, value in defines.items():
        text, found = re.subn(rf"(?m)^define {name} = .*$", f"define {name} = {value}", text)
        assert found == 1, name
    return text


@pytest.fixture(scope="module")
def gateway(network, names, origin, tmp_path_factory):
    settings = {
        "mode": "transparent",
        "listen": "[::]:8080",
        "geo": {"overrides": {"203.0.113.0/24": "CN", "2001:db8:77::/48": "CN", "198.51.100.0/24": "US"}},
        "identity": {"networks": {"10.77.0.0/24": "li.wei", "fd77::/64": "li.wei"}},
    }
    given = rules(resolvers4=f"{{ {RESOLVER4} }}", resolvers6=f"{{ {namespaces.RESOLVER6} }}")
    network.gateway.run("nft", "-f", "-", given=given)
    with network.gateway.entered():
        made = Gateway(
            tmp_path_factory.mktemp("gateway"), origin.ca, settings=settings, prefix=network.gateway.prefix
        ).__enter__()
    yield made
    made.__exit__()


@pytest.fixture
def client(network, gateway):
    with network.client.entered():
        yield


def incident(gateway, answer):
    return gateway.wait_event(answer.headers["x-sluice-incident"])


def rules_of(event) -> list[str]:
    return [rule["id"] for rule in event["verdict"]["rules"]]


@BOTH
@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_upload_reaches_the_server_that_was_dialled(network, gateway, origin, client, address, tls):
    name = "upload.example.com"
    answer = upload(address, CLEAN, host=name, sni=name, ca=gateway.ca if tls else None)
    assert answer.status == 200
    assert [(seen.path, seen.body, seen.headers["host"]) for seen in origin.requests] == [("/upload", CLEAN, name)]
    assert network.seen()["web"] > 3


@BOTH
@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_refused_upload_leaves_no_packet_at_the_server(network, gateway, origin, client, address, tls):
    name = "upload.example.com"
    answer = upload(address, ID * 40, host=name, sni=name, ca=gateway.ca if tls else None)
    assert answer.status == 403
    event = incident(gateway, answer)
    assert (event["destination"]["host"], event["destination"]["ip"]) == (name, address)
    assert event["actor"]["user"] == "li.wei"
    assert (origin.connections, network.seen().get("web", 0)) == (0, 0)


@pytest.mark.parametrize("family", ["-4", "-6"])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize(("body", "status"), [(CLEAN, "200"), (ID, "403")], ids=["allowed", "refused"])
def test_curl_that_knows_nothing_of_a_gateway(network, gateway, origin, tmp_path, family, version, body, status):
    file = tmp_path / "file.txt"
    file.write_bytes(body)
    said = network.client.run(
        "curl", "-sS", "--noproxy", "*", family, version, "--cacert", str(gateway.ca), "-F", f"file=@{file}",
        "-o", str(tmp_path / "answer"), "-w", "%{http_code}", "https://upload.example.com/upload",
    )  # fmt: skip
    assert said == status
    assert len(origin.requests) == (status == "200")
    assert set(network.seen()) == ({"dns", "web"} if status == "200" else {"dns"})


def test_forged_name_in_the_handshake_gets_no_byte_through(network, gateway, origin, client):
    """The server at the dialled address has no certificate for the name, so the handshake ends before any request."""
    answer = upload(FOREIGN4, CLEAN, host="open.feishu.cn", sni="open.feishu.cn", ca=gateway.ca)
    assert answer.status == 502
    assert origin.requests == []


def test_forged_name_in_the_clear_is_judged_as_the_bare_address(network, gateway, origin, client):
    """`qyapi.weixin.qq.com` stands in the country and is known; the address that was dialled is neither."""
    name = "qyapi.weixin.qq.com"
    phones = "".join(f"1380013{number:04}\n" for number in range(8000, 8040)).encode()
    honest = upload(ORIGIN4, phones, host=name)
    forged = upload(FOREIGN4, phones, host=name)
    assert (honest.status, forged.status) == (403, 403)
    by_name, by_address = (incident(gateway, answer) for answer in (honest, forged))
    assert (by_name["destination"]["host"], by_name["destination"]["region"]) == (name, "domestic")
    assert (by_address["destination"]["host"], by_address["destination"]["region"]) == (FOREIGN4, "overseas")
    assert network.seen().get("web", 0) == 0


def test_name_that_resolves_elsewhere_is_connected_to_where_it_was_dialled(network, gateway, origin, client, names):
    assert upload(ORIGIN4, CLEAN, host="forged.example.com").status == 200
    assert ("forged.example.com", "A") in names.asked
    assert [seen.headers["host"] for seen in origin.requests] == ["forged.example.com"]


@pytest.mark.parametrize(
    ("host", "sni"),
    [
        param("upload.example.com", "qyapi.weixin.qq.com", id="TLS name and Host differ"),
        param(FOREIGN4, None, id="another address as Host"),
    ],
)
def test_names_that_differ_are_refused(network, gateway, origin, client, host, sni):
    answer = upload(ORIGIN4, CLEAN, host=host, sni=sni, ca=gateway.ca if sni else None)
    assert answer.status == 403
    assert rules_of(incident(gateway, answer)) == ["wire.host-mismatch"]
    assert network.seen().get("web", 0) == 0


@pytest.mark.parametrize(
    ("address", "port"),
    [
        param(INSIDE4, 8080, id="proxy"),
        param(INSIDE4, 8081, id="some port"),
        param(OUTSIDE4, 80, id="another of its addresses"),
        param(OUTSIDE4, 443, id="another of its addresses, TLS"),
        param("fd77::1", 8080, id="IPv6"),
    ],
)
def test_gateway_itself_is_closed_to_clients(network, gateway, origin, client, address, port):
    with pytest.raises(OSError):
        socket.create_connection((address, port), timeout=5).close()


def test_gateway_refuses_to_connect_to_itself_without_the_rules(network, gateway, origin):
    """Dialled from its own machine past the rules: the original destination is the proxy's own port."""
    with network.gateway.entered():
        for address in (INSIDE4, OUTSIDE4, "127.0.0.1", "::1"):
            answer = upload(address, CLEAN, host="upload.example.com", port=8080)
            assert answer.status == 403
            assert rules_of(incident(gateway, answer)) == ["destination.private"]
        assert gateway.metric("sluice_open_transfers") == 0


@contextmanager
def udp(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.connect((address, port))
        yield opened


@BOTH
def test_quic_is_rejected_at_once(network, gateway, client, address):
    before = counted(network.gateway, "sluice_transparent").get("quic", 0)
    with udp(address, 443) as opened:
        opened.send(b"\xc0" + b"q" * 1200)
        assert select.select([opened], [], [], 5)[0]
        with pytest.raises(OSError):
            opened.recv(10)
    assert counted(network.gateway, "sluice_transparent")["quic"] == before + 1
    assert network.seen() == {}


@BOTH
@pytest.mark.parametrize("port", [22, 25, 53, 853, 8443])
def test_tcp_that_is_not_redirected_is_rejected(network, gateway, client, address, port):
    before = counted(network.gateway, "sluice_transparent").get("bypass", 0)
    with pytest.raises(OSError):
        socket.create_connection((address, port), timeout=5).close()
    assert counted(network.gateway, "sluice_transparent")["bypass"] > before
    assert network.seen() == {}


def test_udp_that_is_not_redirected_is_rejected(network, gateway, client):
    with udp(ORIGIN4, 4500) as opened:
        opened.send(b"x" * 100)
        assert select.select([opened], [], [], 5)[0]
    assert network.seen() == {}


def test_forged_source_goes_nowhere(network, gateway, client):
    """Rules by address would let it out: nobody waits for an answer when data is carried out by datagrams."""
    network.client.run("ip", "addr", "add", "192.0.2.77/32", "dev", "eth0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("192.0.2.77", 0))
        opened.sendto(b"x" * 100, (ORIGIN4, 4500))
    network.client.run("ip", "addr", "del", "192.0.2.77/32", "dev", "eth0")
    assert network.seen() == {}


QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06upload\x07example\x03com\x00\x00\x01\x00\x01"


def test_dns_only_to_the_listed_resolver(network, gateway, client, names):
    with udp(RESOLVER4, 53) as opened:
        opened.send(QUESTION)
        assert select.select([opened], [], [], 5)[0]
        assert socket.inet_aton(ORIGIN4) in opened.recv(512)
    with udp(OTHER_RESOLVER4, 53) as opened:
        opened.send(QUESTION)
        assert select.select([opened], [], [], 5)[0]
        with pytest.raises(OSError):
            opened.recv(512)
    assert set(network.seen()) == {"dns"}
    assert names.asked == [("upload.example.com", "A")]


def test_the_counters_see_what_does_arrive(network, gateway, names, origin):
    """What the tests above find empty is not empty for a machine that the rules do not hold back."""
    with network.gateway.entered():
        for port in (22, 443):
            with pytest.raises(OSError) if port == 22 else contextmanager(lambda: iter([None]))():
                socket.create_connection((ORIGIN4, port), timeout=5).close()
        for address, port in ((ORIGIN4, 443), (ORIGIN4, 4500), (OTHER_RESOLVER4, 53)):
            with udp(address, port) as opened:
                opened.send(QUESTION)
    assert set(network.seen()) == {"web", "ssh", "quic", "rest", "other_dns"}


def test_raw_protocols_on_a_redirected_port_are_closed(network, gateway, origin, client):
    with socket.create_connection((ORIGIN4, 443), timeout=10) as opened:
        opened.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        assert opened.recv(100) == b""
    assert network.seen() == {}


def test_names_in_the_clear_with_two_answers_are_judged_once(network, gateway, origin, client, names):
    """DNS rebinding: the name answers with the server's address, then with a private one; only the dialled one counts."""
    name = "rebind.example.com"
    names.table[name] = [ORIGIN4]
    assert upload(ORIGIN4, CLEAN, host=name).status == 200
    names.table[name] = [INSIDE4]
    answer = upload(ORIGIN4, CLEAN, host=name)
    assert answer.status == 200
    assert [seen.headers["host"] for seen in origin.requests] == [name, name]

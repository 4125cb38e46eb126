"""The router's rules."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.settings import Settings

FILE = Path(__file__).resolve().parents[2] / "deploy" / "nftables" / "egress.nft"
TEXT = FILE.read_text("utf-8")
TRANSPARENT = FILE.with_name("transparent.nft").read_text("utf-8")
CHAIN = re.compile(r"chain (\w+) \{\n(.*?)\n    \}", re.DOTALL)


def rules(chain, text=TEXT):
    found = dict(CHAIN.findall(text))[chain]
    return [line.strip() for line in found.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_clients_reach_the_proxy_and_nothing_else():
    assert rules("from_clients") == [
        "ip daddr $gateway4 tcp dport $proxy accept",
        "ip6 daddr $gateway6 tcp dport $proxy accept",
        "ip daddr $clients4 accept",
        "ip6 daddr $clients6 accept",
        "udp dport 443 counter name quic reject with icmpx admin-prohibited",
        "counter name bypass",
        'limit rate 10/minute log prefix "sluice bypass: "',
        "reject with icmpx admin-prohibited",
    ]


def test_whatever_clients_forward_comes_by_these_rules():
    assert rules("forward") == [
        "type filter hook forward priority filter; policy accept;",
        "ct state established,related accept",
        "ct state invalid drop",
        "ip saddr $gateway4 accept",
        "ip6 saddr $gateway6 accept",
        "ip saddr $clients4 jump from_clients",
        "ip6 saddr $clients6 jump from_clients",
    ]


def test_the_proxy_port_is_the_usual_one():
    assert f"define proxy = {Settings().listen.port}\n" in TEXT


def test_redirected_clients_reach_the_proxy_the_resolvers_and_nothing_else():
    """What these do to packets is tested in tests/network/test_transparent.py."""
    assert rules("prerouting", TRANSPARENT) == [
        "type nat hook prerouting priority dstnat; policy accept;",
        "fib daddr type local accept",
        "iifname $inside tcp dport $ports counter name redirected redirect to :$proxy",
    ]
    assert rules("to_gateway", TRANSPARENT)[0] == "ct status dnat tcp dport $proxy accept"
    for chain in ("to_gateway", "from_clients"):
        assert rules(chain, TRANSPARENT)[-1].endswith("reject with icmpx admin-prohibited")
    assert rules("input", TRANSPARENT)[-1] == "iifname $inside jump to_gateway"
    assert rules("forward", TRANSPARENT)[-1] == "iifname $inside jump from_clients"
    assert f"define proxy = {Settings().listen.port}\n" in TRANSPARENT


@pytest.mark.parametrize("file", [FILE, FILE.with_name("transparent.nft")], ids=lambda file: file.name)
@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft (Debian package nftables)")
def test_nft_accepts_them(file):
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "nft", "-c", "-f", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")

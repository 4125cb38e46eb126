import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.destinations.addresses import is_forbidden

param = pytest.param


@pytest.mark.parametrize(
    ("ip", "reason"),
    [
        param("1.1.1.1", "", id="public"),
        param("2606:4700::1111", "", id="public IPv6"),
        param("192.0.2.1", "", id="documentation 1"),
        param("198.51.100.1", "", id="documentation 2"),
        param("203.0.113.1", "", id="documentation 3"),
        param("2001:db8::1", "", id="documentation IPv6"),
        param("172.15.255.255", "", id="below RFC 1918"),
        param("172.32.0.0", "", id="above RFC 1918"),
        param("100.63.255.255", "", id="below carriers"),
        param("10.0.0.1", "private", id="RFC 1918, 10"),
        param("172.16.0.1", "private", id="RFC 1918, 172"),
        param("192.168.0.1", "private", id="RFC 1918, 192"),
        param("100.64.0.1", "private", id="carriers"),
        param("fc00::1", "private", id="ULA"),
        param("fec0::1", "private", id="site-local"),
        param("127.0.0.1", "loopback", id="loopback"),
        param("127.255.255.254", "loopback", id="end of loopback"),
        param("::1", "loopback", id="loopback IPv6"),
        param("0.0.0.0", "unspecified", id="unspecified"),
        param("0.1.2.3", "unspecified", id="this network"),
        param("::", "unspecified", id="unspecified IPv6"),
        param("169.254.1.1", "link-local", id="link-local"),
        param("fe80::1", "link-local", id="link-local IPv6"),
        param("fe80::1%eth0", "link-local", id="link-local with a zone"),
        param("169.254.169.254", "metadata", id="metadata"),
        param("169.254.170.2", "metadata", id="metadata of containers"),
        param("100.100.100.200", "metadata", id="metadata of Aliyun"),
        param("168.63.129.16", "metadata", id="Azure's host"),
        param("fd00:ec2::254", "metadata", id="metadata IPv6"),
        param("224.0.0.1", "multicast", id="multicast"),
        param("ff02::1", "multicast", id="multicast IPv6"),
        param("255.255.255.255", "reserved", id="broadcast"),
        param("240.0.0.1", "reserved", id="future use"),
        param("192.0.0.8", "reserved", id="IETF"),
        param("198.18.0.1", "reserved", id="benchmarking"),
        param("100::1", "reserved", id="discard"),
        param("4000::1", "reserved", id="IPv6 not given out"),
        param("::ffff:10.0.0.1", "private", id="mapped"),
        param("::ffff:169.254.169.254", "metadata", id="mapped metadata"),
        param("::ffff:1.1.1.1", "", id="mapped public"),
        param("::10.0.0.1", "private", id="compatible"),
        param("2002:a00:1::1", "private", id="6to4"),
        param("2002:101:101::1", "", id="6to4 public"),
        param("64:ff9b::7f00:1", "loopback", id="NAT64"),
        param("64:ff9b::101:101", "", id="NAT64 public"),
        param("64:ff9b:1::a9fe:a9fe", "metadata", id="NAT64 local"),
        param("2001:0:101:101:0:0:f5ff:fffe", "private", id="Teredo client 10.0.0.1"),
        param("", "invalid", id="nothing"),
        param("a.example", "invalid", id="name"),
        param("10.1", "invalid", id="short form"),
        param("0x7f.1", "invalid", id="hexadecimal form"),
        param("127.0.0.1:80", "invalid", id="with port"),
        param("[::1]", "invalid", id="with brackets"),
    ],
)
def test_reasons(ip, reason):
    assert is_forbidden(ip) == reason


@pytest.mark.parametrize(
    ("ip", "allowed", "reason"),
    [
        param("10.1.2.3", ["10.0.0.0/8"], "", id="allowed"),
        param("::ffff:10.1.2.3", ["10.0.0.0/8"], "", id="allowed in another form"),
        param("127.0.0.1", ["192.168.0.0/16", "127.0.0.0/8"], "", id="one of several"),
        param("fd00::5", ["fd00::/16"], "", id="IPv6"),
        param("169.254.169.254", ["169.254.169.254/32"], "", id="metadata, said outright"),
        param("11.0.0.1", ["10.0.0.0/8"], "", id="public needs no allowance"),
        param("192.168.1.1", ["10.0.0.0/8"], "private", id="other network"),
        param("10.1.2.3", ["10.1.2.4/32"], "private", id="neighbour"),
        param("::1", ["127.0.0.0/8"], "loopback", id="the other loopback"),
        param("nonsense", ["0.0.0.0/0"], "invalid", id="no address is allowed by nothing"),
    ],
)
def test_allowed_networks(ip, allowed, reason):
    assert is_forbidden(ip, [ipaddress.ip_network(network) for network in allowed]) == reason


@given(st.text() | st.ip_addresses().map(str))
def test_never_raises(ip):
    assert is_forbidden(ip) in {
        "", "private", "loopback", "unspecified", "link-local", "metadata", "multicast", "reserved", "invalid",
    }  # fmt: skip


@given(st.ip_addresses(v=4))
def test_no_form_of_an_address_is_freer_than_itself(ip):
    forms = [f"::ffff:{ip}", str(ipaddress.IPv6Address(0x0064FF9B << 96 | int(ip)))]

    assert all(bool(is_forbidden(form)) >= bool(is_forbidden(str(ip))) for form in forms)

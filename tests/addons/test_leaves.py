"""Leaf certificates: what stock does to a full store, and that here the cost of a new name does not grow."""

from pathlib import Path

import pytest
from cryptography import x509
from mitmproxy import certs

from addons import leaves
from addons.ca import BASENAME, KEY_BITS, ensure_ca


class Leaf:
    """Stands for a certificate; counts how often one is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Leaf.compared += 1
        return self is other

    __hash__ = object.__hash__


@pytest.fixture(scope="module")
def ca_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ca")
    ensure_ca(folder)
    return folder


@pytest.fixture
def store(ca_dir, monkeypatch):
    """A store whose certificates cost nothing to make, so that only its own work is counted."""
    monkeypatch.setattr(certs, "dummy_cert", lambda *_: Leaf())
    monkeypatch.setattr(Leaf, "compared", 0)
    yield certs.CertStore.from_store(ca_dir, BASENAME, KEY_BITS)
    leaves.uninstall()


def fill(store, count: int) -> None:
    for number in range(count):
        name = f"n{number}.example.com"
        store.get_cert(name, [x509.DNSName(name)])


def names(store) -> list[str]:
    return [key[0] for key in store.certs]


def test_ten_thousand_names_without_one_comparison(store):
    leaves.install()
    fill(store, 10_000)
    assert Leaf.compared == 0
    assert names(store) == [f"n{number}.example.com" for number in range(5000, 10_000)]


def test_known_name_is_not_made_again(store):
    leaves.install()
    fill(store, 10)
    first = store.get_cert("n3.example.com", [x509.DNSName("n3.example.com")])
    assert store.get_cert("n3.example.com", [x509.DNSName("n3.example.com")]) is first
    assert len(store.certs) == 10


def test_stock_compares_every_entry_for_every_name(store):
    """The reason for the correction; when this fails, mitmproxy has mended it."""
    certs.CertStore.STORE_CAP = 1000
    fill(store, 2000)
    assert Leaf.compared > 900 * 1000


def test_stores_share_nothing(ca_dir, store):
    leaves.install()
    other = certs.CertStore.from_store(ca_dir, BASENAME, KEY_BITS)
    fill(store, 3)
    fill(other, 2)
    assert (len(store.certs), len(other.certs)) == (3, 2)


def test_forgotten_name_gets_a_real_certificate_again(ca_dir):
    leaves.install()
    certs.CertStore.STORE_CAP = 2
    try:
        store = certs.CertStore.from_store(ca_dir, BASENAME, KEY_BITS)
        fill(store, 3)
        assert names(store) == ["n1.example.com", "n2.example.com"]
        entry = store.get_cert("n0.example.com", [x509.DNSName("n0.example.com")])
        assert [str(name.value) for name in entry.cert.altnames] == ["n0.example.com"]
    finally:
        leaves.uninstall()


def test_stock_is_put_back():
    before = certs.CertStore.expire, certs.CertStore.STORE_CAP
    leaves.install()
    assert (certs.CertStore.expire, certs.CertStore.STORE_CAP) == (leaves.expire, 5000)
    leaves.uninstall()
    assert (certs.CertStore.expire, certs.CertStore.STORE_CAP) == before == (leaves._stock_expire, 100)

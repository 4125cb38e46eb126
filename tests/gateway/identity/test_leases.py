"""Addresses told by other systems: kept in one file for all processes, ended to the second, bounded."""

import ipaddress
import sqlite3
import stat
import subprocess
import sys

import pytest

from gateway.errors import StartError
from gateway.identity import leases as module
from gateway.identity.leases import FullError, Lease, LeaseError, Leases

A, B, C = (ipaddress.ip_address(text) for text in ("10.0.0.1", "10.0.0.2", "2001:db8::1"))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def leases(tmp_path, clock):
    made = Leases(tmp_path / "addresses.db", clock)
    yield made
    made.close()


def test_who_has_an_address(leases):
    assert leases.user_of(A) is None
    assert leases.put(A, "zhang", 1060.0) is None
    assert (leases.user_of(A), leases.user_of(B)) == ("zhang", None)
    assert leases.put(A, "li", 1090.0) == Lease(A, "zhang", 1060.0, 1000.0)
    assert (leases.user_of(A), leases.find(A)) == ("li", Lease(A, "li", 1090.0, 1000.0))
    assert leases.delete(A) == Lease(A, "li", 1090.0, 1000.0)
    assert (leases.user_of(A), leases.find(A), leases.delete(A)) == (None, None, None)


def test_a_lease_ends_at_its_second(leases, clock):
    leases.put(A, "zhang", 1060.0)
    clock.now = 1059.999
    assert (leases.user_of(A), leases.count()) == ("zhang", 1)
    clock.now = 1060.0
    assert (leases.user_of(A), leases.count(), leases.after(None, 9), leases.delete(A)) == (None, 0, [], None)


def test_pages_in_the_order_of_addresses(leases):
    for address in (C, B, A):
        leases.put(address, "zhang", 2000.0)
    assert [lease.address for lease in leases.after(None, 2)] == [A, B]
    assert [lease.address for lease in leases.after(B, 9)] == [C]
    assert leases.after(C, 9) == []


def test_the_number_is_bounded_and_ended_ones_make_room(leases, clock, monkeypatch):
    monkeypatch.setattr(module, "MAX_LEASES", 2)
    leases.put(A, "zhang", 1060.0)
    leases.put(B, "zhang", 2000.0)
    with pytest.raises(FullError):
        leases.put(C, "zhang", 2000.0)
    assert leases.put(B, "li", 2000.0) is not None
    clock.now = 1060.0
    assert leases.put(C, "zhang", 2000.0) is None
    assert leases.count() == 2


def test_other_processes_see_a_change_at_once(leases, tmp_path):
    ask = (
        "import ipaddress, sys; from pathlib import Path; from gateway.identity.leases import Leases\n"
        "leases = Leases(Path(sys.argv[1]), lambda: 1000.0)\nprint(leases.user_of(ipaddress.ip_address('10.0.0.1')))"
    )

    def asked():
        command = [sys.executable, "-c", ask, str(tmp_path / "addresses.db")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert asked() == "None"
    leases.put(A, "zhang", 2000.0)
    assert asked() == "zhang"


def test_a_reader_does_not_wait_for_a_writer(leases, tmp_path):
    leases.put(A, "zhang", 2000.0)
    other = sqlite3.connect(tmp_path / "addresses.db", isolation_level=None)
    other.execute("begin immediate")
    other.execute("delete from leases")
    assert leases.user_of(A) == "zhang"
    other.close()


def test_a_writer_that_cannot_write_says_so(leases, tmp_path, monkeypatch):
    other = sqlite3.connect(tmp_path / "addresses.db", isolation_level=None)
    other.execute("begin immediate")
    leases._database.execute("pragma busy_timeout = 1")
    with pytest.raises(LeaseError):
        leases.put(A, "zhang", 2000.0)
    other.close()
    leases._database.execute("drop table leases")
    for ask in (lambda: leases.put(A, "zhang", 2000.0), lambda: leases.delete(A), lambda: leases.user_of(A)):
        with pytest.raises(LeaseError, match="OperationalError"):
            ask()
    leases._database.execute("create table leases (address)")


def test_a_lost_connection_is_an_error_of_ours(leases):
    leases._database.execute("begin")
    with pytest.raises(LeaseError):
        leases.put(A, "zhang", 2000.0)
    leases._database.execute("rollback")
    with pytest.raises(LeaseError), leases._transaction():
        leases._database.execute("rollback")


def test_only_this_user_reads_the_file(leases, tmp_path):
    assert stat.S_IMODE((tmp_path / "addresses.db").stat().st_mode) == 0o600


def test_a_file_that_is_none_stops_the_start(tmp_path):
    (tmp_path / "addresses.db").write_bytes(b"no database" * 100)
    with pytest.raises(StartError, match="move the file away to begin anew"):
        Leases(tmp_path / "addresses.db", lambda: 0.0)
    with pytest.raises(StartError, match=r"addresses cannot be kept there \(FileNotFoundError\)"):
        Leases(tmp_path / "none" / "addresses.db", lambda: 0.0)

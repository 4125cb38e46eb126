"""How many connections are let in; the rest are closed at once, counted by their reason."""

import resource

import pytest

from addons import door as module
from addons.door import Door, room
from metrics import catalogue as metrics
from tests.support.connections import client


def refused(reason: str) -> float:
    return metrics.REFUSED_CONNECTIONS.labels(reason=reason)._value.get()


@pytest.mark.parametrize(("files", "let_in"), [(20_000, 15_000), (1024, 768), (512, 256), (300, 44), (100, 1)], ids=str)
def test_room_leaves_descriptors_for_servers_and_spools(monkeypatch, files, let_in):
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (files, files))
    assert room() == let_in
    assert module.KEPT_FILES == 256


def test_one_address_leaves_room_for_others():
    door, before = Door(per_address=2, in_all=100), refused("address-connections")
    guests = [client("10.0.0.1") for _ in range(3)]
    for guest in guests:
        door.client_connected(guest)
    assert [guest.error for guest in guests] == [None, None, "address-connections"]
    assert refused("address-connections") == before + 1
    other = client("10.0.0.2")
    door.client_connected(other)
    assert other.error is None


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
    ids=["mapped", "one /64", "two /64"],
)
def test_what_counts_as_one_address(first, second, is_one):
    door = Door(per_address=1, in_all=100)
    door.client_connected(client(first))
    late = client(second)
    door.client_connected(late)
    assert (late.error is not None) is is_one


def test_nobody_is_let_in_when_all_is_full_until_somebody_leaves():
    door, before = Door(per_address=10, in_all=2), refused("connections-full")
    guests = [client(f"10.0.0.{number}") for number in range(3)]
    for guest in guests:
        door.client_connected(guest)
    assert [guest.error for guest in guests] == [None, None, "connections-full"]
    assert refused("connections-full") == before + 1
    # Who was not let in frees nothing by leaving.
    door.client_disconnected(guests[2])
    door.client_disconnected(guests[0])
    late, later = client("10.0.0.9"), client("10.0.0.9")
    door.client_connected(late)
    door.client_connected(later)
    assert (late.error, later.error) == (None, "connections-full")


def test_addresses_that_left_are_forgotten():
    door = Door(per_address=10, in_all=10)
    for number in range(500):
        guest = client(f"10.0.{number // 256}.{number % 256}")
        door.client_connected(guest)
        door.client_disconnected(guest)
    assert not door._counts
    assert not door._inside

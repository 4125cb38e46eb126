"""Wrong logins make an address wait, others not."""

import pytest

from gateway.identity import backoff
from gateway.identity.backoff import Backoff, source_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("ip", "source"),
    [
        pytest.param("10.1.2.3", "10.1.2.3", id="IPv4"),
        pytest.param("::ffff:10.1.2.3", "10.1.2.3", id="IPv4 written as IPv6"),
        pytest.param("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64", id="IPv6 counts by its /64"),
        pytest.param("", "", id="unknown"),
    ],
)
def test_sources(ip, source):
    assert source_of(ip) == source


def test_a_few_are_free_then_the_wait_doubles(clock):
    waits = []
    slow = Backoff(clock)
    for _ in range(14):
        slow.failed("a")
        waits.append(slow.wait_s("a"))
    assert waits == [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert slow.wait_s("b") == 0


def test_the_wait_ends_and_wrong_ones_are_forgotten(clock):
    slow = Backoff(clock)
    for _ in range(6):
        slow.failed("a")
    clock.now += 1.5
    assert slow.wait_s("a") == 0.5
    clock.now += 0.5
    assert slow.wait_s("a") == 0
    clock.now += 6 * 30
    slow.failed("a")
    assert slow.wait_s("a") == 0


def test_sources_are_bounded(clock, monkeypatch):
    monkeypatch.setattr(backoff, "MAX_SOURCES", 2)
    slow = Backoff(clock)
    for source in ("a", "a", "a", "a", "a", "a", "b", "c"):
        slow.failed(source)
    assert slow.wait_s("a") == 0
    assert len(slow._sources) == 2

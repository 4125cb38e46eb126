"""The first is told at once, repeats together, ever less often; memory and the number of tellings are bounded."""

from itertools import pairwise

from gateway.channels.repeats import FIRST_S, LONGEST_S, MAX_KEYS, MAX_NEW, Repeats, Tally


def repeats() -> Repeats[str]:
    return Repeats(lambda key: "crowd")


def test_first_at_once_and_repeats_after_a_minute():
    told = repeats()
    assert told.seen("a", 0.0, 10) == ("a", Tally(1, 10))
    assert [told.seen("a", second / 100, 10) for second in range(1, 101)] == [None] * 100
    assert told.due(59.9) == []
    assert told.due(60.0) == [("a", Tally(100, 1000))]
    assert told.due(61.0) == []


def test_a_repeat_after_its_minute_is_told_with_those_before():
    told = repeats()
    told.seen("a", 0.0)
    told.seen("a", 1.0, 3)
    assert told.seen("a", 60.0, 4) == ("a", Tally(2, 7))


def test_ever_less_often_up_to_an_hour():
    told, times = repeats(), []
    for second in range(4 * 3600):
        found = told.seen("a", float(second))
        if found:
            times.append(second)
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert gaps == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_who_was_quiet_begins_anew():
    told = repeats()
    told.seen("a", 0.0)
    assert told.due(FIRST_S + LONGEST_S - 1) == []
    assert told.seen("a", FIRST_S + LONGEST_S - 1) == ("a", Tally(1))
    told.due(10 * LONGEST_S)
    assert told._known == {}
    assert told.seen("a", 10 * LONGEST_S) == ("a", Tally(1))


def test_many_different_ones_at_once_are_a_crowd():
    told = repeats()
    found = [told.seen(f"host{number}", 1.0) for number in range(1000)]
    assert sum(pair is not None for pair in found) == MAX_NEW + 1
    assert found[MAX_NEW] == ("crowd", Tally(1))
    assert told.due(61.0) == [("crowd", Tally(1000 - MAX_NEW - 1))]
    assert told.seen("another", 61.0) == ("another", Tally(1))


def test_memory_is_bounded():
    told = repeats()
    for number in range(3 * MAX_KEYS):
        told.seen(f"host{number}", number * FIRST_S / MAX_NEW)
    assert len(told._known) <= MAX_KEYS + 1


def test_what_has_something_to_tell_is_not_forgotten_for_another():
    told = repeats()
    for number in range(MAX_KEYS):
        told.seen(f"host{number}", number * 10.0)
        told.seen(f"host{number}", number * 10.0)
    assert told.seen("new", MAX_KEYS * 10.0) == ("crowd", Tally(1))


def test_the_rest_is_told_at_the_end():
    told = repeats()
    told.seen("a", 0.0)
    told.seen("a", 1.0, 5)
    told.seen("b", 1.0)
    assert told.rest() == [("a", Tally(1, 5))]
    assert told.rest() == []

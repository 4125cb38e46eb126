"""What is remembered of logins, and for how long."""

import pytest

from gateway.identity import memory
from gateway.identity.logins import Login
from gateway.identity.memory import LoginMemory


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kept(clock):
    return LoginMemory(key=b"k" * 32, ttl_s=60, clock=clock)


def test_a_right_login_is_remembered_until_its_time(kept, clock):
    mark = kept.mark("zhang", "secret")
    assert kept.right(mark) is None
    kept.keep(mark, Login("zhang", ("sales",)))
    clock.now += 59.9
    assert kept.right(mark) == Login("zhang", ("sales",))
    clock.now += 0.1
    assert kept.right(mark) is None


def test_a_wrong_login_is_known_for_a_moment(kept, clock):
    mark = kept.mark("zhang", "wrong")
    assert not kept.is_wrong(mark)
    kept.keep(mark, None)
    clock.now += 9.9
    assert kept.is_wrong(mark)
    clock.now += 0.1
    assert not kept.is_wrong(mark)


def test_the_last_answer_counts(kept):
    mark = kept.mark("zhang", "secret")
    kept.keep(mark, Login("zhang"))
    kept.keep(mark, None)
    assert (kept.right(mark), kept.is_wrong(mark)) == (None, True)
    kept.keep(mark, Login("zhang"))
    assert (kept.right(mark), kept.is_wrong(mark)) == (Login("zhang"), False)
    kept.forget()
    assert (kept.right(mark), kept.is_wrong(mark)) == (None, False)


def test_marks_differ_by_name_password_and_key(kept, clock):
    pairs = [("zhang", "secret"), ("zhan", "gsecret"), ("zhang", "secre"), ("li", "secret"), ("\ud800", "\ud800")]
    marks = {kept.mark(*pair) for pair in pairs}
    marks.add(LoginMemory(key=b"x", ttl_s=60, clock=clock).mark("zhang", "secret"))
    assert len(marks) == 6
    assert {len(mark) for mark in marks} == {32}


def test_memory_is_bounded_and_the_oldest_goes(kept, monkeypatch):
    monkeypatch.setattr(memory, "MAX_REMEMBERED", 2)
    marks = [kept.mark("zhang", str(number)) for number in range(3)]
    for mark in marks:
        kept.keep(mark, Login("zhang"))
        kept.keep(bytes(mark[::-1]), None)
    assert [kept.right(mark) is not None for mark in marks] == [False, True, True]
    assert [kept.is_wrong(bytes(mark[::-1])) for mark in marks] == [False, True, True]


def test_no_password_is_kept(kept):
    kept.keep(kept.mark("zhang", "correct horse"), Login("zhang"))
    kept.keep(kept.mark("zhang", "wrong horse"), None)
    assert "horse" not in repr(vars(kept))

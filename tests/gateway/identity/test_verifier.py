"""Logins beside the event loop: each checked once, few at a time, none for ever."""

import asyncio
import threading
import time

import pytest

from gateway.identity import verifier as module
from gateway.identity.backoff import Backoff
from gateway.identity.logins import Answer, DirectoryDownError, Login, LoginResult
from gateway.identity.memory import LoginMemory
from gateway.identity.verifier import Verifier

RIGHT = Answer(LoginResult.CHECKED, Login("zhang"))
REMEMBERED = Answer(LoginResult.REMEMBERED, Login("zhang"))
WRONG, BUSY, DOWN = Answer(LoginResult.WRONG), Answer(LoginResult.BUSY), Answer(LoginResult.DOWN)


class Door:
    """A checker that opens when the test says so."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.seen: list[tuple[str, str]] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def check(self, name, password):
        self.seen.append((name, password))
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(10)
        if password == "down":
            raise DirectoryDownError("test")
        if password == "broken":
            raise ValueError("correct horse")
        return Login(name) if password == "right" else None

    def knows(self, _name):
        return True


@pytest.fixture
def door():
    return Door()


@pytest.fixture
async def make():
    made = []

    def build(checker, threads=2):
        memory = LoginMemory(key=b"k", ttl_s=60, clock=time.monotonic)
        made.append(Verifier(checker, memory=memory, backoff=Backoff(time.monotonic), threads=threads))
        return made[-1]

    yield build
    for verifier in made:
        verifier.close()


async def test_answers(make, door):
    verifier = make(door)
    assert await verifier.verify("zhang", "right", "10.0.0.1") == RIGHT
    assert await verifier.verify("zhang", "right", "10.0.0.2") == REMEMBERED
    assert await verifier.verify("zhang", "wrong", "10.0.0.1") == WRONG
    assert await verifier.verify("zhang", "wrong", "10.0.0.1") == WRONG
    assert await verifier.verify("zhang", "down", "10.0.0.1") == DOWN
    assert await verifier.verify("zhang", "broken", "10.0.0.1") == DOWN
    assert door.seen == [("zhang", "right"), ("zhang", "wrong"), ("zhang", "down"), ("zhang", "broken")]
    assert all(name.startswith("login") for name in door.threads)


@pytest.mark.parametrize(("name", "password"), [("", "x"), ("zhang", ""), ("a b", "x"), ("zhang", "x" * 1025)])
async def test_what_nobody_can_have_is_not_checked(make, door, name, password):
    assert await make(door).verify(name, password, "10.0.0.1") == WRONG
    assert door.seen == []


async def test_one_login_on_many_connections_is_checked_once(make):
    door = Door(is_open=False)
    verifier = make(door)
    tasks = [asyncio.create_task(verifier.verify("zhang", "right", "10.0.0.1")) for _ in range(30)]
    await asyncio.sleep(0)
    door.gate.set()
    assert await asyncio.gather(*tasks) == [RIGHT] * 30
    assert door.seen == [("zhang", "right")]


async def test_a_client_that_goes_away_does_not_take_the_answer_along(make):
    door = Door(is_open=False)
    verifier = make(door)
    first = asyncio.create_task(verifier.verify("zhang", "right", "10.0.0.1"))
    second = asyncio.create_task(verifier.verify("zhang", "right", "10.0.0.1"))
    await asyncio.sleep(0)
    first.cancel()
    door.gate.set()
    assert await second == RIGHT
    assert first.cancelled()


async def test_a_flood_from_one_address_leaves_room(make, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    monkeypatch.setattr(module, "MAX_WAITING_PER_SOURCE", 4)
    door = Door(is_open=False)
    verifier = make(door, threads=1)

    def wrong(number, ip):
        return asyncio.create_task(verifier.verify("zhang", f"wrong{number}", ip))

    flood = [wrong(number, "10.0.0.1") for number in range(20)]
    other = asyncio.create_task(verifier.verify("zhang", "right", "10.0.0.2"))
    done, _ = await asyncio.wait(flood, timeout=0.05)
    assert [task.result() for task in done] == [BUSY] * 16
    door.gate.set()
    assert await other == RIGHT
    assert sorted(task.result().result for task in [*(await asyncio.wait(flood))[0]]) == ["busy"] * 16 + ["wrong"] * 4


async def test_the_queue_of_all_is_bounded(make, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    door = Door(is_open=False)
    verifier = make(door, threads=1)
    tasks = [asyncio.create_task(verifier.verify("zhang", str(n), f"10.0.0.{n}")) for n in range(5)]
    done, _ = await asyncio.wait(tasks, timeout=0.05)
    assert [task.result() for task in done] == [BUSY] * 2
    door.gate.set()
    await asyncio.wait(tasks)
    assert verifier._pending == {}
    assert verifier._waiting == {}


async def test_guessing_is_slowed_down_and_who_is_known_goes_on(make, door):
    verifier = make(door)
    assert await verifier.verify("zhang", "right", "10.0.0.1") == RIGHT
    for number in range(6):
        assert await verifier.verify("zhang", f"wrong{number}", "10.0.0.1") == WRONG
    throttled = await verifier.verify("li", "right", "10.0.0.1")
    assert (throttled.result, throttled.login, 1.5 < throttled.wait_s <= 2) == (LoginResult.THROTTLED, None, True)
    assert await verifier.verify("zhang", "right", "10.0.0.1") == REMEMBERED
    assert await verifier.verify("li", "right", "10.0.0.2") == Answer(LoginResult.CHECKED, Login("li"))


async def test_a_stale_password_repeated_is_no_guessing(make, door):
    verifier = make(door)
    for _ in range(30):
        assert await verifier.verify("zhang", "stale", "10.0.0.1") == WRONG
    assert await verifier.verify("zhang", "right", "10.0.0.1") == RIGHT


async def test_a_new_checker_begins_anew(make, door):
    verifier = make(door)
    await verifier.verify("zhang", "right", "10.0.0.1")
    late = Door(is_open=False)
    verifier.use(late)
    asked = asyncio.create_task(verifier.verify("zhang", "right", "10.0.0.1"))
    await asyncio.sleep(0)
    verifier.use(door)
    # Nobody joins a question that was put to the old one, and its answer is not remembered.
    assert await verifier.verify("zhang", "right", "10.0.0.1") == RIGHT
    verifier.use(Door())
    late.gate.set()
    assert await asked == RIGHT
    assert await verifier.verify("zhang", "right", "10.0.0.1") == RIGHT
    assert (len(door.seen), verifier._pending, verifier._waiting) == (2, {}, {})


async def test_the_loop_goes_on_meanwhile(make):
    door = Door(is_open=False)
    asked = asyncio.create_task(make(door).verify("zhang", "right", "10.0.0.1"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asked.done()
    door.gate.set()
    assert await asked == RIGHT


async def test_no_password_in_logs(make, door, capsys):
    await make(door).verify("zhang", "broken", "10.0.0.1")
    said = capsys.readouterr()
    assert "ValueError" in said.out + said.err
    assert "horse" not in said.out + said.err
    assert "broken" not in said.out + said.err

"""Logins checked beside the event loop, in bounded number, each one once."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import structlog

from gateway.identity.backoff import Backoff, source_of
from gateway.identity.logins import Answer, Checker, DirectoryDownError, LoginResult, is_possible
from gateway.identity.memory import LoginMemory

MAX_WAITING = 64
"""Most logins under check or waiting for it; over it the next is refused at once."""
MAX_WAITING_PER_SOURCE = 8
"""Most of them from one address, so that a flood from one leaves room for the others."""

log = structlog.get_logger()


class Verifier:
    """For one event loop; the checks run in threads of its own."""

    def __init__(self, checker: Checker, *, memory: LoginMemory, backoff: Backoff, threads: int) -> None:
        self.checker = checker
        self._memory, self._backoff = memory, backoff
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="login")
        self._pending: dict[bytes, asyncio.Task[Answer]] = {}
        self._waiting: Counter[str] = Counter()

    async def verify(self, name: str, password: str, ip: str) -> Answer:
        """How the login ends. Never raises."""
        if not is_possible(name, password):
            return Answer(LoginResult.WRONG)
        mark, source = self._memory.mark(name, password), source_of(ip)
        remembered = self._memory.right(mark)
        if remembered is not None:
            return Answer(LoginResult.REMEMBERED, remembered)
        if self._memory.is_wrong(mark):
            return Answer(LoginResult.WRONG)
        pending = self._pending.get(mark)
        if pending is None:
            wait_s = self._backoff.wait_s(source)
            if wait_s:
                return Answer(LoginResult.THROTTLED, wait_s=wait_s)
            if self._waiting.total() >= MAX_WAITING or self._waiting[source] >= MAX_WAITING_PER_SOURCE:
                return Answer(LoginResult.BUSY)
            self._waiting[source] += 1
            # A task of its own: the client may go away, and others wait for the same answer.
            pending = asyncio.create_task(self._check(self.checker, mark, source, name, password))
            self._pending[mark] = pending
        return await asyncio.shield(pending)

    def use(self, checker: Checker) -> None:
        """Ask another checker from now on, and forget what the old one said."""
        self.checker = checker
        self._memory.forget()
        self._pending.clear()

    def close(self) -> None:
        """Take no more logins; does not wait for those under check."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _check(self, checker: Checker, mark: bytes, source: str, name: str, password: str) -> Answer:
        try:
            login = await asyncio.get_running_loop().run_in_executor(self._pool, checker.check, name, password)
        except DirectoryDownError:
            return Answer(LoginResult.DOWN)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody is let in by it
            log.error("login could not be checked", kind=type(error).__name__)
            return Answer(LoginResult.DOWN)
        finally:
            if checker is self.checker:
                self._pending.pop(mark, None)
            self._waiting[source] -= 1
            if not self._waiting[source]:
                del self._waiting[source]
        if checker is self.checker:
            self._memory.keep(mark, login)
        if login is None:
            self._backoff.failed(source)
            return Answer(LoginResult.WRONG)
        return Answer(LoginResult.CHECKED, login)

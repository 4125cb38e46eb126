"""The reading end of one job's connection: one watch and one timer for everything that comes over it."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Self

from gateway.limits import KIB

READ_BYTES = 64 * KIB


class Line:
    """`with Line(connection) as line`; the connection stays the caller's. For one reader at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._number = connection.fileno()
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._wanted = 0
        self._waiting: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fault: OSError | None = None
        """Why no more can come; TimeoutError when the time is up."""

    def __enter__(self) -> Self:
        self._loop.add_reader(self._number, self._readable)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._number)
        self.limit(None)

    def limit(self, within_s: float | None) -> None:
        """From now on, what is waited for has to come within that time; None for no bound."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if within_s is None else self._loop.call_later(within_s, self._fail, TimeoutError())

    async def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises TimeoutError when they did not come in time, ConnectionResetError when the other end closed before, else
        OSError. What came before the fault can still be taken.
        """
        if len(self._received) < size:
            if self._fault is None:
                self._wanted, self._waiting = size, self._loop.create_future()
                try:
                    await self._waiting
                finally:
                    self._waiting = None
            if len(self._received) < size:
                raise self._fault or ConnectionResetError
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    @property
    def left_bytes(self) -> int:
        """Bytes that came and were not taken."""
        return len(self._received)

    def _readable(self) -> None:
        try:
            data = self._connection.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if not data:
            self._end(ConnectionResetError())
            return
        self._received += data
        if self._waiting is not None and len(self._received) >= self._wanted:
            self._wake()

    def _end(self, error: OSError) -> None:
        self._loop.remove_reader(self._number)
        self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._fault = self._fault or error
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

"""The proxy worker's end: hands a transfer and its body to an inspector, and waits without holding up the loop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket

import structlog

from gateway.errors import InspectorError
from gateway.findings import Inspection
from gateway.inspectors.codec import decode
from gateway.inspectors.deaths import End
from gateway.inspectors.line import Line
from gateway.inspectors.sockets import control_path, reachable
from gateway.inspectors.words import (
    LENGTH,
    MAX_INLINE_BYTES,
    MAX_STATE_BYTES,
    REPLY_HEAD,
    STATE,
    TICKET_BYTES,
    WHY,
    Carriage,
    Failure,
    JobHead,
    PoolState,
    Reason,
    Ticket,
    Why,
    pack_head,
    read_reply,
    reply_length,
)
from gateway.limits import KIB
from gateway.transfer import Transfer
from gateway.uploads.model import NO_ASK, Ask

REPLY_GRACE_S = 2.0
"""Over the job's time: the inspector's timer and its watcher come first, so that the reason is known."""
WHY_ROUNDS, WHY_PAUSE_S = 25, 0.02
"""The watcher hears of a death within milliseconds; half a second is for a busy machine."""
ASK_S = 2.0
"""Longest wait for an answer on the control socket."""
MAX_WORD_CHARS = 64
"""Longest class name or file name taken into the log."""
_READ_BYTES = 64 * KIB

log = structlog.get_logger("inspectors")


class InspectorClient:
    """One per proxy worker; it has no connection open between jobs."""

    def __init__(self, socket_path: str, timeout_s: float, *, queue_s: float | None = None, max_jobs: int = 64) -> None:
        """`timeout_s`: wall clock of one job; `queue_s`: longest wait for an inspector, unless given the same.

        `max_jobs`: most jobs of this client under way or waiting; one more is refused as busy.
        """
        self._path = socket_path
        self._timeout_s = timeout_s
        self._queue_s = timeout_s if queue_s is None else queue_s
        self._max_jobs = max_jobs
        self._jobs = 0

    async def inspect(self, transfer: Transfer, body: bytes | int, size: int, ask: Ask = NO_ASK) -> Inspection:
        """What an inspector finds; raises InspectorError with reason crash, timeout, memory, busy or protocol.

        `body`: the bytes, or a descriptor of a regular file, which stays the caller's and of which `size` bytes from
        the start are read; its offset is neither used nor moved. `ask`: what is wanted beside the usual.
        """
        if isinstance(body, bytes) and size != len(body):
            raise InspectorError(Reason.PROTOCOL)
        carriage = Carriage.INLINE if isinstance(body, bytes) and size <= MAX_INLINE_BYTES else Carriage.DESCRIPTOR
        head = JobHead(transfer, self._timeout_s, size, carriage, ask)
        if self._jobs >= self._max_jobs:
            raise InspectorError(Reason.BUSY)
        self._jobs += 1
        try:
            with _connected(self._path) as connection:
                reply = await self._job(connection, head, body)
        finally:
            self._jobs -= 1
        if isinstance(reply, Failure):
            kind, where = _loggable(reply)
            log.warning("inspectors.failed", transfer=transfer.id, reason=reply.reason, kind=kind, where=where)
            raise InspectorError(reply.reason)
        return reply

    async def ping(self) -> PoolState:
        """The pool's state; raises InspectorError("crash") when there is no pool, "timeout" when it does not answer."""
        return await self._ask(PoolState, STATE, Ticket())

    async def _job(self, connection: socket.socket, head: JobHead, body: bytes | int) -> Inspection | Failure:
        ticket = None
        try:
            with Line(connection) as line:
                line.limit(self._queue_s)
                await self._send(connection, head, body)
                ticket = Ticket.unpack(await line.take(TICKET_BYTES))
                line.limit(self._timeout_s + REPLY_GRACE_S)
                return await _reply(line)
        except TimeoutError:
            raise InspectorError(Reason.BUSY if ticket is None else Reason.TIMEOUT) from None
        except OSError:
            raise InspectorError(await self._why(ticket)) from None

    async def _send(self, connection: socket.socket, head: JobHead, body: bytes | int) -> None:
        packed = pack_head(head)
        if isinstance(body, bytes) and head.carriage is Carriage.INLINE:
            await _send_all(connection, packed, body, within_s=self._queue_s)
            return
        descriptor = _in_memory(body) if isinstance(body, bytes) else _read_only(body)
        try:
            await _send_all(connection, packed, b"", descriptor, within_s=self._queue_s)
        finally:
            os.close(descriptor)

    async def _why(self, ticket: Ticket | None) -> Reason:
        """Why the inspector that gave the ticket ended without an answer."""
        reasons = {End.TIMEOUT: Reason.TIMEOUT, End.MEMORY: Reason.MEMORY}
        for _ in range(WHY_ROUNDS if ticket is not None else 0):
            try:
                why = await self._ask(Why, WHY, ticket or Ticket())
            except InspectorError:
                break
            if why.reason:
                return reasons.get(End(why.reason) if why.reason in set(End) else End.CRASH, Reason.CRASH)
            await asyncio.sleep(WHY_PAUSE_S)
        return Reason.CRASH

    async def _ask[T](self, kind: type[T], tag: bytes, ticket: Ticket) -> T:
        try:
            with _connected(control_path(self._path)) as connection:
                async with asyncio.timeout(ASK_S):
                    return decode(kind, await _asked(connection, tag + ticket.pack()))
        except TimeoutError:
            raise InspectorError(Reason.TIMEOUT) from None
        except OSError:
            raise InspectorError(Reason.CRASH) from None
        except ValueError:
            raise InspectorError(Reason.PROTOCOL) from None


def _loggable(failure: Failure) -> tuple[str, str]:
    """Class name and place of a failure, each empty unless it looks like one: an inspector may have been taken over."""
    file, _, line = failure.where.partition(":")
    is_place = file.removesuffix(".py").isidentifier() and line.isdecimal() and len(failure.where) < MAX_WORD_CHARS
    is_kind = failure.kind.isidentifier() and len(failure.kind) < MAX_WORD_CHARS
    return failure.kind if is_kind else "", failure.where if is_place else ""


def _connected(path: str) -> socket.socket:
    """A non-blocking connection; raises InspectorError with busy when the backlog is full, crash when nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        # Not loop.sock_connect: on a Unix socket EAGAIN means that the backlog is full, and nothing is under way.
        with reachable(path) as name:
            connection.connect(name)
    except OSError as error:
        connection.close()
        raise InspectorError(Reason.BUSY if isinstance(error, BlockingIOError) else Reason.CRASH) from None
    return connection


async def _asked(connection: socket.socket, question: bytes) -> bytes:
    """The JSON that answers a question on the control socket."""
    await _send_all(connection, question, b"")
    received = bytearray()
    await _fill(connection, received, LENGTH.size)
    (length,) = LENGTH.unpack_from(received)
    if length > MAX_STATE_BYTES:
        raise InspectorError(Reason.PROTOCOL)
    await _fill(connection, received, LENGTH.size + length)
    return bytes(received[LENGTH.size :])


async def _send_all(
    connection: socket.socket, head: bytes, body: bytes, descriptor: int = -1, within_s: float | None = None
) -> None:
    """Head and body without joining them, and the descriptor with the first byte; raises TimeoutError.

    Nearly always one call takes everything, so only what is left of it has a timer.
    """
    sent = _sent(connection, head, body, descriptor)
    if sent == len(head) + len(body):
        return
    async with asyncio.timeout(within_s):
        while not sent:
            await _writable(connection)
            sent = _sent(connection, head, body, descriptor)
        loop = asyncio.get_running_loop()
        if sent < len(head):
            await loop.sock_sendall(connection, memoryview(head)[sent:])
            sent = len(head)
        await loop.sock_sendall(connection, memoryview(body)[sent - len(head) :])


def _sent(connection: socket.socket, head: bytes, body: bytes, descriptor: int) -> int:
    """Bytes that the socket took; 0 when it takes none now."""
    try:
        if descriptor < 0:
            return connection.sendmsg([head, body])
        return socket.send_fds(connection, [head], [descriptor])
    except BlockingIOError:
        return 0


async def _writable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    number = connection.fileno()
    loop.add_writer(number, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(number)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _fill(connection: socket.socket, received: bytearray, until: int) -> None:
    """Read until there are at least `until` bytes; raises ConnectionResetError when they end before."""
    loop = asyncio.get_running_loop()
    while len(received) < until:
        data = await loop.sock_recv(connection, max(_READ_BYTES, until - len(received)))
        if not data:
            raise ConnectionResetError
        received += data


async def _reply(line: Line) -> Inspection | Failure:
    tag, length = reply_length(await line.take(REPLY_HEAD.size))
    reply = await line.take(length)
    if line.left_bytes:
        raise InspectorError(Reason.PROTOCOL)
    return read_reply(tag, reply)


def _read_only(descriptor: int) -> int:
    """A descriptor of the same file, with an offset of its own, through which nobody can write."""
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)


def _in_memory(body: bytes) -> int:
    """A read-only descriptor of a file that exists in memory only."""
    file = os.memfd_create("sluice", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with memoryview(body) as rest:
            done = 0
            while done < len(rest):
                done += os.write(file, rest[done:])
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
        return _read_only(file)
    finally:
        os.close(file)

"""The two Unix sockets of the pool: jobs, and questions about it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import StartError

BACKLOG = 512
"""Connections that wait in the kernel for an inspector; clients bound themselves far below."""
MAX_PATH_BYTES = 107
"""What `sun_path` of unix(7) holds."""


def control_path(socket_path: str) -> str:
    """The control socket beside the socket for jobs.

    >>> control_path("var/run/inspectors.sock")
    'var/run/inspectors.control'
    """
    return str(Path(socket_path).with_suffix(".control"))


@contextmanager
def reachable(path: str) -> Iterator[str]:
    """A name for the socket at `path` that fits into an address, valid inside the block; raises OSError.

    A long path is reached through a descriptor of its folder, because people choose long state directories.
    """
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield path
        return
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


class Sockets:
    """Both listening sockets, mode 0600.

    They get their names only when inspectors are ready, so that a client that can connect is served.
    """

    def __init__(self, socket_path: str) -> None:
        self._paths = (socket_path, control_path(socket_path))
        self._made: dict[str, int] = {}

    def open(self) -> None:
        """Make the folder (mode 0700) and the sockets under temporary names; raises StartError when that cannot be."""
        try:
            Path(self._paths[0]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.jobs, self.control = (self._listen(path) for path in self._paths)
        except OSError as error:
            raise StartError(f"{self._paths[0]}: the socket cannot be made: {error.strerror}") from None

    def publish(self) -> None:
        """Give the sockets their names, replacing what an earlier pool left; does nothing the second time."""
        for path in self._paths:
            if _temporary(path) in self._made:
                Path(_temporary(path)).replace(path)
                self._made[path] = self._made.pop(_temporary(path))

    def close(self) -> None:
        """Stop listening and remove the files, but not those of a newer pool; may be called twice."""
        for listener in (self.jobs, self.control):
            listener.close()
        for path, inode in self._made.items():
            if Path(path).exists() and Path(path).stat().st_ino == inode:
                Path(path).unlink(missing_ok=True)
        self._made = {}

    def _listen(self, path: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        fresh = _temporary(path)
        Path(fresh).unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            with reachable(fresh) as name:
                listener.bind(name)
        finally:
            os.umask(mask)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._made[fresh] = Path(fresh).stat().st_ino
        return listener


def _temporary(path: str) -> str:
    return f"{path}.{os.getpid()}"

"""What `sluice run` looks at before it starts anything: each trouble ends the start in one sentence that names it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

from gateway.errors import StartError
from gateway.settings import Address

STATE_FOLDERS = ("journal", "spool", "ca", "evidence", "run", "run/metrics")
"""Folders of the state directory (INTERFACE, 3); `run` holds what does not outlive the gateway."""
LOCK = "run/gateway.lock"
"""Held by the gateway that uses the state directory, and holds its process id."""


def prepare_state(state_dir: Path) -> int:
    """Make the state directory (mode 0700) with its folders and an empty metrics folder; a descriptor of its lock.

    The lock lasts until the descriptor is closed. Raises StartError when the directory cannot be written or is in use.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in STATE_FOLDERS:
            (state_dir / name).mkdir(mode=0o700, exist_ok=True)
        lock = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(state_dir, error) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        # Counters of an earlier run would be added to those of this one.
        metrics = state_dir / "run" / "metrics"
        shutil.rmtree(metrics)
        metrics.mkdir(mode=0o700)
    except BlockingIOError:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise StartError(
            f"{state_dir}: another gateway (process {owner}) uses this state directory; stop it or set another state_dir"
        ) from None
    except OSError as error:
        os.close(lock)
        raise _unwritable(state_dir, error) from None
    return lock


def _unwritable(state_dir: Path, error: OSError) -> StartError:
    return StartError(
        f"{state_dir}: the state directory cannot be written ({error.strerror}); "
        "set state_dir to a folder that this user may write to"
    )


def check_port(key: str, address: Address) -> None:
    """Raises StartError with one sentence when nobody could listen on the address; `key` is that of the settings."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen(1)
        except OSError as error:
            advice = "stop the program that does, or " if error.errno == errno.EADDRINUSE else ""
            raise StartError(
                f"{address}: nothing can listen there ({error.strerror}); {advice}set another address as {key}"
            ) from None


def check_trust(paths: Iterable[Path]) -> None:
    """Raises StartError naming the first file of upstream.trusted_ca that holds no certificates one can use."""
    for path in paths:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=path.read_text("ascii"))
            continue
        except (ssl.SSLError, ValueError):
            why = "it is no list of certificates in PEM"
        except OSError as error:
            why = str(error.strerror)
        raise StartError(
            f"{path}: upstream.trusted_ca cannot be used ({why}); "
            "give it the CA certificate of your servers as a PEM file, or take it out"
        )

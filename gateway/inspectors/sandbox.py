"""The layers between hostile input and the machine; each one that the kernel lacks is reported, none stops the start.

`separate_network` is called once by the generation, before it builds; `Sandbox.apply` by each inspector after its
fork. What an inspector keeps: the sockets it was given, read access to Python's and the project's code, fonts and the
magic database.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import ModuleType

from gateway.inspectors import kernel, landlock
from gateway.inspectors.seccomp import Filter

NOBODY = 65534
"""User and group that own nothing (`nobody`, `nogroup`); the kernel's own overflow id."""

SYSTEM_DATA = (
    "/usr/share/misc",
    "/usr/share/file",
    "/etc/magic",
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/etc/fonts",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/urandom",
)
"""What C libraries open late: the magic database, fonts of PDF pages, shared libraries."""


class Layer(StrEnum):
    """A layer of the sandbox; label of the metric."""

    NETWORK = "network-namespace"
    NO_NEW_PRIVILEGES = "no-new-privileges"
    CAPABILITIES = "no-capabilities"
    USER = "unprivileged-user"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"


type Report = dict[Layer, str]
"""Layer → why it is missing, one sentence; empty when it is in force."""


def separate_network() -> str:
    """Move this process and its children into a network namespace without interfaces; why not, or an empty string.

    Without the privilege for that it takes a user namespace too, in which it keeps its own user and group id.
    """
    try:
        os.unshare(os.CLONE_NEWNET | os.CLONE_NEWIPC)
    except PermissionError:
        try:
            _separate_network_as_user(os.geteuid(), os.getegid())
        except OSError as error:
            return f"user namespace: {error.strerror}"
    except OSError as error:
        return f"{error.strerror}"
    return ""


def _separate_network_as_user(user: int, group: int) -> None:  # pragma: no cover - can write no coverage report
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET | os.CLONE_NEWIPC)
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")


class Sandbox:
    """What is the same for all inspectors of a generation; made after the build, when all code is loaded."""

    def __init__(self, *, network: str, readable: Iterable[str]) -> None:
        self._network = network
        self._readable = tuple(readable)
        try:
            self._filter: Filter | None = Filter()
            self._no_filter = ""
        except OSError as error:
            self._filter, self._no_filter = None, str(error.strerror)
        self._user = "" if os.geteuid() else _user_problem(self._readable)

    def apply(self, parent: int, death_signal: int) -> Report:
        """Close everything for this thread, for good. `death_signal` comes when process `parent` ends."""
        report = {Layer.NETWORK: self._network, Layer.USER: self._user or _attempt(_become_nobody)}
        report[Layer.CAPABILITIES] = _attempt(kernel.drop_capabilities)
        # After the change of user, which would clear them.
        kernel.die_with_parent(death_signal, parent)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        report[Layer.NO_NEW_PRIVILEGES] = _attempt(lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1))
        report[Layer.LANDLOCK] = _attempt(lambda: landlock.restrict(self._readable))
        rules = self._filter
        report[Layer.SECCOMP] = self._no_filter if rules is None else _attempt(lambda: rules.load(os.getpid()))
        return report


def _attempt(step: Callable[[], None]) -> str:
    try:
        step()
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _become_nobody() -> None:  # pragma: no cover - can write no coverage report
    if os.geteuid():
        return  # Somebody without privileges already.
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _user_problem(readable: Iterable[str]) -> str:
    """Why inspectors cannot be nobody: they could not be ended, or not read their code; or an empty string."""
    if not kernel.capabilities() & kernel.CAP_KILL:
        return "without CAP_KILL an inspector of another user could not be ended"
    for path in readable:
        place = Path(path).resolve()
        try:
            closed = [step for step in (place, *place.parents) if not _is_open_to_all(step)]
        except FileNotFoundError:
            continue
        if closed:
            return f"{closed[0]} is closed to other users, and code lies in it"
    return ""


def _is_open_to_all(place: Path) -> bool:
    mode = place.stat().st_mode
    return bool(mode & (0o1 if stat.S_ISDIR(mode) else 0o4))


def readable_paths(modules: Mapping[str, ModuleType]) -> tuple[str, ...]:
    """Files and folders an inspector may read.

    They are the interpreter's library, the packages of `modules` (sys.modules) that lie elsewhere, and SYSTEM_DATA.
    Never a folder of sys.path as such: the working directory is one, and the state may lie in it.
    """
    library = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    library |= {path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}}
    own = set()
    for name, module in list(modules.items()):
        if "." not in name:
            own |= {path for path in _places(module) if not any(Path(path).is_relative_to(base) for base in library)}
    return tuple(sorted(library | own | set(SYSTEM_DATA)))


def _places(module: ModuleType) -> list[str]:
    folders = getattr(module, "__path__", None)
    if folders is not None:
        return [str(folder) for folder in folders]
    file = getattr(module, "__file__", None)
    return [] if file is None else [str(file)]

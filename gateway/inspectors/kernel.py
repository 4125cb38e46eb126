"""The few calls of Linux that Python has no function for."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CAP_KILL = 1 << 5
"""The bit of `capabilities` that allows signals to processes of other users."""
_CAPABILITY_VERSION_3 = 0x20080522
"""`_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two words per set."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *arguments: object) -> int:
    """The result of a system call by number; raises OSError."""
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, value: int) -> None:
    """One setting of the process; raises OSError."""
    _checked(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def die_with_parent(number: int, parent: int) -> None:
    """Have the kernel send signal `number` here when the parent ends, or send it now if `parent` is gone already.

    A change of user clears it, so it comes after that.
    """
    prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable set of this thread; raises OSError."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)))


def capabilities() -> int:
    """Bits of the permitted set of this thread; raises OSError."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    _checked(_libc.capget(ctypes.byref(header), ctypes.byref(sets)))
    return int(sets[1]) | int(sets[4]) << 32


def release_free_memory() -> None:
    """Give what malloc holds free back to the kernel, where the C library can (glibc)."""
    getattr(_libc, "malloc_trim", lambda _: 0)(ctypes.c_size_t(0))

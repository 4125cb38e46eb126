"""File system and socket rules of this thread by Landlock (https://docs.kernel.org/userspace-api/landlock.html)."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from gateway.inspectors.kernel import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System call numbers, the same on every architecture."""
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""ABI → count of file system rights it knows; they are the lowest bits."""
_NET_RIGHTS = 0b11
"""Bind and connect of TCP, from ABI 4."""
_SCOPES = 0b11
"""Abstract Unix sockets and signals to processes outside, from ABI 6."""


def abi() -> int:
    """The version the kernel speaks; raises OSError when it has none or it is switched off."""
    return syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))


def ruleset(version: int) -> bytes:
    """`struct landlock_ruleset_attr` that takes away every right an ABI knows.

    >>> ruleset(1).hex()
    'ff1f000000000000'
    """
    count = max(bits for since, bits in _FILE_RIGHTS.items() if since <= version)
    fields = [(1 << count) - 1]
    if version >= 4:
        fields.append(_NET_RIGHTS)
    if version >= 6:
        fields.append(_SCOPES)
    return struct.pack(f"={len(fields)}Q", *fields)


def restrict(readable: Iterable[str]) -> None:
    """Leave this thread and its children nothing of the file system but reading beneath `readable`.

    Paths that are not there are left out. Needs no_new_privs. Raises OSError; then nothing has changed.
    """
    attributes = ruleset(abi())
    rules = syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow_reading(rules, path)
        syscall(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)


def _allow_reading(rules: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR if is_folder else _READ_FILE, place)
        syscall(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)

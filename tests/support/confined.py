"""`python -m tests.support.confined STATE_DIR CALLS_FILE COMMAND…`: the command as deploy/systemd/sluice.service runs it.

A user that owns nothing but STATE_DIR, no capability, no new privilege, no memory both written and executed, only the
system calls named in CALLS_FILE (one a line), only the unit's namespaces, and every file system read-only but
STATE_DIR. To be started by root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

import pyseccomp

USER = 10001
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE = 65
PR_MDWE_REFUSE_EXEC_GAIN = 1
MS_BIND, MS_REMOUNT, MS_RDONLY, MS_REC, MS_PRIVATE = 4096, 32, 1, 16384, 1 << 18
CLONE_FLAGS_REFUSED = os.CLONE_NEWNS | os.CLONE_NEWPID | os.CLONE_NEWUTS | os.CLONE_NEWCGROUP

libc = ctypes.CDLL(None, use_errno=True)


def must(result: int, what: str) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def read_only_but(folder: Path) -> None:
    must(libc.mount(bytes(folder), bytes(folder), None, MS_BIND, None), "bind")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        place = line.split()[1].encode().decode("unicode_escape")
        if Path(place) != folder and not place.startswith(("/proc", "/sys", "/dev")):
            must(libc.mount(None, place.encode(), None, MS_BIND | MS_REMOUNT | MS_RDONLY, None), place)


def open_up(folder: Path) -> None:
    """Let every user reach `folder` although folders above it are closed: Python may be installed in a home."""
    closed = [place for place in reversed(folder.parents) if not place.stat().st_mode & 0o1]
    if closed:
        inside = os.open(folder, os.O_PATH)
        must(libc.mount(b"none", bytes(closed[0]), b"tmpfs", 0, b"mode=755"), "tmpfs")
        folder.mkdir(parents=True)
        must(libc.mount(f"/proc/self/fd/{inside}".encode(), bytes(folder), None, MS_BIND, None), "bind")
        os.close(inside)


def become_nobody_special() -> None:
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        must(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "capability")
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)


def allow_only(calls: list[str]) -> None:
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in calls:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        if number == -1 or name == "clone3":
            continue
        if name in {"unshare", "clone"}:
            # RestrictNamespaces: a flag of a namespace that is not listed is refused.
            argument = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_FLAGS_REFUSED, 0)
            rules.add_rule(pyseccomp.ALLOW, number, argument)
        else:
            rules.add_rule(pyseccomp.ALLOW, number)
    # systemd answers ENOSYS here, so that the C library falls back to clone, whose flags a filter can see.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "clone3"))
    rules.load()


def main() -> None:
    folder, calls, *command = sys.argv[1:]
    names = Path(calls).read_text().split()
    os.unshare(os.CLONE_NEWNS)
    must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private")
    open_up(Path(sys.base_prefix))
    os.chown(folder, USER, USER)
    read_only_but(Path(folder))
    become_nobody_special()
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    must(libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), "no writable code")
    os.chdir(folder)
    allow_only(names)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()

"""The system calls an inspector has no business with, refused by seccomp with EPERM.

A list of what is refused, not of what is allowed: the readers are C libraries whose needs change with every release,
and a call refused by mistake would turn into uploads refused by mistake.
"""

from __future__ import annotations

import errno
import os
from typing import Any

try:
    import pyseccomp
except (ImportError, RuntimeError, OSError):  # pragma: no cover - depends on the machine; said aloud by the sandbox
    pyseccomp = None

REFUSED: tuple[str, ...] = (
    # network and new sockets: an inspector answers on what it was given
    *("socket", "socketpair", "connect", "bind", "listen", "setsockopt", "socketcall"),
    # processes and threads
    *("execve", "execveat", "fork", "vfork", "clone", "clone3", "kill", "tkill", "rt_sigqueueinfo"),
    *("rt_tgsigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "setpgid", "setsid"),
    # other processes' memory, and looking at them
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "perf_event_open"),
    # ways round this filter, and broad attack surface
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "userfaultfd", "memfd_secret", "seccomp"),
    *("add_key", "request_key", "keyctl", "personality", "modify_ldt", "uselib", "vmsplice", "syslog"),
    # namespaces, mounts, the machine
    *("unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "swapon", "swapoff", "reboot", "kexec_load"),
    *("kexec_file_load", "init_module", "finit_module", "delete_module", "iopl", "ioperm", "acct", "quotactl"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "lookup_dcookie"),
    *("open_by_handle_at", "name_to_handle_at", "fanotify_init", "nfsservctl", "vhangup"),
    # users
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups"),
    *("capset",),
    # changes to the file system; opening for writing is refused below
    *("creat", "openat2", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir"),
    *("link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "truncate", "truncate64", "fallocate"),
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "fchownat", "lchown", "utime", "utimes"),
    *("utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr"),
    *("fremovexattr", "memfd_create", "inotify_init", "inotify_init1"),
    # System V and POSIX queues, which the file system rules do not cover
    *("shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semctl", "mq_open"),
)
"""Names of Linux system calls; those that an architecture or libseccomp does not know are left out there."""


class Filter:
    """The filter of one generation; made once, before the sandbox closes the file system, and copied by every fork.

    Raises OSError when libseccomp is not installed.
    """

    def __init__(self) -> None:
        if pyseccomp is None:
            raise OSError(errno.ENOSYS, "libseccomp is not installed")
        self._refuse = pyseccomp.ERRNO(errno.EPERM)
        self._rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
        for name in REFUSED:
            self._add(name)
        for name, flags in (("open", 1), ("openat", 2)):
            for mode in (os.O_WRONLY, os.O_RDWR):
                self._add(name, pyseccomp.Arg(flags, pyseccomp.MASKED_EQ, os.O_ACCMODE, mode))
            self._add(name, pyseccomp.Arg(flags, pyseccomp.MASKED_EQ, os.O_CREAT, os.O_CREAT))
        self._add("prlimit64", pyseccomp.Arg(0, pyseccomp.NE, 0))

    def load(self, pid: int) -> None:
        """Put the filter in force for this thread, for good. Needs no_new_privs; raises OSError.

        The thread may still signal process `pid`, itself, as abort() does.
        """
        self._add("tgkill", pyseccomp.Arg(0, pyseccomp.NE, pid))
        self._rules.load()

    def _add(self, name: str, *arguments: Any) -> None:  # noqa: ANN401 - the library has no types
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        if number != _UNKNOWN:
            self._rules.add_rule(self._refuse, number, *arguments)


_UNKNOWN = -1
"""`__NR_SCMP_ERROR`: libseccomp has never heard the name."""

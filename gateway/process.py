"""What every process of the gateway does at its start."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
PARENT = "SLUICE_SUPERVISOR_PID"
"""Variable in which the supervisor tells its children who their parent is; PID 1 may be a supervisor in a container."""


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent goes, so that no part outlives the supervisor (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    expected = os.environ.get(PARENT)
    if expected is not None and os.getppid() != int(expected):
        # The parent was gone before the call.
        os.kill(os.getpid(), signal.SIGTERM)

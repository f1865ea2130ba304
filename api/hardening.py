"""What a process that holds keys asks of the operating system: no core file, and no other process that looks in.

What this cannot keep away: whoever is root on the machine, and memory that the system writes to swap. Python copies
values as it likes, so that zeros are written over keys and master secrets, and not over every passing copy.
"""

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""Source: prctl(2) of Linux."""


def leave_nothing_behind() -> None:
    """Let no crash write this process's memory to a file, and no other process of the same user read it.

    Raises:
        OSError: the system refuses it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the process cannot be closed to others")

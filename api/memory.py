"""What a process holds in memory stays there: a crash leaves no core file, and nobody of the same account looks in.

A core file of the service would hold whatever it had open at that instant: names, keys, tokens.
"""

import contextlib
import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""Source: prctl(2)."""


def keep_out_of_core_files() -> None:
    """Leave no core file of this process, whatever its limits were, and let no debugger of the same account attach.

    Both are needed: a limit of zero does not hold back a system that pipes core files into a program, and a program
    that this process starts has its own mark, but inherits the limit. Where the system knows no such mark, the limit
    stands alone.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

"""What the fork server has done before it starts a process: all imports, and the reading of the country packages."""

import api.demo.processes
from api.runtime import published

published()

__all__ = ["api"]

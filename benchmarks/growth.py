"""By how much a process grows while a function runs: the kernel's own high-water mark. Linux only."""

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

# For the environment of the process: freed blocks from this size on go back to the kernel at once, and there is one
# arena, so that the mark follows what is alive.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_ARENA_MAX": "1"}
_RESET = Path("/proc/self/clear_refs")


def can_be_measured() -> bool:
    return _RESET.exists()


def growth(step: Callable[[], object]) -> int:
    """By how many bytes this process grows while the step runs three times."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    _RESET.write_text("5")  # the high-water mark begins anew
    before = _status("VmRSS")
    for _ in range(3):
        step()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])

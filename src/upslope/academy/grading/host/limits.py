"""What a grading may use: time, memory, processes, files and output; and how this is enforced.

The child sets the kernel's own limits on itself before it loads the learner's code. They have gaps (a limit on
processes does nothing for root, one on memory nothing on macOS, a sleeping process uses no processor time), so the
parent watches from outside as well: the clock, the memory and the number of all processes descended from the child.
"""

import contextlib
import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

_MB = 1 << 20
_PROC = os.path.exists("/proc/self/stat")  # Linux; elsewhere ps is asked, which takes longer
LOOK_EVERY = 0.05 if _PROC else 0.25  # seconds between two looks at memory and processes


def patience() -> float:
    """By how much all seconds of a grading are stretched: UPSLOPE_PATIENCE, for a machine that is slow or busy."""
    try:
        return max(1.0, float(os.environ.get("UPSLOPE_PATIENCE", "1")))
    except ValueError:
        return 1.0


@dataclass(frozen=True)
class Limits:
    """The bounds of one grading. Seconds are wall-clock; sizes are in MB (2**20 bytes) or KB.

    The default seconds are 5 and 14, stretched by `patience`; those that are given stand as they are.
    """

    check_seconds: float = field(default_factory=lambda: 5.0 * patience())  # one check, and loading the answer
    total_seconds: float = field(default_factory=lambda: 14.0 * patience())  # all checks; a verdict takes 20 s at most
    memory_mb: int = 1024  # on top of what the interpreter and the libraries take
    file_mb: int = 16  # one file
    files_mb: int = 64  # all files together
    open_files: int = 256
    output_kept_kb: int = 64
    output_kb: int = 1024  # more than this ends the grading


def restrict(limits: Limits, *, alone: bool) -> None:
    """Set the kernel's limits on this process, for good. `alone`: no other process may be started from here."""
    wanted = {
        "RLIMIT_CPU": int(limits.total_seconds) + 5,
        "RLIMIT_FSIZE": limits.file_mb * _MB,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
    used = _address_space()
    if used:
        # A thread's stack and its first heap are set aside before they are used: 256 MB keep them out of the count.
        wanted["RLIMIT_AS"] = used + (limits.memory_mb + 256) * _MB
    if alone and os.getuid() != 0:  # counts all of this user's threads and processes, and nothing for root
        wanted["RLIMIT_NPROC"] = _tasks_of_this_user() + 64
    for name, value in wanted.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound, bound))


@dataclass(frozen=True)
class ResourceUsage:
    """What the processes of a grading use together."""

    memory: int  # bytes in RAM
    processes: tuple[int, ...]  # their ids, the child's own first


def usage(pid: int) -> ResourceUsage:
    """Memory and processes of `pid` and all that descend from it."""
    family = [pid]
    if _PROC:
        for member in family:
            family += _children(member)
        return ResourceUsage(sum(resident(member) for member in family), tuple(family))
    rows = _ps()
    for member in family:
        family += [row.pid for row in rows if row.parent == member and row.pid not in family]
    return ResourceUsage(sum(row.resident for row in rows if row.pid in family), tuple(family))


def end_group(pid: int, mark: str, spare: tuple[int, ...] = ()) -> int:
    """Kill `pid`, its group, its session, and what else carries `mark` in its environment; how many strays there were.

    `pid` must not have been reaped yet (so that the number cannot mean somebody else). Strays are looked for again
    until none is left, because one may start another while the list is read.
    """
    strays: set[int] = set()
    for _ in range(200):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        left = [other for other in _strays(pid, mark) if other not in {pid, os.getpid(), *spare}]
        if not left:
            break
        strays |= set(left)
        for action in (signal.SIGSTOP, signal.SIGKILL):
            for other in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(other, action)
        time.sleep(0.01)
    return len(strays)


@dataclass(frozen=True)
class _Row:
    pid: int
    parent: int
    group: int
    resident: int


def _ps() -> list[_Row]:
    listed = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,rss="], capture_output=True, text=True, check=False, timeout=5
    ).stdout
    rows = [[int(word) for word in line.split()] for line in listed.splitlines()]
    return [_Row(pid, parent, group, kb * 1024) for pid, parent, group, kb in rows]


def _strays(pid: int, mark: str) -> list[int]:
    """Processes of the grading that still live: by group, by session, by the mark in their environment."""
    if not _PROC:
        rows = _ps()
        family = {row.pid for row in rows if row.group == pid}
        family |= {row.pid for row in rows if row.parent in family | {pid}}
        return sorted(family)
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] in b"ZX":
                continue
            mine = pid in {int(fields[1]), int(fields[2]), int(fields[3])}
            if mine or mark.encode() in Path(entry.path, "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_bytes().split()]
    except OSError:
        return found
    return found


def resident(pid: int) -> int:
    """Bytes of RAM that a process has; 0 where that cannot be read."""
    if not _PROC:
        return next((row.resident for row in _ps() if row.pid == pid), 0)
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _tasks_of_this_user() -> int:
    if not _PROC:
        return len(_ps())
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                count += len(os.listdir(f"{entry.path}/task"))
        except OSError:
            continue
    return count


def written(folder: str) -> int:
    """Bytes on disk below a folder; stops counting where there are more entries than anybody needs."""
    total, todo, seen = 0, [folder], 0
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > 20_000:
                return 1 << 62
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
    return total

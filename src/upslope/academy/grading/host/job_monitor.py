"""Monitoring one grading job: its messages, the check that is running, its deadline, and how it ended.

Only signed messages count, and the clock that matters is the parent's. The result is `Told`: everything that the job
reported, and the one reason why it ended.
"""

import signal
import time
from dataclasses import dataclass, field

from upslope.academy.grading.host.limits import patience
from upslope.academy.grading.protocol.job import Job
from upslope.academy.grading.protocol.signed_pipe import Forged, Message, Reader

BOOT_SECONDS = 15.0  # until the child is ready; only our own code runs in that time
# What a child tells of an answer's deeds; each settles the verdict.
PROBLEMS = ("tried", "changed", "poses", "threads", "left")


@dataclass
class Told:
    """What came of one job."""

    messages: list[Message] = field(default_factory=list)
    output: bytes = b""  # what the answer printed, up to the limit
    trace: str = ""  # where all threads stood when the process was stopped or crashed
    # How it ended: "end" as it should; "time", "total", "memory", "processes", "output", "forged" stopped by the
    # parent for that; "caught" stopped after the child told of a forbidden deed; "rest" stopped after a failure was
    # known and the rest took too long; "died" by itself.
    ended: str = ""
    status: int | None = None  # exit status, or minus the signal
    running: str | None = None  # the check that was running; "" while the answer was being loaded
    seconds: float = 0.0


class Referee:
    """Follows one job by its messages: which check runs, since when, until when it may."""

    def __init__(self, job: Job, reader: Reader, rest: float | None, until: float | None) -> None:
        self.told = Told()
        self.stop: str | None = None
        self.filtered = False
        self._limits, self._reader, self._rest = job.limits, reader, rest
        self._until_all = time.monotonic() + 1e6 if until is None else until
        self.deadline = min(time.monotonic() + BOOT_SECONDS * patience(), self._until_all)
        self._late = "died"
        self._end: float | None = None
        self._printed = 0
        self._left = False

    def take(self, pipe: str, piece: bytes) -> None:
        if pipe == "report":
            try:
                for message in self._reader.feed(piece):
                    self._follow(message)
            except (Forged, LookupError, TypeError):
                self.stop = "forged"
        elif pipe == "output":
            self._printed += len(piece)
            room = self._limits.output_kept_kb * 1024 - len(self.told.output)
            self.told.output += piece[: max(room, 0)]
            if self._printed > self._limits.output_kb * 1024:
                self.stop = self.stop or "output"
        else:
            self.told.trace = (self.told.trace + piece.decode("utf-8", "replace"))[:100_000]

    def _follow(self, message: Message) -> None:
        now, told, limits = time.monotonic(), self.told, self._limits
        told.messages.append(message)
        self._left = self._left or bool(message.get("left"))
        kind = message["kind"]
        if kind == "ready":
            self.filtered = bool(message.get("seccomp"))
            self._end = min(now + limits.total_seconds, self._until_all)
            told.running = ""
            self._until("time", now + limits.check_seconds)
        elif kind == "start":
            told.running = message["check"]
            self._until("time", now + limits.check_seconds)
        elif kind == "result" and not message["passed"] and self._rest is not None:
            self._end, self._rest = now + self._rest, None
            self._late = "rest"
        elif kind == "verified" and (self._left or any(message.get(problem) for problem in PROBLEMS)):
            self.stop = "caught"
        elif kind == "end":
            told.running = None

    def _until(self, late: str, deadline: float) -> None:
        """The running check has until then; or until the end of all, if that comes first."""
        end = self._end or deadline
        if self._late == "rest":
            self.deadline = min(deadline, end)
        elif end < deadline:
            self._late, self.deadline = "total", end
        else:
            self._late, self.deadline = late, deadline

    def clock(self, now: float) -> str | None:
        return self._late if now >= self.deadline else None

    def over(self) -> str:
        """The process has ended by itself: as it should, or not."""
        said_so = bool(self.told.messages) and self.told.messages[-1]["kind"] == "end"
        return self.stop or ("end" if said_so else "died")


def place_in(trace: str, files: tuple[str, ...]) -> tuple[str, int] | None:
    """The innermost line in one of `files` in what faulthandler wrote, threads in the order in which it wrote them."""
    for line in trace.splitlines():
        head, _, tail = line.strip().partition('", line ')
        name = head.removeprefix('File "')
        number = tail.split(" ")[0]
        if number.isdigit() and any(name == file or name == _escaped(file) for file in files):
            return next(file for file in files if name in {file, _escaped(file)}), int(number)
    return None


def _escaped(name: str) -> str:
    """How faulthandler writes a file name: plain ASCII."""
    return name.encode("ascii", "backslashreplace").decode()


def exited_by(status: int | None) -> str:
    """The way a process ended, in words."""
    if status is None:
        return "was gone"
    if status >= 0:
        return f"left with status {status}"
    names: dict[int, str] = {
        signal.SIGSEGV: "crashed (segmentation fault)",
        signal.SIGBUS: "crashed (bus error)",
        signal.SIGILL: "crashed (illegal instruction)",
        signal.SIGFPE: "crashed (arithmetic fault in machine code)",
        signal.SIGABRT: "crashed (abort)",
        signal.SIGXCPU: "used up its processor time",
        signal.SIGXFSZ: "wrote a file larger than its limit",
        signal.SIGSYS: "made a system call that is not allowed",
    }
    return names.get(-status, f"was ended by signal {-status}")

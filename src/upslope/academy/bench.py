"""The parent's side of a grading: start the child, hand it jobs, read what it reports, hold it to its limits.

The parent never runs the learner's code and never imports NumPy. It believes only sealed messages, keeps its own clock,
and when something is over it ends every process that came of the job.
"""

import contextlib
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from upslope.academy.job import Job, receive, send
from upslope.academy.limits import end_group, usage, written
from upslope.academy.sandbox import readable
from upslope.academy.source import PACKAGE
from upslope.academy.wire import Forged, Message, Reader

_BOOT = "import sys; sys.path.insert(0, sys.argv.pop()); from upslope.academy.child import main; main()"
_BOOT_SECONDS = 15.0  # until the child is ready; only our own code runs in that time
_TICK = 0.05  # between two looks at memory and processes
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class GradingFailed(RuntimeError):
    """The grader itself could not do its work; nothing is said about the answer."""


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


class Bench:
    """A child that serves grading jobs, one after the other. Use it as a context."""

    def __init__(self, *, fork: bool | None = None) -> None:
        # After NumPy was imported, a fork is safe with OpenBLAS on one thread, not with macOS' Accelerate.
        self._fork = sys.platform == "linux" if fork is None else fork
        self._preload = ["numpy"]
        self.mark = f"UPSLOPE_GRADING={secrets.token_hex(12)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._used = False
        self._start()

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and all that came of it."""
        if self._process is not None:
            # The child sees its socket close, ends the job that may be running, and itself.
            self._control.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=0.5)
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None

    @property
    def pid(self) -> int:
        """The number of the server's process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def preload(self, names: Iterable[str]) -> None:
        """Let the child import these while nobody waits; what is not installed is left out."""
        fresh = [name for name in names if name not in self._preload]
        self._preload += fresh
        if fresh and self._process is not None and not (self._used and not self._fork):
            with contextlib.suppress(OSError):  # a child that is gone is noticed when it gets its job
                send(self._control, {"preload": fresh})

    def run(self, job: Job, *, rest: float | None = None, until: float | None = None) -> Told:
        """Do one job. `rest`: seconds for the checks after the first that fails; None for as long as all others.

        `until`: when all has to be over at the latest, by time.monotonic().
        """
        if self._process is None or self._process.poll() is not None or (self._used and not self._fork):
            self.close()
            self._start()
        self._used = True
        with contextlib.ExitStack() as held:
            pipes = [os.pipe() for _ in range(3)]
            for reading, _ in pipes:
                held.callback(os.close, reading)
            secret = secrets.token_bytes(32)
            try:
                send(self._control, {**job.to_json(), "secret": secret.hex()}, [writing for _, writing in pipes])
            except OSError:
                raise self._broken("went away before it got its job") from None
            finally:
                for _, writing in pipes:
                    os.close(writing)
            referee = _Referee(job, Reader(secret), rest, until)
            with selectors.DefaultSelector() as events:
                for (reading, _), name in zip(pipes, ("report", "output", "trace"), strict=True):
                    os.set_blocking(reading, False)
                    events.register(reading, selectors.EVENT_READ, name)
                events.register(self._control, selectors.EVENT_READ, "control")
                try:
                    self._watch(job, referee, events)
                except BaseException:  # Ctrl-C, say: nothing may go on running
                    self.close()
                    raise
            return referee.told

    def _start(self) -> None:
        here, there = socket.socketpair()
        name, _, value = self.mark.partition("=")
        environment = {**dict.fromkeys(_THREADS, "1"), name: value, "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        for kept in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            if kept in os.environ:
                environment[kept] = os.environ[kept]
        command = [sys.executable, "-I", "-S", "-B", "-c", _BOOT, str(there.fileno()), str(PACKAGE.parent)]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[there.fileno()],
            start_new_session=True,
        )
        there.close()
        self._control = here
        self._used = False
        with contextlib.suppress(OSError):  # a child that is gone is noticed when it gets its job
            send(here, {"path": readable().libraries, "fork": self._fork})
            send(here, {"preload": self._preload})

    def _watch(self, job: Job, referee: "_Referee", events: selectors.BaseSelector) -> None:
        """Until the job is over: take in what comes, look at the clock and at what the processes use."""
        told, pid, began, looked = referee.told, 0, time.monotonic(), 0.0
        while True:
            now = time.monotonic()
            verdict = referee.clock(now)
            if verdict is None and pid and not job.trusted and now - looked >= _TICK:
                looked = now
                verdict = _too_much(pid, job)
            if verdict is not None:
                break
            wait = min(_TICK, max(referee.deadline - now, 0.0))
            for key, _ in events.select(wait):
                if key.data == "control":
                    said, _ = receive(self._control)
                    if said is None:
                        events.unregister(self._control)
                        if self._fork or not pid:
                            told.status = None if pid else 1
                            verdict = "died"
                    elif "pid" in said:
                        pid = said["pid"]
                    else:
                        told.status, verdict = said["status"], referee.over()
                elif not self._take(key, referee, events):
                    verdict = verdict or (None if self._fork else referee.over())
                verdict = verdict or referee.stop
            if verdict is not None:
                break
        if not pid:
            raise self._broken("did not start")
        self._finish(job, referee, events, pid, verdict)
        told.seconds = time.monotonic() - began

    def _take(self, key: selectors.SelectorKey, referee: "_Referee", events: selectors.BaseSelector) -> bool:
        """Read what is there on one pipe; False when the report has ended."""
        try:
            piece = os.read(key.fd, 1 << 16)
        except BlockingIOError:
            return True
        if not piece:
            events.unregister(key.fileobj)
            return bool(key.data != "report")
        referee.take(key.data, piece)
        return True

    def _finish(self, job: Job, referee: "_Referee", events: selectors.BaseSelector, pid: int, verdict: str) -> None:
        """Stop what still runs, ask it first where it stands, collect the last words, end all strays."""
        told = referee.told
        told.ended = verdict
        if verdict in {"time", "total"}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGABRT)  # faulthandler answers with the line of every thread
                os.kill(pid, signal.SIGCONT)  # also if the answer has put its process to sleep
            self._drain(referee, events, 0.3, until_status=True)
        elif verdict in {"end", "died"}:
            self._await_end(0.5)
            self._drain(referee, events, 0.2, until_status=True)
        spare = () if self._process is None or not self._fork else (self._process.pid,)
        strays = 0 if told.ended == "end" and referee.filtered else end_group(pid, self.mark, spare)
        self._drain(referee, events, 0.2, until_status=self._fork)
        if strays and told.ended in {"end", "died"}:
            told.ended = "processes"
        if not self._fork and self._process is not None:
            told.status = self._process.wait()

    def _await_end(self, seconds: float) -> None:
        """Let a child that is its own examinee end by itself, without reaping it: until then its number is its own."""
        if self._fork or self._process is None:
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if hasattr(os, "waitid"):
                if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                    return
            elif self._process.poll() is not None:
                return
            time.sleep(0.005)

    def _drain(
        self, referee: "_Referee", events: selectors.BaseSelector, seconds: float, *, until_status: bool
    ) -> None:
        """Take in what is still on the way."""
        until = time.monotonic() + seconds
        while events.get_map() and (left := until - time.monotonic()) > 0:
            if until_status and referee.told.status is not None:
                left = 0.0
            found = events.select(left)
            for key, _ in found:
                if key.data != "control":
                    self._take(key, referee, events)
                    continue
                said, _ = receive(self._control)
                if said is None:
                    events.unregister(self._control)
                else:
                    referee.told.status = said.get("status", referee.told.status)
            if not found and left == 0.0:
                break

    def _broken(self, what: str) -> GradingFailed:
        process = self._process
        said = b""
        if process is not None and process.stderr is not None:
            process.kill()
            said = process.stderr.read()[-2000:]
        self.close()
        return GradingFailed(f"the grading child {what}: {said.decode(errors='replace').strip() or 'it said nothing'}")


class _Referee:
    """Follows one job by its messages: which check runs, since when, until when it may."""

    def __init__(self, job: Job, reader: Reader, rest: float | None, until: float | None) -> None:
        self.told = Told()
        self.stop: str | None = None
        self.filtered = False
        self._limits, self._reader, self._rest = job.limits, reader, rest
        self._until_all = time.monotonic() + 1e6 if until is None else until
        self.deadline = min(time.monotonic() + _BOOT_SECONDS, self._until_all)
        self._late = "died"
        self._end: float | None = None
        self._printed = 0

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
        elif kind == "verified" and any(message[problem] for problem in ("changed", "poses", "tried", "threads")):
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


def _too_much(pid: int, job: Job) -> str | None:
    used = usage(pid)
    if len(used.processes) > 1:
        return "processes"
    # The libraries themselves take up to about 200 MB.
    if used.memory > (job.limits.memory_mb + 256) << 20:
        return "memory"
    return "files" if written(job.work) > job.limits.files_mb << 20 else None


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
    names: dict[int, Any] = {
        signal.SIGSEGV: "crashed (segmentation fault)",
        signal.SIGBUS: "crashed (bus error)",
        signal.SIGILL: "crashed (illegal instruction)",
        signal.SIGFPE: "crashed (arithmetic fault in machine code)",
        signal.SIGABRT: "crashed (abort)",
        signal.SIGXCPU: "used up its processor time",
        signal.SIGXFSZ: "wrote a file larger than its limit",
        signal.SIGSYS: "made a system call that is not allowed",
    }
    return str(names.get(-status, f"was ended by signal {-status}"))

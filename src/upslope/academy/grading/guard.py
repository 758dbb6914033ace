"""The guard: an audit hook that refuses what an answer has no business doing, in words that a learner understands.

Python tells audit hooks (PEP 578) before it opens a file, starts a process, makes a socket, runs code from a string or
hands out a frame, and a hook cannot be taken away again. The guard is installed just before the learner's code is
loaded. It is the layer that explains, and where the kernel has no Landlock it is also the layer that holds. It sees
only what goes through Python: code that reaches the machine's memory gets past it, and then the kernel's layers count.
"""

import builtins
import os
import posix
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PosixPath
from types import FrameType
from typing import Any, NoReturn

from upslope.academy.grading.deeds import (
    CALLS_TAKEN_AWAY,
    CHANGES,
    FAMILIES,
    FRAMES,
    IMPORTING,
    LOOK,
    MODULES_TAKEN_AWAY,
    NEVER,
    PARTS_OF_FUNCTIONS,
    REFLECTION,
    WRITING,
)

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))


class Refused(PermissionError):
    """Something that an answer may not do; the text is the sentence for the learner."""


@dataclass(frozen=True)
class Policy:
    """What the guard goes by. All paths are real: absolute, without links."""

    own: str  # the only folder in which files may be written
    readable: tuple[str, ...]  # files and folders that may be read, with what lies below
    names: tuple[str, ...]  # folders that may be listed; what lies in them is another matter
    closed: tuple[str, ...]  # below a readable folder and still not readable, unless named in `opened`
    opened: tuple[str, ...]  # readable wherever they lie: the overlay and the targets of its links
    private: tuple[str, ...]  # an attempt to read here settles the verdict: the repository, the learner's home
    overlay: str
    learner: tuple[str, ...]  # the files' names under which the learner's code was compiled


def install(policy: Policy, tried: list[str], on_first_run: Callable[[], None]) -> None:
    """Guard this process from now on, for good.

    `tried` receives the sentence of every attempt that settles the verdict, even if the answer swallows the error.
    `on_first_run` is called once, at the moment before the first line of the learner's code runs.
    """
    guard = _Guard(policy, tried, on_first_run)
    modules = ("os", "posix", "signal", "_signal", "subprocess", "_posixsubprocess")
    for module in [sys.modules[name] for name in modules if name in sys.modules]:
        for call, what in CALLS_TAKEN_AWAY.items():
            if hasattr(module, call):
                setattr(module, call, guard.closed(what))
    sys.addaudithook(guard.hook)


class _Guard:
    def __init__(self, policy: Policy, tried: list[str], on_first_run: Callable[[], None]) -> None:
        self.own, self.learner, self.tried = policy.own, frozenset(policy.learner), tried
        self.readable, self.closed_folders = _below(policy.readable), _below(policy.closed)
        self.opened, self.private = _below(policy.opened), _below(policy.private)
        self.listable, self.names = (policy.own + "/", *self.readable, *self.opened), frozenset(policy.names)
        library = os.path.dirname(threading.__file__)
        installed = _below((library, *sys.path[1:]))
        ours = (policy.overlay + "/", os.path.dirname(__file__) + "/")
        # How the file names of code begin that is not the learner's.
        self.trusted = (*installed, *ours, "<frozen ")
        # Libraries that look at frames or run code of their own making for everyday reasons, on anybody's behalf.
        everyday = ("collections/__init__.py", "enum.py", "typing.py", "dataclasses.py", "warnings.py")
        packages = tuple(path for path in installed if not path.startswith(library) or "-packages/" in path)
        self.everyday = (*(f"{library}/{name}" for name in everyday), *packages, *ours, IMPORTING)
        self.waiting = [on_first_run]
        self.asking: list[int] = []  # the thread that is looking up its own caller right now
        # Bound here, because the learner's code may change these modules.
        self.getframe, self.thread, self.readlink = sys._getframe, threading.get_ident, posix.readlink
        self.fspath = PosixPath.__fspath__

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """Called by Python before the deed; raising stops it."""
        if event == "object.__getattr__":
            if args[1] in FRAMES:
                self.reflect(LOOK)
        elif event == "open":
            self.open(args[0], args[2])
        elif event == "import":
            self.load(args[0], args[1])
        elif event in CHANGES:
            count, verb = CHANGES[event]
            for path in args[:count]:
                self.change(path, verb)
        elif event in REFLECTION:
            if event == "exec" and self.waiting and args[0].co_filename in self.learner:
                self.waiting.pop()()
            # The guard's own look at its caller raises an event as well.
            if not (event == "sys._getframe" and self.asking and self.asking[-1] == self.thread()):
                self.reflect(REFLECTION[event])
        elif event == "object.__setattr__" or event == "object.__delattr__":
            if args[1] in PARTS_OF_FUNCTIONS:
                self.reflect(f"change {args[1]} of a function or class")
        elif event in NEVER:
            self.stop(NEVER[event])
        elif event == "os.listdir" or event == "os.scandir":
            self.list(args[0])
        else:
            family = event.partition(".")[0]
            if family == "socket":
                self.stop(FAMILIES[family])
            elif family == "ctypes":
                self.reflect(FAMILIES[family])

    def open(self, path: Any, flags: Any) -> None:
        name = self.name(path)
        if name is None:
            return
        real = self.resolve(name)
        if self.inside_own(real):
            return
        if type(flags) is int and flags & WRITING:
            if real != "/dev/null":
                self.stop(f"write {real}")
        elif not _in(real, self.opened):
            if _in(real, self.closed_folders):
                self.stop(f"read {real}")
            if not _in(real, self.readable):
                if _in(real, self.private):
                    self.stop(f"read {real}")
                raise Refused(f"an answer may not read {real}")
            for folder in self.closed_folders:
                if folder.startswith(real + "/"):  # an open folder is a way to what lies below it
                    raise Refused(f"an answer may not open {real}")

    def change(self, path: Any, verb: str) -> None:
        name = self.name(path)
        if name is not None and name != ":memory:":
            real = self.resolve(name, last=False)
            if not self.inside_own(real):
                self.stop(f"{verb} {real}")

    def list(self, path: Any) -> None:
        name = self.name(path)
        if name is not None:
            real = self.resolve(name)
            if not _in(real, self.listable) and real not in self.names:
                raise Refused(f"an answer may not list {real}")

    def load(self, module: Any, machine_code: Any) -> None:
        if module in MODULES_TAKEN_AWAY:
            self.stop(f"load {module} anew")
        if machine_code is not None and not _in(self.resolve(machine_code), self.readable):
            self.stop("load machine code of its own")

    def reflect(self, what: str) -> None:
        """Refuse if code that is not trusted stands in the chain of calls.

        Not if an everyday library asks, nor if a library does so while it is being imported, whoever imports it.
        """
        frame = first = self.caller()
        if first is not None and first.f_code.co_filename.startswith(self.everyday):
            return
        while frame is not None and not frame.f_code.co_filename.startswith(IMPORTING):
            if not frame.f_code.co_filename.startswith(self.trusted):
                self.stop(what, first)
            frame = frame.f_back

    def stop(self, what: str, frame: FrameType | None = None) -> NoReturn:
        """Refuse, and settle the verdict."""
        sentence = f"the answer tried to {what}{self.line(frame or self.caller())}"
        if len(self.tried) < 8:
            self.tried.append(sentence)
        raise Refused(sentence)

    def closed(self, what: str) -> Callable[..., NoReturn]:
        """A call that refuses."""
        return lambda *_, **__: self.stop(what)

    def caller(self) -> FrameType | None:
        """Asked from `reflect`: the frame that raised the event. Asked from deeper inside the guard: one near it."""
        self.asking.append(self.thread())
        try:
            return self.getframe(3)
        except ValueError:
            return None
        finally:
            self.asking.pop()

    def line(self, frame: FrameType | None) -> str:
        while frame is not None:
            if frame.f_code.co_filename in self.learner:
                return f" (line {frame.f_lineno})"
            frame = frame.f_back
        return ""

    def name(self, path: Any) -> str | None:
        """The path as plain text; None for an open descriptor. An object of the learner's own making is refused."""
        kind = type(path)
        if kind is str:
            return str(path)
        if kind is bytes:
            return bytes(path).decode("utf-8", "surrogateescape")
        if kind is PosixPath:
            return self.fspath(path)
        if kind is int or path is None:
            return None
        return self.stop("open a path that is not plain text")

    def inside_own(self, real: str) -> bool:
        return real == self.own or real.startswith(self.own + "/")

    def resolve(self, name: str, *, last: bool = True) -> str:
        """The real path behind a name, every link followed; `last`: also if the last part is a link."""
        if not name.startswith("/"):
            name = self.own + "/" + name  # the current folder is the answer's own, and stays so
        todo = name.split("/")[::-1]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
            elif part not in {"", "."}:
                target = self.target("/" + "/".join([*done, part])) if last or todo else None
                if target is None:
                    done.append(part)
                    continue
                links += 1
                if links > 40:
                    self.stop(f"open {name}, a circle of links")
                if target.startswith("/"):
                    done = []
                todo += target.split("/")[::-1]
        return "/" + "/".join(done)

    def target(self, path: str) -> str | None:
        try:
            return self.readlink(path)
        except (OSError, ValueError):
            return None


def _below(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path.rstrip("/") + "/" for path in paths))


def _in(real: str, folders: tuple[str, ...]) -> bool:
    return (real + "/").startswith(folders)

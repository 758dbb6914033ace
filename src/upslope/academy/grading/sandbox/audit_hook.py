"""The audit hook: it refuses what an answer may not do, in a sentence that a learner understands.

Python tells audit hooks (PEP 578) before it opens a file, starts a process, makes a socket, runs code from a string or
hands out a frame, and a hook cannot be removed again. This one is installed just before the learner's code is loaded.
It is the layer that explains a refusal, and where the kernel has no Landlock it is also the layer that enforces it. It
sees only what goes through Python: code that writes to memory directly gets past it, and then only the kernel's layers
protect.
"""

import builtins
import posix
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PosixPath
from types import FrameType, FunctionType
from typing import Any, NoReturn

from upslope.academy.grading.integrity.impostor_types import written_in
from upslope.academy.grading.integrity.isolated_copies import Copies
from upslope.academy.grading.sandbox import torch_denylist
from upslope.academy.grading.sandbox.audit_events import (
    CALLS_TAKEN_AWAY,
    CHANGES,
    FAMILIES,
    FRAMES,
    LOOK,
    MODULES_TAKEN_AWAY,
    NEVER,
    PARTS_OF_FUNCTIONS,
    REFLECTION,
    WRITING,
)
from upslope.academy.grading.sandbox.call_origin import Callers, below

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))


class Refused(PermissionError):
    """Something that an answer may not do; the text is the sentence for the learner."""


@dataclass(frozen=True)
class Policy:
    """What the audit hook may allow. All paths are real: absolute, without links."""

    own: str  # the only folder in which files may be written
    readable: tuple[str, ...]  # files and folders that may be read, with what lies below
    names: tuple[str, ...]  # folders that may be listed; what lies in them is another matter
    closed: tuple[str, ...]  # below a readable folder and still not readable, unless named in `opened`
    opened: tuple[str, ...]  # readable wherever they lie: the overlay and the targets of its links
    private: tuple[str, ...]  # an attempt to read here settles the verdict: the repository, the learner's home
    overlay: str
    learner: tuple[str, ...]  # the files' names under which the learner's code was compiled


def install(policy: Policy, tried: list[str], on_first_run: Callable[[], None], copies: Copies) -> tuple[str, ...]:
    """Guard this process from now on, for good.

    `tried` receives the sentence of every attempt that settles the verdict, even if the answer swallows the error.
    `on_first_run` is called once, at the moment before the first line of the learner's code runs. Returns the names of
    the modules in which a call was taken away. The guard itself is a twin that `copies` make.
    """
    guard = copies.twin(_Guard(policy, tried, on_first_run))
    changed = [name for name in _CHANGED if name in sys.modules]
    for module in [sys.modules[name] for name in changed]:
        for call, what in CALLS_TAKEN_AWAY.items():
            if hasattr(module, call):
                setattr(module, call, _closed(what))
    changed += torch_denylist.close(_guarded)
    sys.addaudithook(guard.hook)
    return tuple(dict.fromkeys(changed))


# The calls that stand in the place of others raise events of their own and know nothing of the guard: what a function
# knows can be read out of it.
_CLOSED = "upslope.closed"
_CALLS = frozenset({_CLOSED, torch_denylist.OUTSIDE, torch_denylist.REGISTERS, torch_denylist.OURS_ONLY})
Call = Callable[..., Any]


def _closed(what: str, audit: Call = sys.audit) -> Call:
    """A call that nobody may make."""
    return lambda *_, **__: audit(_CLOSED, what, ())


def _guarded(original: Call, what: str, kind: str, audit: Call = sys.audit) -> Call:
    """A call that is announced before it is made."""

    def call(*args: Any, **more: Any) -> Any:
        audit(kind, what, args)
        return original(*args, **more)

    return call


_CHANGED = ("os", "posix", "signal", "_signal", "subprocess", "_posixsubprocess")


class _Guard:
    def __init__(self, policy: Policy, tried: list[str], on_first_run: Callable[[], None]) -> None:
        self.own, self.learner, self.tried = policy.own, frozenset(policy.learner), tried
        self.files = policy.learner
        self.readable, self.closed_folders = below(policy.readable), below(policy.closed)
        self.opened, self.private = below(policy.opened), below(policy.private)
        self.listable, self.names = (policy.own + "/", *self.readable, *self.opened), frozenset(policy.names)
        self.waiting = [on_first_run]
        self.callers = Callers(policy.overlay, self.learner)
        # Bound here, because the learner's code may change these modules.
        self.readlink = posix.readlink
        self.fspath = PosixPath.__fspath__

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        """Called by Python before the operation; raising stops it."""
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
            if not (event == "sys._getframe" and self.callers.asks()):
                self.reflect(REFLECTION[event], event.partition(".")[2] if event.startswith(("sys.", "gc.")) else "")
        elif event == "object.__setattr__" or event == "object.__delattr__":
            if args[1] in PARTS_OF_FUNCTIONS:
                self.reflect(f"change {args[1]} of a function or class")
        elif event in NEVER:
            self.stop(NEVER[event])
        elif event == "os.listdir" or event == "os.scandir":
            self.list(args[0])
        elif event in _CALLS:
            self.taken_away(event, args[0], args[1])
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
        if module == "torch":  # where an exercise needs it, it is there already, with its doors closed
            self.stop("load torch, which this exercise does not use")
        if machine_code is not None and not _in(self.resolve(machine_code), self.readable):
            self.stop("load machine code of its own")

    def reflect(self, what: str, call: str = "") -> None:
        """Refuse if it is the answer that asks; not if a library does for everyday reasons, or while it is imported."""
        first = self.callers.above(2)
        if not self.callers.everyday(first, call) and self.callers.answers(first):
            self.stop(what, first)

    def stop(self, what: str, frame: FrameType | None = None) -> NoReturn:
        """Refuse, and settle the verdict."""
        sentence = f"the answer tried to {what}{self.callers.line(frame or self.callers.above(1))}"
        if len(self.tried) < 8:
            self.tried.append(sentence)
        raise Refused(sentence)

    def taken_away(self, event: str, what: str, given: tuple[Any, ...]) -> None:
        """A call that was taken away, or guarded, is made."""
        if event == torch_denylist.OURS_ONLY and not any(self.made(value) for value in given):
            return
        if event in {torch_denylist.OUTSIDE, torch_denylist.REGISTERS} and not self.callers.answers(
            self.callers.above(2)
        ):
            return  # a library's own business
        if event == torch_denylist.REGISTERS and self.callers.everyday(self.callers.above(4), torch_denylist.LIBRARY):
            return
        self.stop(what)

    def made(self, value: object) -> bool:
        """Whether an answer made this: a function, or an object of a class that is written in a learner's file."""
        parts = [part for kind in type.mro(type(value)) for part in vars(kind).values()]
        return isinstance(value, FunctionType) or any(any(written_in(self.files, part)) for part in parts)

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
                    self.stop(f"open {name}, a loop of links")
                if target.startswith("/"):
                    done = []
                todo += target.split("/")[::-1]
        return "/" + "/".join(done)

    def target(self, path: str) -> str | None:
        try:
            return self.readlink(path)
        except (OSError, ValueError):
            return None


def _in(real: str, folders: tuple[str, ...]) -> bool:
    return (real + "/").startswith(folders)

"""Call origin: whether an operation was started by the answer, or by a library for its own purposes.

Libraries inspect frames and run generated code all the time: for warnings, named tuples, error messages. So an
operation is judged by the calls that led to it. It belongs to a library if the library's own code names what is called;
a call that was passed to a library (`np.vectorize(sys._getframe)`) belongs to the answer.
"""

import builtins
import os
import sys
import threading
from types import FrameType

from upslope.academy.grading.sandbox.audit_events import IMPORTING

# The functions below keep the builtins of this moment, whatever the learner's code does to the module later.
globals()["__builtins__"] = dict(vars(builtins))

# Files of the standard library that look at frames or run code for everyday reasons, on anybody's behalf.
_EVERYDAY = ("collections/__init__.py", "enum.py", "typing.py", "dataclasses.py", "warnings.py")


def below(paths: tuple[str, ...]) -> tuple[str, ...]:
    """How the paths of all that lies in some folders begin."""
    return tuple(dict.fromkeys(path.rstrip("/") + "/" for path in paths))


class Callers:
    """Knows by its file whose code a frame runs."""

    def __init__(self, overlay: str, learner: frozenset[str]) -> None:
        self._learner = learner
        standard = os.path.dirname(threading.__file__)
        installed = below((standard, *sys.path[1:]))
        ours = (overlay + "/", os.path.dirname(os.path.dirname(__file__)) + "/")
        # How the file names of code begin that is not the learner's.
        self._trusted = (*installed, *ours, "<frozen ")
        packages = tuple(path for path in installed if not path.startswith(standard) or "-packages/" in path)
        self._everyday = (*(f"{standard}/{name}" for name in _EVERYDAY), *ours, IMPORTING)
        self._packages = packages
        self._asking: list[int] = []  # the thread that is looking up its own caller right now
        # Bound here, because the learner's code may change these modules.
        self._getframe, self._thread = sys._getframe, threading.get_ident

    def asks(self) -> bool:
        """Whether this very object is asking for a frame, which raises an event as well."""
        return bool(self._asking) and self._asking[-1] == self._thread()

    def above(self, depth: int) -> FrameType | None:
        """The frame that is `depth` calls above the one that asks."""
        self._asking.append(self._thread())
        try:
            return self._getframe(depth + 1)
        except ValueError:
            return None
        finally:
            self._asking.pop()

    def everyday(self, frame: FrameType | None, call: str = "") -> bool:
        """Whether a library does this for a reason of its own. `call`: the name it must have called; "": any."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._everyday):
                return True
            if file.startswith(self._packages):
                return not call or call in frame.f_code.co_names
            if not file.startswith(self._trusted):
                return False
            call, frame = frame.f_code.co_name, frame.f_back  # the standard library: who called it?
        return False

    def answers(self, frame: FrameType | None) -> bool:
        """Whether code that is not trusted stands in the chain of calls, up to an import."""
        while frame is not None and not frame.f_code.co_filename.startswith(IMPORTING):
            if not frame.f_code.co_filename.startswith(self._trusted):
                return True
            frame = frame.f_back
        return False

    def line(self, frame: FrameType | None) -> str:
        """The learner's line nearest to a frame, in brackets; nothing if there is none."""
        while frame is not None:
            if frame.f_code.co_filename in self._learner:
                return f" (line {frame.f_lineno})"
            frame = frame.f_back
        return ""

"""Ctrl-C and SIGTERM while a run takes its steps: noted at once, and obeyed when the step that is under way is done.

Between two steps the state of a training is whole, in the middle of one it is not: only there can it be saved and gone
on from, to the bit. Who cannot wait types Ctrl-C again, which interrupts in the middle.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class Terminated(SystemExit):
    """A run that was asked to end by SIGTERM, as schedulers do it; the exit code is the one of a process it kills."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class Interruption:
    """What was asked for while the block runs; outside of a program's main thread nothing is watched."""

    def __init__(self, *, wait: bool, follows: bool = False, noted: Callable[[], None] = lambda: None) -> None:
        """`wait` for the end of a step, else interrupt at once. A process that `follows` another leaves it to that."""
        self.wait, self.follows, self.noted = wait, follows, noted
        self.asked: BaseException | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN:  # what a shell starts in the background
                    self._before[number] = before
                    signal.signal(number, signal.SIG_IGN if self.follows else self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            ours = signal.SIG_IGN if self.follows else self._note
            if signal.getsignal(number) == ours:  # else somebody has put another one in its place
                signal.signal(number, before)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        asked = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        if not self.wait or self.asked is not None:
            raise asked
        self.asked = asked
        self.noted()

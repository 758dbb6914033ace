"""What editors do when they save, waited out: they write in pieces, rename, delete and make anew, several times over.

`saves` gives the files that changed, once a save is over; `settled` reads one when it is Python, or stays as it is.
"""

import time
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from threading import Event

from upslope.academy.answers import read_answer
from upslope.syntax import parsed

_QUIET_MS = 40  # a save is over when nothing has changed for so long
_BURST_MS = 400  # and is looked at after that, whatever still changes
_TICK_MS = 250  # between two looks for Ctrl-C
_HALF_WRITTEN = 0.25  # seconds that a text which is no Python gets to become some; stretched by the patience


def saves(folder: Path, files: Collection[Path], *, stop: Event | None = None) -> Iterator[list[Path]]:
    """Those of `files`, relative to `folder`, that changed, after each save; an empty list now and then."""
    from watchfiles import watch

    for found in watch(
        folder,
        watch_filter=lambda _, path: Path(*Path(path).parts[-2:]) in files,
        debounce=_BURST_MS,
        step=_QUIET_MS,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
        stop_event=stop,
    ):
        yield sorted({Path(*Path(path).parts[-2:]) for _, path in found})


def settled(file: Path) -> bytes | None:
    """What a file holds once it is Python, or has stayed as it is for a moment; None if there is no file."""
    from upslope.academy.grading.host.limits import patience

    content = None
    until = time.monotonic() + _HALF_WRITTEN * patience()
    while True:
        if file.exists():
            content = read_answer(file)
            if is_python(content):
                return content
        if time.monotonic() >= until:
            return content if file.exists() else None
        time.sleep(0.02)


def is_python(content: bytes) -> bool:
    """Whether this can be read as Python at all, and is not empty: half a file rarely can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(parsed(content).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False

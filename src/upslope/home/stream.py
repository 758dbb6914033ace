"""What changed, told to the pages as it happens: one stream of server-sent events, which follows the progress store.

Whoever writes the store (`check`, `watch`, `lab` in any terminal) need not know that a page is open: the stream looks
at the newest event's id, and at the sizes of the runs' files, four times a second. A page that hears of a change asks
for itself again and takes over what is different (static/home.js).
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from upslope.academy.progress import BadProgress, Progress
from upslope.runs.run_dir import is_running

PERIOD = 0.25  # seconds between two looks
_ALIVE = 15.0  # seconds after which a stream with nothing to say says so, and finds out that nobody listens


def fingerprint(progress: Path, runs: Path, *, graded: int = 0, line: object = ()) -> dict[str, int]:
    """Three numbers, each of which changes when what it is called changes. `line`: the labs that wait."""
    try:
        newest = Progress(progress).newest()
    except BadProgress:  # locked for a moment: the next look sees it
        newest = -1
    return {"events": newest, "runs": hash((_runs(runs), line)) & 0xFFFFFFFF, "graded": graded}


def _runs(root: Path) -> tuple[tuple[object, ...], ...]:
    """What is seen of the runs without reading a file: sizes and times, and of those that have no result who writes."""
    seen: list[tuple[object, ...]] = []
    for folder in sorted(root.glob("*-*")):
        sizes = []
        for name in ("config.json", "metrics.jsonl", "result.json"):
            try:
                status = (folder / name).stat()
                sizes.append((status.st_size, status.st_mtime_ns))
            except OSError:
                sizes.append((-1, 0))
        with contextlib.suppress(OSError):
            seen.append((folder.name, *sizes, sizes[-1][0] < 0 and is_running(folder)))
    return tuple(seen)


async def changes(look: Callable[[], dict[str, int]], gone: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
    """The stream: what there is now, then every change, as server-sent events."""
    before: dict[str, int] = {}
    silent = 0.0
    while not await gone():
        now = await asyncio.to_thread(look)
        if now != before:
            before, silent = now, 0.0
            yield f"data: {json.dumps(now)}\n\n"
        elif silent >= _ALIVE:
            silent = 0.0
            yield ": alive\n\n"
        await asyncio.sleep(PERIOD)
        silent += PERIOD

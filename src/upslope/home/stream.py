"""What changed, told to the pages as it happens: one stream of server-sent events, which follows the progress store.

Whoever writes the store (`check`, `watch`, `lab` in any terminal) need not know that a page is open: the stream looks
at the newest event's id, and at the sizes of the runs' files, four times a second. A page that hears of a change asks
for itself again and takes over what is different (static/home.js).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from upslope.academy.progress import BadProgress, Progress

PERIOD = 0.25  # seconds between two looks
_ALIVE = 15.0  # seconds after which a stream with nothing to say says so, and finds out that nobody listens


def fingerprint(progress: Path, runs: Path, graded: int) -> dict[str, int]:
    """Three numbers, each of which changes when what it is called changes."""
    try:
        newest = Progress(progress).newest()
    except BadProgress:  # locked for a moment: the next look sees it
        newest = -1
    return {"events": newest, "runs": _runs(runs), "graded": graded}


def _runs(folder: Path) -> int:
    """A number for what stands in the runs' folders."""
    seen = []
    for name in ("metrics.jsonl", "result.json", "config.json"):
        for path in folder.glob(f"*/{name}"):
            try:
                status = path.stat()
            except OSError:
                continue
            seen.append((path.parent.name, name, status.st_size, status.st_mtime_ns))
    return hash(tuple(sorted(seen))) & 0xFFFFFFFF


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

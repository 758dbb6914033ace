"""One job for each of many exercises, several at a time, each with a grading child of its own while it runs."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TypeVar

from upslope.academy.grading.host.child_process import Bench
from upslope.academy.lessons import Step

Row = TypeVar("Row")
Lend = Callable[[], contextlib.AbstractContextManager[Bench]]
Progress = Callable[[int, int, str], None]  # how many are done, of how many, and which


def over_exercises(
    steps: Sequence[Step], job: Callable[[Step, Lend], Row], *, processes: int, progress: Progress | None = None
) -> tuple[Row, ...]:
    """What `job(step, lend)` gives for each step, in their order; `with lend() as bench:` is a child for it alone.

    Each child serves many exercises, so that PyTorch is imported once in each.
    """
    children: SimpleQueue[Bench] = SimpleQueue()

    @contextlib.contextmanager
    def lend() -> Iterator[Bench]:
        bench = children.get()
        try:
            yield bench
        finally:
            children.put(bench)

    with contextlib.ExitStack() as held, ThreadPoolExecutor(max_workers=processes) as pool:
        for _ in range(processes):
            children.put(held.enter_context(Bench()))
        jobs = {pool.submit(job, step, lend): step for step in steps}
        try:
            for done, ended in enumerate(as_completed(jobs), 1):
                ended.result()
                if progress is not None:
                    progress(done, len(jobs), jobs[ended].name)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for what has not begun
            raise
        return tuple(ended.result() for ended in jobs)

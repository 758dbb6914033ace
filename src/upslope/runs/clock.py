"""Seconds of the parts of a run that take turns, counted through interruptions."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Clock:
    """Seconds by name, over all sessions of a run."""

    def __init__(self, *names: str) -> None:
        self.seconds = dict.fromkeys(names, 0.0)

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Count the seconds of this block."""
        begun = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - begun

    def state_dict(self) -> dict[str, float]:
        """The seconds so far."""
        return dict(self.seconds)

    def load_state_dict(self, state: Mapping[str, float], /) -> None:
        """Go on from these."""
        self.seconds = dict(state)

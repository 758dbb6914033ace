"""Runs of several processes: the first one keeps the run's folder, the others follow it and leave nothing behind.

The rank of this process is read from the environment, as torchrun (RANK) or SLURM (SLURM_PROCID) sets it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


class Followed(BaseException):
    """A process that follows has done its part; the first process does what is left."""


def launched() -> bool:
    """Whether somebody has said which process of several this is."""
    return "RANK" in os.environ or "SLURM_PROCID" in os.environ


def rank(config: Any) -> int:
    """The number of this process among those of the run; 0 keeps the folder, and is alone in a run of one process."""
    if getattr(config, "processes", 1) == 1:
        return 0
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0")))


@contextmanager
def folder_to_follow_in(source: Path | None = None) -> Iterator[Path]:
    """A folder of runs for a process that follows, with a copy of `source` (a run that is resumed) in it."""
    with TemporaryDirectory(prefix="upslope-follow-") as root:
        if source is not None:
            shutil.copytree(source, Path(root, source.name))
        yield Path(root)

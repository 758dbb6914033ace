"""Writing files so that a reader sees the old one or the new one, never half of one.

A new file is written beside its place, forced to the disk, and renamed into it. Renaming is atomic on POSIX, so a
process killed at any moment leaves at worst a stray file with a leading dot, which nobody reads.
"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from upslope.runs.errors import DiskProblem
from upslope.runs.workspace import short


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`: whole and durable, or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        try:
            with open(beside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Put a JSON value at `path`, readable by people, atomically."""
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def make_folder(path: Path) -> None:
    """Make a folder and its parents, with one sentence where that is impossible."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def sync_folder(path: Path) -> None:
    """Force a rename in this folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write `path` into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # a library's own kind of OSError (a lost connection), not the system's refusal
            raise
        where = short(path)
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                said = f"the disk is full: {where} could not be written; free some space and try again"
            case errno.EFBIG:
                said = f"{where} would be larger than this system allows a file to be (ulimit -f)"
            case errno.EACCES | errno.EPERM | errno.EROFS:
                advice = "UPSLOPE_HOME or UPSLOPE_DATA can name a folder of yours"
                said = f"{where} cannot be written: {error.strerror}; {advice}"
            case errno.ENOTDIR | errno.EEXIST:
                said = f"{where} cannot be made: a file stands where a folder is needed"
            case _:
                said = f"{where} could not be written: {error.strerror or error}"
        raise DiskProblem(said) from error

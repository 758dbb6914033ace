"""A private temporary folder for one grading: the package as the child sees it, and the child's own folder."""

import contextlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

from upslope.academy.checklist import CheckList
from upslope.academy.grading.host.limits import Limits
from upslope.academy.grading.host.readable_paths import private, readable
from upslope.academy.grading.protocol.job import Job
from upslope.academy.overlay import Overlay, Submission, build
from upslope.academy.reference import PACKAGE, locate, parse, top_level_names


class Workplace:
    """Use it as a context: at its end the folder is gone."""

    def __enter__(self) -> "Workplace":
        self.folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="upslope-grading-", dir=_fast())))
        self._count = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _remove(self.folder)

    def package(self, answers: dict[str, Submission]) -> Overlay:
        """A new overlay with these answers; without any, the package as it is."""
        root = self._folder("package")
        if answers:
            return build(root, answers)
        (root / "upslope").symlink_to(PACKAGE)
        return Overlay(root)

    def job(
        self,
        overlay: Overlay,
        checks: CheckList,
        names: Iterable[str],
        *,
        seed: int,
        limits: Limits,
        answers: Mapping[str, Submission] | None = None,
        trusted: bool = False,
        landlock: bool = True,
        rounds: int = 1,
        gather: bool = False,
    ) -> Job:
        """A job for that overlay, with a folder of its own."""
        places = readable()
        return Job(
            root=str(overlay.root),
            work=str(self._folder("work")),
            module=checks.module,
            checks=tuple(names),
            seed=seed,
            rounds=rounds,
            gather=gather,
            learner=tuple(answer.path for answer in (answers or {}).values()),
            made=tuple(name for answer in (answers or {}).values() for name in _defined_in(answer)),
            asked=tuple(exercise.rpartition(":")[2].rpartition(".")[2] for exercise in answers or {}),
            trusted=trusted,
            landlock=landlock,
            opened=() if trusted else tuple(os.path.realpath(path) for path in overlay.readable),
            readable=() if trusted else places.roots,
            names=() if trusted else places.names,
            closed=() if trusted else places.closed,
            private=() if trusted else private(),
            limits=limits,
        )

    def _folder(self, name: str) -> Path:
        self._count += 1
        folder = self.folder / f"{name}-{self._count}"
        folder.mkdir(mode=0o700)
        return folder


def _defined_in(answer: Submission) -> set[str]:
    """The dotted names that an answer's functions, classes and variables get; none where it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = top_level_names(parse(answer.text))
            return {f"{locate(answer.exercise).module}.{name}" for name in names}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def _fast() -> str | None:
    """Memory, where the machine offers enough: a hundred links take two milliseconds there. None: the default."""
    memory = "/dev/shm"
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(memory)
    return memory if room.f_bavail * room.f_frsize > 256 << 20 else None


def _remove(folder: Path) -> None:
    """Remove a folder even if an answer took away its own right to."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for place, names, _ in os.walk(folder):
            for name in (place, *(os.path.join(place, name) for name in names)):
                with contextlib.suppress(OSError):
                    if not os.path.islink(name):
                        os.chmod(name, 0o700)
        shutil.rmtree(folder, ignore_errors=True)

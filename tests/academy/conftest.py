"""What hostile answers are tried on: a home with something to lose, and a look at what still runs."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.verdict import Verdict
from upslope.academy.reference import PACKAGE


class World:
    """A home with something to lose, a port on which somebody listens, a folder for temporary files."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = Path(os.path.realpath(folder)) / "home"
        self.home.mkdir()
        self.canary = self.home / "canary.txt"
        self.canary.write_text("alive: 8f3a")
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("TMPDIR", str(self.temporary))
        monkeypatch.setattr("tempfile.tempdir", str(self.temporary))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.before = self.state()

    def words(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "CANARY": str(self.canary),
            "PORT": str(self.listener.getsockname()[1]),
            "PACKAGE": str(PACKAGE),
            "SOURCE": str(PACKAGE.parent),
            "REPOSITORY": str(PACKAGE.parent.parent),
        }

    def fill(self, text: str) -> str:
        for word, value in self.words().items():
            text = text.replace("{" + word + "}", value)
        return text

    def state(self) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for path in [self.home, *self.home.rglob("*")]:
            facts = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (facts.st_mode, facts.st_mtime_ns, facts.st_nlink, content)
        return found

    def untouched(self) -> None:
        assert self.state() == self.before
        assert list(self.temporary.iterdir()) == [], "the grading left something behind"
        with pytest.raises(BlockingIOError):
            self.listener.accept()

    def nothing_lives(self, bench: Bench) -> None:
        """Nothing runs any more of a bench's gradings, the bench's own server left out."""
        assert living(bench) == []

    @staticmethod
    def sentence(verdict: Verdict) -> str:
        """What a learner reads first: one sentence, without a traceback, and nothing of the canary's."""
        failing = next((check for check in verdict.checks if not check.passed), None)
        said = verdict.refused or verdict.stopped or (failing.message if failing else "")
        assert "\n" not in said
        assert "Traceback" not in said
        assert len(said) < 400
        assert "8f3a" not in verdict.output
        return said


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path, monkeypatch)
    yield world
    world.listener.close()


def living(bench: Bench) -> list[str]:
    """What still runs of a bench's gradings, the bench's own server left out."""
    if sys.platform != "linux":
        return []
    found = []
    for entry in os.scandir("/proc"):
        try:
            marked = entry.name.isdigit() and bench.mark.encode() in Path(entry.path, "environ").read_bytes()
            if marked and int(entry.name) != bench.pid and b") Z" not in Path(entry.path, "stat").read_bytes():
                found.append(Path(entry.path, "cmdline").read_text())
        except OSError:
            continue
    return found

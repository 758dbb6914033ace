"""How the command line is driven in tests: in this process, or as a program of its own."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from upslope.cli.main import main
from upslope.cli.terminal.options import asked


@dataclass(frozen=True)
class Said:
    """What an invocation left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        lines = self.out.splitlines()
        assert len(lines) == 1, f"one JSON object on one line, not {self.out!r}"
        value = json.loads(lines[0])
        assert isinstance(value, dict)
        return value


Upslope = Callable[..., Said]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns, no colour, and one thread for the few small products that are computed."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    asked.reset()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The workspace of this test; the shared fixture has named it in UPSLOPE_HOME."""
    return tmp_path / "upslope-home"


@pytest.fixture
def upslope(capsys: pytest.CaptureFixture[str]) -> Upslope:
    """`upslope("check", "relu")` in this process."""

    def call(*words: str) -> Said:
        capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:  # completion scripts
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def wait_for() -> Callable[[Path, subprocess.Popen[Any]], None]:
    """Wait until a running child has written something into a file."""

    def wait(path: Path, child: subprocess.Popen[Any]) -> None:
        while not (path.exists() and path.stat().st_size > 200):
            assert child.poll() is None, child.communicate()
            time.sleep(0.02)

    return wait


@pytest.fixture
def program(tmp_path: Path) -> Upslope:
    """`program("lab", "digits")` as a process of its own."""

    def call(*words: str, **variables: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "upslope", *words],
            env={**os.environ, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def piped(upslope: Upslope, monkeypatch: pytest.MonkeyPatch) -> Upslope:
    """`piped("a text", "chat", ...)`: with this text on standard input."""

    def piped(text: str | bytes, *words: str) -> Said:
        content = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
        return upslope(*words)

    return piped


@pytest.fixture
def typed(upslope: Upslope, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """`typed(["Hi", KeyboardInterrupt], "chat", ...)`: at a terminal; after the last one comes Ctrl-D."""

    def typed(lines: list[Any], *words: str) -> Said:
        rest = iter([*lines, EOFError])

        def answer(prompt: str = "") -> str:
            line = next(rest)
            if not isinstance(line, str):
                raise line
            return line

        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr(sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})())
        return upslope(*words)

    return typed

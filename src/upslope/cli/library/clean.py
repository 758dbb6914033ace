"""`upslope clean`: damaged text repaired, and what was changed, where. Files are read and never written over."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from upslope.cli.library.text_file import read_text
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.console import clean as printable
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.text.clean import Change, Cleaned

SHOWN = 20  # changes of a file that are listed; with --json all are
_LONGEST = 24  # characters of a change that are listed


def clean(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Texts in UTF-8.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="PATH", help="Write the text to this file; of several, into this folder."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Repair damaged text (mojibake, HTML entities, invisible characters, mixed normal forms) and say what changed.

    The repaired text goes to stdout, or with --out to a file that does not exist yet.
    """
    from upslope.text.clean import clean as repair

    screen = Screen()
    targets = _targets(files, out)
    texts = [(file, read_text(file)) for file in files]
    found = [(file, text, repair(text)) for file, text in texts]
    screen.give({"files": [_facts(*each, target) for each, target in zip(found, targets, strict=True)]})
    if out is not None:
        _write(found, targets)
    if screen.quiet:
        return Exit.DONE
    if out is None:
        for _, _, cleaned in found:
            sys.stdout.write(cleaned.text)
        sys.stdout.flush()
    for (file, text, cleaned), target in zip(found, targets, strict=True):
        _report(file, text, cleaned, target)
    return Exit.DONE


def _targets(files: list[Path], out: Path | None) -> list[Path | None]:
    """Where each repaired text is written; refused before anything is read if something is there already."""
    from upslope.runs.workspace import short

    if out is None:
        return [None for _ in files]
    targets = [out] if len(files) == 1 and not out.is_dir() else [out / file.name for file in files]
    if len(files) > 1 and out.is_file():
        raise UsageError(f"--out {short(out)} is a file, and there are {len(files)} texts: name a folder")
    taken = next((target for target in targets if target.exists()), None)
    if taken is not None:
        raise UsageError(f"{short(taken)} exists, and nothing is written over: give --out another name")
    twice = next((target for target in targets if targets.count(target) > 1), None)
    if twice is not None:
        raise UsageError(f"two of the files are called {twice.name}: clean them one after the other")
    return list(targets)


def _write(found: "list[tuple[Path, str, Cleaned]]", targets: list[Path | None]) -> None:
    from upslope.runs.files import make_folder, write_atomically

    for (_, _, cleaned), target in zip(found, targets, strict=True):
        if target is not None:
            make_folder(target.parent)
            write_atomically(target, cleaned.text.encode())


def _facts(file: Path, text: str, cleaned: "Cleaned", target: Path | None) -> dict[str, Any]:
    places = _Places(text)
    changes = [
        {
            **dict(zip(("line", "column"), places.of(change.start), strict=True)),
            "start": change.start,
            "end": change.end,
            "before": change.before,
            "after": change.after,
            "kind": change.kind,
        }
        for change in cleaned.changes
    ]
    written: dict[str, Any] = {"written": str(target)} if target is not None else {"text": cleaned.text}
    return {"file": str(file), "counts": cleaned.counts(), "changes": changes} | written


def _report(file: Path, text: str, cleaned: "Cleaned", target: Path | None) -> None:
    """What was changed, on stderr where stdout has the text."""
    from upslope.runs.workspace import short

    lines: list[str] = []
    if not cleaned.changes:
        lines.append(f"{short(file)}: nothing to repair")
    else:
        kinds = ", ".join(f"{kind} {n}" for kind, n in cleaned.counts().items())
        lines.append(f"{short(file)}: {kinds}")
        places = _Places(text)
        for change in sorted(cleaned.changes, key=lambda each: each.start)[:SHOWN]:
            row, column = places.of(change.start)
            lines.append(f"  line {row}, column {column}: {change.kind}, {_said(change)}")
        if len(cleaned.changes) > SHOWN:
            lines.append(f"  ... and {len(cleaned.changes) - SHOWN:,} more (--json says all)")
    if target is not None:
        lines.append(f"  written to {short(target)}")
    screen = Screen()
    for line in lines:
        if target is not None:
            screen.line(line)
        else:
            print(f"  {printable(line)}", file=sys.stderr)


def _said(change: "Change") -> str:
    return (
        f"{_quoted(change.before)} is {_quoted(change.after)}" if change.after else f"{_quoted(change.before)} is out"
    )


def _quoted(text: str) -> str:
    """A few characters as they are seen; what is not seen by its number."""
    import unicodedata

    shown = "".join(
        c if c.isprintable() and not unicodedata.combining(c) else f"<U+{ord(c):04X}>" for c in text[:_LONGEST]
    )
    return f'"{shown}{"..." if len(text) > _LONGEST else ""}"'


@dataclass
class _Places:
    """Lines and columns of a text, counted from 1."""

    text: str

    def __post_init__(self) -> None:
        self.breaks = [place for place, c in enumerate(self.text) if c == "\n"]

    def of(self, place: int) -> tuple[int, int]:
        from bisect import bisect_left

        line = bisect_left(self.breaks, place)
        return line + 1, place - (self.breaks[line - 1] if line else -1)

"""The overlay: the package as a child process sees it, with the learner's text in place of the library's.

A tree of links to the installed package, first on the child's path, in which only the modules that hold an answered
exercise are real files. In those the reference's definition is gone, replaced by a call of `graft` on the learner's
text. Because the module itself is another one, early-bound names, tables, defaults, pickles and worker processes all
see the learner's code, and the reference's body is nowhere below the overlay's root.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from upslope.academy.checklist import checks_of, without_quotes
from upslope.academy.reference import PACKAGE, Located, locate, parse


@dataclass(frozen=True)
class Submission:
    """A learner's text for one exercise, and the file it came from."""

    exercise: str
    text: str
    path: str


@dataclass
class Overlay:
    """A built overlay, and what a sandbox must know about it."""

    root: Path  # goes first on the child's path
    readable: list[Path] = field(default_factory=list)  # real files and folders that the links lead to
    hidden: list[Path] = field(default_factory=list)  # real files that hold a reference body, or quote it


def build(folder: Path, answers: dict[str, Submission]) -> Overlay:
    """Make `folder`/upslope with the answers in place; `folder` must exist. Raises UnknownExercise for unknown ids."""
    overlay = Overlay(root=folder)
    real: dict[Path, str] = {}
    by_module: dict[Path, list[tuple[Located, Submission]]] = {}
    for exercise, answer in answers.items():
        located = locate(exercise)
        by_module.setdefault(located.path, []).append((located, answer))
        checks = checks_of(exercise)
        if checks.path.is_file():
            real[checks.path] = without_quotes(checks.path.read_text(encoding="utf-8"))
    for path, pairs in by_module.items():
        real[path] = module_text(pairs)
    overlay.hidden = [*real, *(pyc for path in real for pyc in _compiled(path))]
    _link(PACKAGE, folder / "upslope", real, overlay)
    return overlay


def module_text(pairs: list[tuple[Located, Submission]]) -> str:
    """The text of a module with some definitions replaced; the line numbers of everything else stay the same."""
    lines = pairs[0][0].text.split("\n")
    for located, answer in pairs:
        indent = " " * located.node.col_offset
        call = f"_graft(globals(), {located.qualname!r}, {answer.path!r}, {answer.text!r})"
        lines[located.first_line - 1] = f"{indent}{located.name} = {call}"
        for line in range(located.first_line, located.last_line):
            lines[line] = ""
    after = _import_line(parse(pairs[0][0].text))
    lines[after - 1] += (
        "; from upslope.academy.exec_answer import graft as _graft"
        if lines[after - 1].strip()
        else ("from upslope.academy.exec_answer import graft as _graft")
    )
    return "\n".join(lines)


def _import_line(tree: ast.Module) -> int:
    """The last line of the module's docstring or of its `from __future__` imports: an import may follow it."""
    line = 1
    for node in tree.body:
        documented = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not documented and not future:
            break
        line = node.end_lineno or node.lineno
    return line


def _compiled(path: Path) -> list[Path]:
    return sorted((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))


def _link(source: Path, target: Path, real: dict[Path, str], overlay: Overlay) -> None:
    """Link everything below `source`; folders that hold a real file are made, all others are one link."""
    target.mkdir()
    for entry in sorted(source.iterdir()):
        if entry in real:
            (target / entry.name).write_text(real[entry], encoding="utf-8")
        elif entry.name == "__pycache__":
            _link_compiled(entry, target / entry.name, overlay)
        elif entry.is_dir() and any(entry in path.parents for path in real):
            _link(entry, target / entry.name, real, overlay)
        else:
            (target / entry.name).symlink_to(entry)
            overlay.readable.append(entry)


def _link_compiled(source: Path, target: Path, overlay: Overlay) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry not in overlay.hidden:
            (target / entry.name).symlink_to(entry)
            overlay.readable.append(entry)

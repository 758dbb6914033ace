"""What an exercise loads from outside the library, found by reading: it is loaded before anybody waits for it.

A grading child forks for every job, so what its server has imported costs nothing any more. PyTorch takes seconds; an
exercise needs it when its checks, its module, or a module of the library below these says so in its imports.
"""

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from upslope.academy.reference import PACKAGE, UnknownExercise, module_path, parse

# What PyTorch itself imports when an optimizer is used for the first time: a second, in the middle of a check.
_AT_FIRST_STEP, _OPTIMISER = "torch._dynamo", re.compile(r"\boptim\.[A-Z]|torch\.optim")
# Loaded while nobody waits, where somebody keeps the child for the next answer.
AT_LEISURE = {"torch": (_AT_FIRST_STEP, "torch.fx.experimental.symbolic_shapes")}
_BELOW = ("academy", "cards", "runs", "cli")  # rooms whose imports are everyday ones, or none of an answer's business


def loads(*files: Path) -> list[str]:
    """The modules from outside that these files of the library load, with what they import, nearest first."""
    found: list[str] = []
    late = False
    seen, todo = set(files), list(files)
    for path in todo:
        text = path.read_text(encoding="utf-8")
        for module in _imported(text, everywhere=path in files):
            if module.partition(".")[0] != "upslope":
                found.append(module)
            elif (below := _file(module)) is not None and below not in seen:
                seen.add(below)
                todo.append(below)
        late = late or bool(_OPTIMISER.search(text))
    if late and any(module.partition(".")[0] == "torch" for module in found):  # and not an optimizer of our own
        found.append(_AT_FIRST_STEP)
    return [name for name in dict.fromkeys(found) if name.split(".")[0] not in {"pytest", "__future__"}]


def absent(modules: Iterable[str]) -> str | None:
    """The first of these libraries that is not installed, PyTorch before what only comes with it."""
    roots = dict.fromkeys(name.partition(".")[0] for name in modules)
    missing = [root for root in roots if importlib.util.find_spec(root) is None]
    return "torch" if "torch" in missing else next(iter(missing), None)


def _imported(text: str, *, everywhere: bool) -> Iterator[str]:
    """What a file imports; with `everywhere` also inside functions, else only when it is loaded itself."""
    tree = parse(text)
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """The file of a module of the library, if it is one and worth reading."""
    try:
        path = module_path(module)
    except UnknownExercise:
        return None
    return None if path.relative_to(PACKAGE).parts[0] in _BELOW else path

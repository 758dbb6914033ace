"""Finding an exercise in the library's source text: file, definition and body, by dotted name, without importing it.

An exercise id is `module:qualname`, as in `upslope.scratch.ops:softmax`. The module may be the public face of a package
that re-exports the name; ids go through the face, so a definition can move to another file and its id stays.
"""

import ast
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from upslope.syntax import parsed

PACKAGE = Path(__file__).resolve().parent.parent  # the installed upslope package

Definition = ast.FunctionDef | ast.ClassDef


class UnknownExercise(LookupError):
    """An exercise id that names nothing in the library."""


@dataclass(frozen=True)
class Located:
    """Where the definition behind an exercise id stands."""

    exercise: str  # upslope.scratch.ops:softmax
    module: str  # the module that defines it: upslope.scratch.ops.activations
    qualname: str  # softmax, Linear, Value.backward
    path: Path
    text: str  # of the whole file
    node: Definition
    owner: ast.ClassDef | None  # the class around a method

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def first_line(self) -> int:
        """The line on which the definition starts, decorators included (counted from 1)."""
        return min([self.node.lineno, *(d.lineno for d in self.node.decorator_list)])

    @property
    def last_line(self) -> int:
        return self.node.end_lineno or self.node.lineno

    @property
    def source(self) -> str:
        """The definition's own lines, as they stand in the file."""
        return "\n".join(self.text.split("\n")[self.first_line - 1 : self.last_line])

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""


def module_path(module: str, package: Path = PACKAGE) -> Path:
    """The file of a dotted module below the installed package."""
    parts = module.split(".")
    base = package.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if parts[0] == "upslope" and path.is_file():
            return path
    raise UnknownExercise(f"the library has no module {module}")


def locate(exercise: str) -> Located:
    """The definition behind an exercise id; raises UnknownExercise with what is missing."""
    module, colon, qualname = exercise.partition(":")
    if not colon or not qualname:
        raise UnknownExercise(f'"{exercise}" is not an exercise id; ids look like upslope.scratch.ops:softmax')
    outer, _, inner = qualname.partition(".")
    for _ in range(8):  # a face may re-export from a face, but not forever
        path = module_path(module)
        text = path.read_text(encoding="utf-8")
        tree = parse(text)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == outer:
                return _found(exercise, module, path, text, node, inner)
        exported = _exported_from(tree, outer)
        if exported is None:
            raise UnknownExercise(f"{module} defines no {outer} (wanted by {exercise})")
        module, outer = exported
    raise UnknownExercise(f"{exercise} is re-exported in a circle")


def _found(exercise: str, module: str, path: Path, text: str, node: Definition, inner: str) -> Located:
    if not inner:
        return Located(exercise, module, node.name, path, text, node, None)
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name == inner:
                return Located(exercise, module, f"{node.name}.{inner}", path, text, method, node)
    raise UnknownExercise(f"{module}:{node.name} has no method {inner} (wanted by {exercise})")


def _exported_from(tree: ast.Module, name: str) -> tuple[str, str] | None:
    """Where a face takes `name` from: (module, original name)."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


@lru_cache(maxsize=64)
def parse(text: str) -> ast.Module:
    """The syntax tree of a file's text. Shared: callers must not change it."""
    return parsed(text)


def body_lines(node: Definition) -> tuple[int, int]:
    """First and last line of the body, the docstring left out (counted from 1)."""
    first = node.body[0]
    last = node.end_lineno or node.lineno
    if ast.get_docstring(node) is not None:
        return (first.end_lineno or first.lineno) + 1, last
    return min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))]), last


def names_used(node: ast.AST) -> set[str]:
    """Every bare name that a piece of code reads."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def top_level_names(tree: ast.Module) -> set[str]:
    """The names that a module's own definitions and assignments bind (imports left out)."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names

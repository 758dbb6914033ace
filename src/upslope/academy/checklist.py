"""The checks and planted wrong answers of an exercise, read from the text of the checks file that mirrors its module.

`src/upslope/scratch/ops/activations.py` is graded by `src/upslope/checks/scratch/ops/test_activations.py`: functions
under `@grades(target)`, checks that follow from a description of the operation, `test_shape = OP.shape("title")`, and
the tables of `wrong(target, {name: (old, new)})` and `survives(target, {why: [(old, new)]})`. Reading the text keeps
the grading parent light, and gives it, before anything runs, the list of checks that a verdict must contain. Where one
file would be too long, a folder mirrors the module and holds one file for each exercise: `MultiHeadAttention` of
`blocks/attention.py` is graded by `checks/blocks/attention/test_multi_head_attention.py`.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from upslope.academy.reference import PACKAGE, Located, UnknownExercise, locate, parse

# Classes that describe what is graded, from which checks follow (checks/op_info.py and its likes).
_DESCRIPTIONS = ("OpInfo", "TorchOp", "ModuleInfo", "OptimizerInfo")


class BadChecks(ValueError):
    """A checks file that says something impossible."""


@dataclass(frozen=True)
class Check:
    """One check: the function's name, and its docstring's first line, which people read."""

    name: str
    title: str


@dataclass(frozen=True)
class Wrong:
    """A planted mistake: an edit of the reference, with the words that a learner reads."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Survivor:
    """An edit of the reference that no check can notice, and why."""

    old: str
    new: str
    why: str

    @property
    def name(self) -> str:
        return f"{self.old} -> {self.new}"


@dataclass(frozen=True)
class CheckList:
    """All that grades one exercise."""

    module: str  # upslope.checks.scratch.ops.test_activations
    path: Path
    checks: tuple[Check, ...]
    wrongs: tuple[Wrong, ...]
    survivors: tuple[Survivor, ...] = ()


def checks_path(located: Located) -> Path:
    """The checks file of a definition: the one that mirrors its module, or its own in a folder that does."""
    module = located.path.relative_to(PACKAGE).with_suffix("")
    folder = PACKAGE / "checks" / module
    if (folder / "__init__.py").is_file():
        return folder / f"test_{_file_name(located.qualname)}.py"
    return folder.with_name(f"test_{module.name}.py")


def _file_name(qualname: str) -> str:
    """MultiHeadAttention as files are named: multi_head_attention."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\.", "_", qualname).lower()


def checks_of(exercise: str) -> CheckList:
    """The checks and wrong answers of an exercise; an exercise without a checks file has none."""
    path = checks_path(locate(exercise))
    module = ".".join(("upslope", *path.relative_to(PACKAGE).with_suffix("").parts))
    if not path.is_file():
        return CheckList(module, path, (), ())
    tree = parse(path.read_text(encoding="utf-8"))
    bound = _imports(tree)
    checks, wrongs, survivors = [], [], []
    described = _described(tree, bound, path)
    for node in tree.body:
        derived = _derived(node, described, path)
        if derived is not None and derived[0] == exercise:
            checks.append(derived[1])
        if isinstance(node, ast.FunctionDef) and exercise in _graded(node, bound, path):
            title = (ast.get_docstring(node) or node.name).split("\n")[0].rstrip(".")
            checks.append(Check(node.name, title))
        call = quoting_call(node)
        if call is not None and _target(call.args[0], bound, path) == exercise:
            table = _table(call, path)
            if call.func.id == "wrong":
                wrongs += [Wrong(name, *edit) for name, edit in table.items()]
            else:
                survivors += [Survivor(old, new, why) for why, edits in table.items() for old, new in edits]
    return CheckList(module, path, tuple(checks), tuple(wrongs), tuple(survivors))


def _described(tree: ast.Module, bound: dict[str, str], path: Path) -> dict[str, str]:
    """The exercise that each description, `OP = OpInfo(target, ...)`, of a checks file is about, by its name there."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name(kind), [target, *_])) if kind in _DESCRIPTIONS:
                found[name] = _target(target, bound, path)
    return found


def _derived(node: ast.stmt, described: dict[str, str], path: Path) -> tuple[str, Check] | None:
    """The exercise and the check that a statement `test_name = OP.kind("title", ...)` stands for, else None."""
    match node:
        case ast.Assign([ast.Name(name)], ast.Call(ast.Attribute(ast.Name(op), kind), args)) if op in described:
            match args:
                case [ast.Constant(str(title)), *_]:
                    return described[op], Check(name, title)
            raise BadChecks(
                f"{path}, line {node.lineno}: {op}.{kind}() takes the title of the check first, as plain text"
            )
    return None


def without_quotes(text: str) -> str:
    """A checks file without wrong(...) and survives(...): they quote the reference, which is not for the learner."""
    lines = text.split("\n")
    for node in parse(text).body:
        if quoting_call(node) is not None:
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = ""
    return "\n".join(lines)


class _Quoting(ast.Call):
    """A call by a plain name."""

    func: ast.Name


def quoting_call(node: ast.stmt) -> "_Quoting | None":
    """The call in a statement `wrong(...)` or `survives(...)`, else None."""
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id in {"wrong", "survives"}
    ):
        return cast(_Quoting, node.value)
    return None


def apply(edit: Wrong | Survivor, located: Located) -> str:
    """The reference's definition after an edit."""
    count = located.source.count(edit.old)
    if count != 1:
        kind = "wrong answer" if isinstance(edit, Wrong) else "survivor"
        raise BadChecks(
            f'{located.exercise}, {kind} "{edit.name}": '
            f"its old text stands {count} times in the reference, not once: {edit.old!r}"
        )
    return located.source.replace(edit.old, edit.new)


def _graded(node: ast.FunctionDef, bound: dict[str, str], path: Path) -> set[str]:
    return {
        _target(call.args[0], bound, path)
        for call in node.decorator_list
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "grades" and call.args
    }


def _imports(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: a dotted module or module:name."""
    bound: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return bound


def _target(node: ast.expr, bound: dict[str, str], path: Path) -> str:
    """The exercise id that an expression such as `ops.softmax` or `Value.backward` means."""
    parts: list[str] = []
    inner = node
    while isinstance(inner, ast.Attribute):
        parts.insert(0, inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name) or inner.id not in bound:
        raise BadChecks(f"{path}, line {node.lineno}: {ast.unparse(node)} is not a name imported from the library")
    dotted = [*bound[inner.id].split("."), *parts]
    for cut in range(len(dotted) - 1, 0, -1):
        folder = PACKAGE.joinpath(*dotted[1:cut])
        if folder.with_suffix(".py").is_file() or (folder / "__init__.py").is_file():
            return ".".join(dotted[:cut]) + ":" + ".".join(dotted[cut:])
    raise UnknownExercise(f"{path}, line {node.lineno}: {ast.unparse(node)} names nothing in the library")


def _table(call: ast.Call, path: Path) -> dict[str, Any]:
    """The table behind the target, which holds plain strings only."""
    try:
        table = ast.literal_eval(call.args[1])
        if isinstance(table, dict):
            return table
    except (IndexError, ValueError):
        pass
    said = "wrong() takes the target and a table {name: (old, new)}, survives() one of {why: [(old, new), ...]}"
    raise BadChecks(f"{path}, line {call.lineno}: {said}")

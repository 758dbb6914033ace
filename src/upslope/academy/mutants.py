"""Mutants: small edits of a reference, made by program, each of which the checks of its exercise should notice.

R. DeMillo, R. Lipton, F. Sayward, "Hints on Test Data Selection", 1978, https://doi.org/10.1109/C-M.1978.218136. An
edit is one operator, comparison, constant, sign, default, keyword, term, statement, branch, or function exchanged for
its twin. Docstrings, annotations and the words of error messages are left alone: no check should depend on them.
"""

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from upslope.academy.reference import Located
from upslope.syntax import parsed

# What stands in an operator's place.
_OPERATORS: dict[type[ast.AST], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("/",)),
    ast.Div: ("/", ("*",)),
    ast.FloorDiv: ("//", ("/",)),
    ast.Mod: ("%", ("//",)),
    ast.Pow: ("**", ("*",)),
    ast.MatMult: ("@", ("*",)),
    ast.BitAnd: ("&", ("|",)),
    ast.BitOr: ("|", ("&",)),
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
    ast.And: ("and", ("or",)),
    ast.Or: ("or", ("and",)),
}
_PAIRS = (
    "max min",
    "amax amin",
    "argmax argmin",
    "maximum minimum",
    "sum mean",
    "exp expm1",
    "log log1p",
    "zeros ones",
    "zeros_like ones_like",
    "any all",
    "floor ceil",
    "sin cos",
    "isinf isfinite",
    "softmax log_softmax",
)
_TWINS = {a: b for pair in _PAIRS for a, b in (pair.split(), pair.split()[::-1])}

# Keywords that change no result on a CPU: a claim of zip's, and where a result is stored.
_UNSEEN = {"strict", "inplace", "device"}
_UNDONE = ast.AugAssign | ast.Raise | ast.If | ast.Delete | ast.Expr  # statements that can be left out

Span = tuple[int, int]  # from and to, in characters of the definition's own text


@dataclass(frozen=True)
class Mutant:
    """One edit of a definition."""

    line: int  # of the definition, from 1
    old: str
    new: str
    text: str  # the definition after the edit

    def __str__(self) -> str:
        return f"line {self.line}: {_short(self.old)} -> {_short(self.new)}"


def mutants(located: Located) -> list[Mutant]:
    """All mutants of an exercise's reference, in the order of their lines, none of them twice."""
    source = _Source(located)
    found: dict[str, Mutant] = {}
    for (start, end), new in source.edits():
        text = source.text[:start] + new + source.text[end:]
        tree = _tree(text)
        if tree not in (None, source.tree) and tree not in found:
            line = source.text.count("\n", 0, start) + 1
            found[str(tree)] = Mutant(line, source.text[start:end], new, text)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def same(one: str, other: str) -> bool:
    """Whether two texts of a definition are the same program."""
    return _tree(one) == _tree(other)


class _Source:
    """A definition's text, and where in it the nodes of its syntax tree stand."""

    def __init__(self, located: Located) -> None:
        self.text = located.source
        self.tree = _tree(self.text)
        self._node, self._first = located.node, located.first_line
        self._starts = [0]
        for line in self.text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._lines = self.text.split("\n")

    def edits(self) -> Iterator[tuple[Span, str]]:
        """Where, and what to put there."""
        for node in _code(self._node):
            if isinstance(node, ast.BinOp):
                yield from self._between(node.left, node.op, node.right)
                yield from self._terms(node)
            elif isinstance(node, ast.AugAssign):
                yield from self._between(node.target, node.op, node.value)
            elif isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
                    yield from self._between(left, operator, right)
            elif isinstance(node, ast.BoolOp):
                for left, right in zip(node.values, node.values[1:], strict=False):
                    yield from self._between(left, node.op, right)
            elif isinstance(node, ast.UnaryOp):
                yield self._span(node), f"({self._of(node.operand)})"
            elif isinstance(node, ast.Constant):
                yield from self._constant(node)
            elif isinstance(node, ast.Attribute) and node.attr in _TWINS:
                end = self._span(node)[1]
                yield (end - len(node.attr), end), _TWINS[node.attr]
            elif isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.If | ast.IfExp | ast.While):
                yield from ((self._span(node.test), said) for said in ("True", "False"))
            elif isinstance(node, ast.comprehension):
                yield from ((self._span(test), said) for test in node.ifs for said in ("True", "False"))
        yield from self._statements()

    def _span(self, node: ast.AST) -> Span:
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.arg)
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno or 0, node.end_col_offset or 0)

    def _at(self, line: int, column: int) -> int:
        row = line - self._first  # columns are counted in bytes of UTF-8
        return self._starts[row] + len(self._lines[row].encode()[:column].decode())

    def _of(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self.text[start:end]

    def _between(self, left: ast.expr, operator: ast.AST, right: ast.expr) -> Iterator[tuple[Span, str]]:
        """The operator that stands between two operands, exchanged."""
        sign, others = _OPERATORS.get(type(operator), ("", ()))
        start, end = self._span(left)[1], self._span(right)[0]
        at = self.text.find(sign, start, end)
        if sign and at >= 0:
            yield from (((at, at + len(sign)), other) for other in others)

    def _terms(self, node: ast.BinOp) -> Iterator[tuple[Span, str]]:
        """One side of an operation alone."""
        yield self._span(node), f"({self._of(node.left)})"
        if isinstance(node.op, ast.Add | ast.Mult):
            yield self._span(node), f"({self._of(node.right)})"

    def _constant(self, node: ast.Constant) -> Iterator[tuple[Span, str]]:
        if isinstance(node.value, bool):
            yield self._span(node), str(not node.value)
        elif isinstance(node.value, int | float):
            yield from ((self._span(node), repr(node.value + change)) for change in (1, -1))

    def _call(self, node: ast.Call) -> Iterator[tuple[Span, str]]:
        """A function exchanged for its twin; each keyword left out."""
        if isinstance(node.func, ast.Name) and node.func.id in _TWINS:
            yield self._span(node.func), _TWINS[node.func.id]
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in _UNSEEN:
                continue
            start, end = self._span(keyword)
            rest = self.text[end:]
            # With the comma after it, or else the one before it.
            after = len(rest) - len(rest.lstrip())
            if rest[after : after + 1] == ",":
                yield (start, end + after + 1), ""
            else:
                before = self.text[:start].rstrip()
                yield (len(before) - 1 if before.endswith(",") else start, end), ""

    def _statements(self) -> Iterator[tuple[Span, str]]:
        """Each statement whose effect could be missed left out. A name's first value cannot be: its use would fail."""
        known: set[str] = set()
        for node in ast.walk(self._node):
            for block in (getattr(node, name, []) for name in ("body", "orelse", "finalbody")):
                for statement in block if isinstance(block, list) else []:
                    if isinstance(statement, ast.Assign | ast.AnnAssign):
                        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                        names = {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
                        stored = any(not isinstance(target, ast.Name) for target in targets)
                        if stored or names <= known:
                            yield self._span(statement), "pass"
                        known |= names
                    elif isinstance(statement, _UNDONE) and not _words(statement):
                        yield self._span(statement), "pass"


def _code(definition: ast.AST) -> Iterator[ast.AST]:
    """Every node that is computed with: no docstring, no annotation, no decorator, no word of an error's message."""
    for field, value in ast.iter_fields(definition):
        if field in {"annotation", "returns", "decorator_list", "bases"} or isinstance(definition, ast.Raise):
            continue
        for node in value if isinstance(value, list) else [value]:
            if not isinstance(node, ast.AST) or _words(node) or getattr(node, "arg", None) in _UNSEEN:
                continue
            yield node
            yield from _code(node)


def _words(node: ast.AST) -> bool:
    """Whether this is a text: a docstring, or a string that stands alone."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


def _tree(text: str) -> str | None:
    """The program in a text, so that two texts can be compared; None if it is no program."""
    try:
        return ast.dump(parsed(textwrap.dedent(text)))
    except SyntaxError:
        return None


def _short(text: str) -> str:
    """An edit's text in one line."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= 60 else line[:57] + '...'}`" if line else "nothing"

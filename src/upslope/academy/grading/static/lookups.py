"""Attributes that a text asks for, however it asks: `torch.exp`, `getattr(torch, "exp")`, `attrgetter("exp")(torch)`.

A name that is written as a string is read as if it stood there. Where a text looks names up while it runs, in anything
but `self`, nothing could be read from it: that is refused, and no answer needs it.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from upslope.academy.grading.static.imported_names import dotted

_GETTERS = ("operator.attrgetter", "operator.methodcaller")
# With these, too, names are looked up while a text runs, in whatever they are asked of.
_TABLES = ("__dict__", "__getattr__", "get_field")


@dataclass(frozen=True)
class Lookup:
    """One attribute that is asked for."""

    node: ast.AST
    line: int
    attr: str
    full: str | None  # the whole name where the chain begins at an import: torch.nn.functional.layer_norm
    shown: str
    on_self: bool = False
    quoted: bool = False  # asked for by a string


@dataclass(frozen=True)
class Unreadable:
    """A place where names are looked up in a library while the text runs."""

    line: int
    what: str


class Lookups:
    """What one text asks for."""

    def __init__(self, tree: ast.Module, bound: Mapping[str, str]) -> None:
        self.tree, self.names = tree, {**bound}
        self._texts = _texts(tree)
        self._aliases()

    def found(self) -> Iterator[Lookup]:
        """Every attribute that is read, named in a chain, in a string or in a pattern."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                yield self._lookup(node, node.value, node.attr)
            elif isinstance(node, ast.Call):
                for base, name in self._asked(node):
                    if name is not None:
                        for part in name.split("."):
                            yield self._lookup(node, base, part, quoted=True)
            elif isinstance(node, ast.MatchClass):
                for name in node.kwd_attrs:
                    yield Lookup(node, node.cls.lineno, name, None, name, quoted=True)

    def unreadable(self) -> Iterator[Unreadable]:
        """Where names are looked up in a library in a way that says nothing before it runs."""
        called = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        given = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Assign)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                for base, name in self._asked(node):
                    # A tensor has the answer among its methods; an object's own parts are looked up in `self`.
                    if name is None and not is_self(base):
                        yield Unreadable(node.lineno, f"looks a name up in {self._called(base)} while it runs")
            elif isinstance(node, ast.Attribute) and node.attr in _TABLES and not is_self(node.value):
                yield Unreadable(node.lineno, f"uses {node.attr}, with which names are looked up while it runs")
            elif id(node) not in called and isinstance(node, ast.Name | ast.Attribute):
                full = self._full(node)
                if _is_getattr(node) or (full in _GETTERS and id(node) not in given):
                    name = node.id if isinstance(node, ast.Name) else node.attr
                    yield Unreadable(node.lineno, f"hands {name} on, with which names are looked up while it runs")

    def _asked(self, call: ast.Call) -> Iterator[tuple[ast.expr | None, str | None]]:
        """For a call that looks names up: of what (None: of what comes), and which name (None: it cannot be read)."""
        if _is_getattr(call.func) and len(call.args) >= 2:
            yield call.args[0], self._text(call.args[1])
        elif (full := self._full(call.func)) in _GETTERS:
            for name in call.args[:1] if full == "operator.methodcaller" else call.args:
                yield None, self._text(name)

    def _text(self, node: ast.expr) -> str | None:
        return self._texts.get(node.id) if isinstance(node, ast.Name) else text_of(node)

    def _lookup(self, node: ast.Attribute | ast.Call, base: ast.expr | None, attr: str, quoted: bool = False) -> Lookup:
        full = self._full(base)
        whole = None if full is None else f"{full}.{attr}"
        root = _chain(base)
        shown = f'"{attr}"' if quoted else f"{root}.{attr}" if root is not None and len(root) < 50 else f"....{attr}"
        return Lookup(node, node.lineno, attr, whole, shown, is_self(base), quoted)

    def _full(self, node: ast.AST | None) -> str | None:
        return dotted(node, self.names)

    def _called(self, base: ast.expr | None) -> str:
        return (None if base is None else self._full(base) or _chain(base)) or "a library"

    def _aliases(self) -> None:
        """Names that stand for a piece of a library because they were set to it: F = torch.nn.functional."""
        more = True
        while more:
            more = False
            for node in ast.walk(self.tree):
                if isinstance(node, ast.Assign | ast.NamedExpr | ast.AnnAssign) and node.value is not None:
                    full = self._full(node.value)
                    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                        if full is not None and isinstance(target, ast.Name) and target.id not in self.names:
                            self.names[target.id] = full
                            more = True


def text_of(node: ast.expr) -> str | None:
    """The text that an expression of plain strings makes: "a" + "b", f"a{'b'}", "".join(["a", "b"]); else None."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    parts: list[ast.expr] | None = None
    between = ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [node.left, node.right]
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join" and node.args:
        separator, pieces = text_of(node.func.value), node.args[0]
        if separator is not None and isinstance(pieces, ast.List | ast.Tuple):
            parts, between = pieces.elts, separator
    if parts is None:
        return None
    texts = [text_of(part) for part in parts]
    return None if None in texts else between.join(text for text in texts if text is not None)


def _texts(tree: ast.Module) -> dict[str, str]:
    """Names that are bound once, to a text: name = "sum"."""
    bound = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
    bound += [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(name)], value) if bound.count(name) == 1 and (text := text_of(value)) is not None:
                found[name] = text
    return found


def _is_getattr(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "getattr" and isinstance(node.ctx, ast.Load)


def is_self(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _chain(node: ast.AST | None) -> str | None:
    """A chain of names as it is written, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None

"""What the names in a text stand for: `numpy.linalg.norm` for `np.linalg.norm`, from the text's own imports."""

import ast
from collections.abc import Iterator, Mapping


def bound(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for."""
    return dict(_bound(tree))


def _bound(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def dotted(node: ast.AST | None, names: Mapping[str, str]) -> str | None:
    """The full name of a chain of attributes that begins at one of `names`, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def full_names(node: ast.AST, names: Mapping[str, str]) -> list[str]:
    """The full names that one node of a text mentions: an import's, or a chain's."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    name = dotted(node, names)
    return [] if name is None else [name]

"""The face of a definition: does a learner's function or class take what the reference takes?

Annotations may differ, everything else that a caller can see may not: names, order, kinds and defaults of parameters,
the bases of a class and its public methods.
"""

import ast
from collections.abc import Iterator

from upslope.academy.reference import Definition


def differences(wanted: Definition, mine: Definition) -> Iterator[tuple[str, int]]:
    """What a caller would notice: a sentence and the learner's line for each."""
    if isinstance(wanted, ast.FunctionDef) and isinstance(mine, ast.FunctionDef):
        yield from _parameters_differ(wanted, mine, wanted.name)
    elif isinstance(wanted, ast.ClassDef) and isinstance(mine, ast.ClassDef):
        bases = [ast.unparse(base) for base in wanted.bases]
        if [ast.unparse(base) for base in mine.bases] != bases:
            made = f"class {wanted.name}({', '.join(bases)})" if bases else f"class {wanted.name}"
            yield f"line {mine.lineno}: the class should begin with {made}", mine.lineno
        methods = {node.name: node for node in mine.body if isinstance(node, ast.FunctionDef)}
        for node in wanted.body:
            if not isinstance(node, ast.FunctionDef) or (node.name.startswith("_") and node.name != "__init__"):
                continue
            if node.name not in methods:
                yield f"class {wanted.name} has no method {node.name}", mine.lineno
            else:
                yield from _parameters_differ(node, methods[node.name], f"{wanted.name}.{node.name}")


def _parameters_differ(wanted: ast.FunctionDef, mine: ast.FunctionDef, name: str) -> Iterator[tuple[str, int]]:
    asked, came = parameters(wanted.args), parameters(mine.args)
    if asked != came:
        yield f"line {mine.lineno}: {name} takes {asked}, yours takes {came}", mine.lineno


def parameters(arguments: ast.arguments) -> str:
    """Names, order, kinds and defaults as text, annotations left out."""
    bare = ast.arguments(
        posonlyargs=[ast.arg(a.arg) for a in arguments.posonlyargs],
        args=[ast.arg(a.arg) for a in arguments.args],
        vararg=ast.arg(arguments.vararg.arg) if arguments.vararg else None,
        kwonlyargs=[ast.arg(a.arg) for a in arguments.kwonlyargs],
        kw_defaults=arguments.kw_defaults,
        kwarg=ast.arg(arguments.kwarg.arg) if arguments.kwarg else None,
        defaults=arguments.defaults,
    )
    return f"({ast.unparse(bare)})"

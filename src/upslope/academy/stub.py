"""The stub: what the learner's file holds before the learner writes, cut by position from the reference's source.

The signature, decorators and docstring stay, the body goes. In front stand the imports that the definition needs, so
that the file is plain Python that any editor understands. A stub for a method holds a bare function with `self`.
"""

import ast
import textwrap

from upslope.academy.lessons import Step
from upslope.academy.reference import Located, body_lines, locate, names_used, parse, top_level_names


def stub_text(step: Step) -> str:
    """The whole text of the learner's new file for a step."""
    if not step.exercise:
        raise ValueError(f"{step.name} asks for no code")
    located = locate(step.exercise)
    return "\n".join([_header(step, located), *imports(located), "", "", definition(located), ""])


def _header(step: Step, located: Located) -> str:
    where = f" It becomes a method of {located.owner.name}." if located.owner else ""
    return (
        f'"""{step.title}\n\n'
        f"Write the body of {located.name}.{where} Helper functions are welcome.\n"
        f"Read  upslope learn {step.name}\n"
        f"Then  upslope check {step.name}\n"
        '"""\n'
    )


def definition(located: Located) -> str:
    """The definition with every body cut: of the function, or of each method of the class."""
    lines = located.text.split("\n")
    node = located.node
    if isinstance(node, ast.FunctionDef):
        kept = _cut(lines, node, located.first_line)
    else:
        kept, at = [], located.first_line
        for method in (n for n in node.body if isinstance(n, ast.FunctionDef)):
            start = min([method.lineno, *(d.lineno for d in method.decorator_list)])
            kept += _between(lines[at - 1 : start - 1], method) + _cut(lines, method, start)
            at = (method.end_lineno or method.lineno) + 1
        kept += lines[at - 1 : located.last_line]
    return textwrap.dedent("\n".join(kept))


def _cut(lines: list[str], node: ast.FunctionDef, start: int) -> list[str]:
    first, _ = body_lines(node)
    kept = lines[start - 1 : first - 1]
    # Without a docstring the comments before the first statement stand here, too. They are the second hint.
    while ast.get_docstring(node) is None and (not kept[-1].strip() or kept[-1].lstrip().startswith("#")):
        kept.pop()
    return [*kept, f'{_inside(node)}raise NotImplementedError("{node.name} is yours to write")']


def _between(lines: list[str], method: ast.FunctionDef) -> list[str]:
    """What stands before a method, without the comments at the end of the body before it."""
    return [line for line in lines if not line.startswith(_inside(method) + "#")]


def _inside(node: ast.FunctionDef) -> str:
    return " " * (node.col_offset + 4)


def imports(located: Located) -> list[str]:
    """Import lines for every name that the definition uses and that its module imports or defines above it."""
    tree = parse(located.text)
    used = names_used(located.node)
    plain: list[str] = []
    library: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            plain += [f"import {_alias(a)}" for a in node.names if (a.asname or a.name).split(".")[0] in used]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [_alias(a) for a in node.names if (a.asname or a.name) in used]
            if names:
                line = f"from {node.module} import {', '.join(names)}"
                (library if node.module.startswith("upslope") else plain).append(line)
    own = sorted(name for name in siblings(located) if not name.startswith("_"))
    if own:
        library.append(f"from {located.module} import {', '.join(own)}")
    return [*plain, *([""] if plain and library else []), *library]


def siblings(located: Located) -> set[str]:
    """The names of the same module that the definition uses: they must be defined above it."""
    own = {located.owner.name if located.owner else located.name}
    return (names_used(located.node) & top_level_names(parse(located.text))) - own


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name

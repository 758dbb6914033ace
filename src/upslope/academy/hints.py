"""Hints in three stages, all taken from the reference: the idea in its docstring, its comments as steps, its body."""

import io
import textwrap
import tokenize

from upslope.academy.reference import Located, body_lines

STAGES = 3


def hint(located: Located, stage: int) -> str:
    """The hint of a stage (1 to 3) as text."""
    if stage == 1:
        return located.docstring
    if stage == 2:
        return "\n".join(f"{n}. {comment}" for n, comment in enumerate(comments(located), 1))
    if stage == 3:
        return body(located)
    raise ValueError(f"hints have stages 1 to {STAGES}, not {stage}")


def comments(located: Located) -> list[str]:
    """The comments of the reference's body, in order; lines that follow each other are one comment."""
    found: list[str] = []
    previous = -1
    for token in tokenize.generate_tokens(io.StringIO(textwrap.dedent(located.source) + "\n").readline):
        if token.type != tokenize.COMMENT:
            continue
        words = token.string.lstrip("# ").rstrip()
        alone = token.line.strip().startswith("#")
        if alone and found and token.start[0] == previous + 1:
            found[-1] += " " + words
        else:
            found.append(words)
        previous = token.start[0] if alone else -1
    return found


def body(located: Located) -> str:
    """The reference's definition: of a function its body, of a class all of it."""
    if located.node.__class__.__name__ == "ClassDef":
        return textwrap.dedent(located.source)
    first, last = body_lines(located.node)
    return textwrap.dedent("\n".join(located.text.split("\n")[first - 1 : last]))

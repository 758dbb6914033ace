"""Reading a text that may be anything: is it a text at all, is it Python, and is it flat enough to be read?

Python's own tools for syntax trees call themselves for every level of nesting, and end where a program may call itself
no deeper. So a text that nests deeper than any answer is refused here, and nobody after this has to think of it.
"""

import ast
import warnings
from dataclasses import dataclass

from upslope.syntax import parsed

LARGEST = 256 * 1024  # bytes; an answer is a page of Python
DEEPEST = 200  # levels of nesting; a sum of n terms has n, and so has a chain of n attributes

_FLATTER = "write it as a loop, or in several statements"


@dataclass(frozen=True)
class Refusal:
    """Why a text is not even tried: a sentence for the learner, and the line if there is one."""

    sentence: str
    line: int | None = None


def plain_text(text: str | bytes, name: str) -> str | Refusal:
    """The text itself if it is one that Python could read at all: not too large, UTF-8, no zero bytes, not empty."""
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST:
        return Refusal(f"the file holds {size} bytes; an answer is at most {LARGEST}")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            return Refusal(f"line {line} is not UTF-8 text; save the file as UTF-8", line)
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        return Refusal(f"line {line} holds a zero byte, so this is not a text file", line)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        line = text[: error.start].count("\n") + 1
        return Refusal(f"line {line} is not UTF-8 text; save the file as UTF-8", line)
    if not text.strip():
        return Refusal(f"the file is empty: write {name} in it")
    return text


def tree_of(text: str) -> ast.Module | Refusal:
    """The syntax tree of a text, or why it has none that could be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parsed(text)
    except SyntaxError as error:
        return Refusal(f"line {error.lineno} is not Python: {error.msg}", error.lineno)
    except (RecursionError, MemoryError):
        return Refusal(f"the file nests too deeply to be read; {_FLATTER}")
    except ValueError as error:
        return Refusal(f"the file is not Python: {error}")
    levels, line = depth(tree)
    if levels > DEEPEST:
        return Refusal(f"line {line} nests {levels} levels deep, and {DEEPEST} can be read; {_FLATTER}", line)
    return tree


def depth(tree: ast.Module) -> tuple[int, int]:
    """How many levels of statements and expressions lie in one another at most, and on which line."""
    deepest, where = 0, 1
    level: list[tuple[ast.AST, int]] = [(tree, 1)]
    while level:
        deepest, where = deepest + 1, level[0][1]
        level = [
            (child, getattr(child, "lineno", line)) for node, line in level for child in ast.iter_child_nodes(node)
        ]
    return deepest, where

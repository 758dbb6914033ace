"""Python text read into its syntax tree, one thread at a time.

Exercises are graded in several threads. CPython before 3.11.8 and 3.12.2 counts how deep it is while it builds the
tree's nodes in a counter that all threads share: where one yields in the middle, another's `ast.parse` ends in
"SystemError: AST constructor recursion depth mismatch" (https://github.com/python/cpython/issues/106905).
"""

import ast
import threading

_one_at_a_time = threading.RLock()  # of one thread's own: a finalizer may read a file while a tree is being built


def parsed(text: str | bytes) -> ast.Module:
    """The syntax tree of a module's text; SyntaxError, ValueError, RecursionError and MemoryError as `ast.parse`."""
    with _one_at_a_time:
        return ast.parse(text)

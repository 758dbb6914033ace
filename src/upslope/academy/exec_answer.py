"""Running a learner's file in place of the library's own definition.

In the overlay a module calls `graft(...)` where the reference's definition stood. The learner's text is compiled under
the name of the learner's own file, so a fault shows at the learner's line, and runs in a namespace of its own under the
module's name, so helper functions of two answers cannot collide and what it defines can be pickled.
"""

import builtins
import linecache
from typing import Any


class NotDefined(ImportError):
    """The learner's file ran and did not define what the exercise asks for."""


def graft(module: dict[str, Any], qualname: str, path: str, text: str) -> Any:
    """Execute `text` and return the object that it defines under the last part of `qualname`.

    `module` is the namespace of the library's module: helpers that the answer defines are added to it where the name is
    free, so that objects which refer to them by module and name (pickles) are found. A helper called `sum` is not: the
    module's own code means Python's.
    """
    name = qualname.rpartition(".")[2]
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    namespace: dict[str, Any] = {"__name__": module["__name__"], "__file__": path}
    exec(compile(text, path, "exec", dont_inherit=True), namespace)
    if name not in namespace:
        raise NotDefined(f"{path} defines no {name}")
    found = namespace[name]
    if name != qualname and hasattr(found, "__qualname__"):
        found.__qualname__ = qualname
    for key, value in namespace.items():
        if not key.startswith("__") and not hasattr(builtins, key):
            module.setdefault(key, value)
    return found

"""The gate: reading an answer before anything of it runs.

It catches what can be said better from the text than from a run: not Python, the wrong name or parameters, an import
that the lesson does not give, a call that is the answer itself, and doors to the program around the answer. It gives
kind and early sentences; it is not what keeps the grader safe, a determined text gets past any reading of it. That is
the sandbox's work, and the tests show that the sandbox holds with the gate switched off.
"""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from upslope.academy import stub
from upslope.academy.grading.sandbox.torch_denylist import door, switch
from upslope.academy.grading.static.imported_names import bound, dotted, full_names
from upslope.academy.grading.static.signature import differences
from upslope.academy.lessons import Step
from upslope.academy.reference import Located, parse

LARGEST = 256 * 1024  # bytes; an answer is a page of Python


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of the standard library, what any computation may use.
_EVERYDAY = _words("""
    __future__ abc bisect cmath collections contextlib dataclasses enum fractions functools heapq itertools math numbers
    operator random statistics string types typing typing_extensions warnings
""")
_DOORS = _words("""
    __import__ eval exec compile globals locals vars open input breakpoint memoryview exit quit
    __builtins__ __loader__ __spec__ __file__
""")
_HIDDEN_ATTRIBUTES = _words("""
    __globals__ __builtins__ __subclasses__ __code__ __closure__ __bases__ __base__ __mro__ mro __self__ __defaults__
    __kwdefaults__ __loader__ __spec__ __traceback__ __getattribute__ __reduce__ __reduce_ex__
    f_back f_globals f_locals f_builtins tb_frame gi_frame cr_frame ag_frame
""")
_MODULES_AS_ATTRIBUTES = _words("""
    sys os builtins ctypes ctypeslib importlib inspect gc subprocess socket threading signal modules
""")


@dataclass(frozen=True)
class Refusal:
    """Why a text is not even tried: a sentence for the learner, and the line if there is one."""

    sentence: str
    line: int | None = None


def refusal(text: str | bytes, located: Located, step: Step | None) -> Refusal | None:
    """The first thing that speaks against trying `text` as an answer; None if nothing does.

    `step` says what may be imported and what is refused by name; without one only everyday imports are given.
    """
    plain = plain_text(text, located.name)
    if isinstance(plain, Refusal):
        return plain
    tree = _tree(plain)
    if isinstance(tree, Refusal):
        return tree
    if not tree.body:
        return Refusal(f"the file is empty: write {located.name} in it")
    reading = _Reading(located, step, tree)
    questions = (reading.definition, reading.answers, reading.imports, reading.doors, reading.torch, reading.changes)
    found = [refusal for question in questions for refusal in question()]
    return min(found, key=lambda one: one.line or 0, default=None)


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


def _tree(text: str) -> ast.Module | Refusal:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return Refusal(f"line {error.lineno} is not Python: {error.msg}", error.lineno)
    except (RecursionError, MemoryError):
        return Refusal("the file nests too deeply to be read")
    except ValueError as error:
        return Refusal(f"the file is not Python: {error}")


class _Reading:
    """One text, and the questions asked of it. Every question yields refusals."""

    def __init__(self, located: Located, step: Step | None, tree: ast.Module) -> None:
        self.located, self.tree = located, tree
        self.given = tuple(step.imports) if step else ()
        self.refuses = tuple(step.refuses) if step else ()
        self.header = _header(located)
        self.bound = bound(tree)  # what each imported name stands for
        reference = list(ast.walk(located.node))
        # What the reference itself does cannot be wrong.
        self.used_by_reference = {node.attr for node in reference if isinstance(node, ast.Attribute)}
        around = bound(parse(located.text))
        self.of_reference = {name for node in reference for name in full_names(node, around)}
        self.defined = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }

    def definition(self) -> Iterator[Refusal]:
        """Is what was asked for there, with the parameters that were asked for?"""
        wanted = self.located.node
        own = [node for node in self.tree.body if getattr(node, "name", None) == wanted.name]
        kind = "class" if isinstance(wanted, ast.ClassDef) else "def"
        if not own or not isinstance(own[-1], type(wanted)):
            yield Refusal(f"the file has no {kind} {wanted.name}", own[-1].lineno if own else None)
            return
        mine = own[-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del) and node.id == wanted.name:
                yield Refusal(
                    f"line {node.lineno} sets {wanted.name} anew; the {kind} alone should say what it is", node.lineno
                )
        if isinstance(mine, ast.FunctionDef | ast.ClassDef):
            for sentence, line in differences(wanted, mine):
                yield Refusal(sentence, line)

    def imports(self) -> Iterator[Refusal]:
        """Does it import only what the lesson and the file's own header give?"""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names: list[tuple[str, str | None]] = [(alias.name, None) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                if node.level or not node.module:
                    yield Refusal(f"line {node.lineno} imports from a package around it; there is none", node.lineno)
                    continue
                names = [(node.module, alias.name) for alias in node.names]
            else:
                continue
            for module, name in names:
                if not self._given(module, name):
                    whole = module if name is None else f"{module}.{name}"
                    if module.split(".")[0] in self._allowed():  # then it is the star that is not given
                        yield Refusal(
                            f"line {node.lineno} imports everything from {module}; name what you need", node.lineno
                        )
                    else:
                        yield Refusal(f"line {node.lineno} imports {whole}; {self._may_import()}", node.lineno)

    def doors(self) -> Iterator[Refusal]:
        """Does it reach for the program around it?"""
        for node in ast.walk(self.tree):
            name = None
            if isinstance(node, ast.Name) and node.id in _DOORS and node.id not in self.defined:
                name = node.id
            elif isinstance(node, ast.Attribute):
                on_a_module = node.attr in _MODULES_AS_ATTRIBUTES and self._dotted(node) is not None
                if (node.attr in _HIDDEN_ATTRIBUTES and node.attr not in self.used_by_reference) or on_a_module:
                    name = node.attr
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                asked = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)]
                if asked and asked[0] in _HIDDEN_ATTRIBUTES | _MODULES_AS_ATTRIBUTES | {self.located.name}:
                    name = str(asked[0])
            if name is not None:
                line = node.lineno  # type: ignore[attr-defined]
                yield Refusal(
                    f"line {line} uses {name}, which reaches outside of the answer; an answer needs no such thing", line
                )

    def torch(self) -> Iterator[Refusal]:
        """Does it go through one of PyTorch's doors, or turn a switch for the whole program?"""
        for node in ast.walk(self.tree):
            for name in full_names(node, self.bound):
                if name in self.of_reference:
                    continue
                line = node.lineno  # type: ignore[attr-defined]
                if (what := door(name)) is not None:
                    said = f"line {line} uses {what}, which reaches outside of the answer"
                    yield Refusal(f"{said}; an answer needs no such thing", line)
                elif (what := switch(name)) is not None:
                    said = f"line {line} uses {what}, which changes the whole program; an answer leaves that as it is"
                    yield Refusal(said, line)

    def changes(self) -> Iterator[Refusal]:
        """Does it change what it imported?"""
        for node in ast.walk(self.tree):
            changed: ast.expr | None = None
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                changed = node
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"setattr", "delattr"}
                and node.args
            ):
                changed = node.args[0]
            dotted = self._dotted(changed) if changed is not None else None
            if changed is not None and dotted is not None:
                sentence = f"line {changed.lineno} changes {dotted}; an answer only defines {self.located.name}"
                yield Refusal(sentence, changed.lineno)

    def answers(self) -> Iterator[Refusal]:
        """Does it call the answer instead of being it?"""
        own, method = self.located.name, self.located.owner is not None
        # What the file's own header imports is given: the reference uses it too.
        bare = {name for name in self.refuses if "." not in name} - {name for _, name in self.header}
        for node in ast.walk(self.tree):
            used = None
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                dotted = self._dotted(node) or node.attr
                same = node.attr == own and not method and node.attr not in self.used_by_reference
                on_self = isinstance(node.value, ast.Name) and node.value.id == "self"
                if (same and not on_self) or node.attr in bare or dotted in self.refuses:
                    used = ast.unparse(node) if len(ast.unparse(node)) < 60 else f"....{node.attr}"
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                if node.id in bare and node.id not in self.defined:
                    used = node.id
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    given = (node.module, alias.name) in self.header
                    if (alias.name in {own, *bare} and not given) or f"{node.module}.{alias.name}" in self.refuses:
                        used = f"{node.module}.{alias.name}"
            if used is not None:
                line = node.lineno  # type: ignore[attr-defined]
                yield Refusal(f"line {line} uses {used}, which is the answer itself; write out what it does", line)

    def _allowed(self) -> set[str]:
        return {*self.given, *_EVERYDAY, *(module for module, name in self.header if name is None)}

    def _given(self, module: str, name: str | None) -> bool:
        if module.split(".")[0] == "upslope":
            return (module, name) in self.header
        return name != "*" and any(module == root or module.startswith(root + ".") for root in self._allowed())

    def _may_import(self) -> str:
        given = [*dict.fromkeys([*self.given, *(module for module, name in self.header if name is None)])]
        library = [f"{name} from {module}" for module, name in self.header if name is not None]
        if not given and not library:
            return "this answer needs no imports"
        return f"this answer may import {', '.join([*given, *library])}"

    def _dotted(self, node: ast.AST | None) -> str | None:
        return dotted(node, self.bound)


def _header(located: Located) -> list[tuple[str, str | None]]:
    """What the stub's header imports: (module, None) for a module, (module, name) for a name from one."""
    found: list[tuple[str, str | None]] = []
    for node in ast.parse("\n".join(stub.imports(located))).body:
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] == "upslope":
                found += [(node.module, alias.name) for alias in node.names]
            else:
                found.append((node.module, None))
    return found

"""The gate: reading an answer before anything of it runs.

It catches what can be said better from the text than from a run: not Python, the wrong name or parameters, an import
that the lesson does not give, a call that is the answer itself, and doors to the program around the answer. It gives
kind and early sentences; it is not what keeps the grader safe, a determined text gets past any reading of it. That is
the sandbox's work, and the tests show that the sandbox holds with the gate switched off.
"""

import ast
from collections.abc import Iterator

from upslope.academy import stub
from upslope.academy.grading.sandbox.torch_denylist import door, switch
from upslope.academy.grading.static.answer_families import FAMILIES, belongs, squashed, stems
from upslope.academy.grading.static.imported_names import bound, dotted, full_names
from upslope.academy.grading.static.lookups import Lookups, is_self
from upslope.academy.grading.static.readable_text import Refusal, plain_text, tree_of
from upslope.academy.grading.static.signature import differences
from upslope.academy.lessons import Step
from upslope.academy.reference import Located, parse
from upslope.syntax import parsed

__all__ = ["Refusal", "library_names", "plain_text", "refusal"]


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


def refusal(text: str | bytes, located: Located, step: Step | None) -> Refusal | None:
    """The first thing that speaks against trying `text` as an answer; None if nothing does.

    `step` says what may be imported and what is refused by name; without one only everyday imports are given.
    """
    plain = plain_text(text, located.name)
    if isinstance(plain, Refusal):
        return plain
    tree = tree_of(plain)
    if isinstance(tree, Refusal):
        return tree
    if not tree.body:
        return Refusal(f"the file is empty: write {located.name} in it")
    reading = _Reading(located, step, tree)
    questions = (
        reading.definition,
        reading.answers,
        reading.imports,
        reading.doors,
        reading.torch,
        reading.unreadable,
        reading.changes,
    )
    found = [refusal for question in questions for refusal in question()]
    return min(found, key=lambda one: one.line or 0, default=None)


class _Reading:
    """One text, and the questions asked of it. Every question yields refusals."""

    def __init__(self, located: Located, step: Step | None, tree: ast.Module) -> None:
        self.located, self.tree = located, tree
        self.given = tuple(step.imports) if step else ()
        # Names with a dot are refused as they stand, the others with their families.
        self.refuses = {name for name in step.refuses if "." in name} if step else set()
        self.family = stems(name for name in step.refuses if "." not in name) if step else frozenset()
        # An argument that makes a function the answer is refused by its own name alone: families hold common words.
        self.refused_arguments = {squashed(name) for name in step.refuses if name not in FAMILIES} if step else set()
        self.header = _header(located)
        self.bound = bound(tree)  # what each imported name stands for
        reference = list(ast.walk(located.node))
        # What the reference itself does cannot be wrong.
        self.used_by_reference = {node.attr for node in reference if isinstance(node, ast.Attribute)}
        around = bound(parse(located.text))
        self.of_reference = {name for node in reference for name in full_names(node, around)}
        self.lookups = list(Lookups(tree, self.bound).found())
        self.defined = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        self.local = self.defined | {
            node.arg if isinstance(node, ast.arg) else node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        }
        # What `self` has because this text gives it: methods, and attributes that are set.
        self.on_self = {located.name} if located.owner else set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.on_self |= {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
                self.on_self.add(node.attr)

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
        reached = [
            (node.lineno, node.id)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and node.id in _DOORS and node.id not in self.defined
        ]
        hidden = _HIDDEN_ATTRIBUTES - self.used_by_reference
        reached += [
            (one.line, one.attr)
            for one in self.lookups
            if one.attr in hidden or (one.attr in _MODULES_AS_ATTRIBUTES and (one.full is not None or one.quoted))
        ]
        for line, name in reached:
            said = f"line {line} uses {name}, which reaches outside of the answer; an answer needs no such thing"
            yield Refusal(said, line)

    def torch(self) -> Iterator[Refusal]:
        """Does it go through one of PyTorch's doors, or turn a switch for the whole program?"""
        read = [
            (node.lineno, name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Import | ast.ImportFrom | ast.Name)
            for name in full_names(node, self.bound)
        ]
        read += [(one.line, one.full) for one in self.lookups if one.full is not None]
        for line, name in read:
            if name in self.of_reference:
                continue
            if (what := door(name)) is not None:
                said = f"line {line} uses {what}, which reaches outside of the answer"
                yield Refusal(f"{said}; an answer needs no such thing", line)
            elif (what := switch(name)) is not None:
                said = f"line {line} uses {what}, which changes the whole program; an answer leaves that as it is"
                yield Refusal(said, line)

    def unreadable(self) -> Iterator[Refusal]:
        """Does it look names up in a library while it runs, so that nobody can read which?"""
        for one in Lookups(self.tree, self.bound).unreadable():
            if not self.used_by_reference & set(one.what.split()):
                yield Refusal(f"line {one.line} {one.what}; write the name itself", one.line)

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
        """Does it call the answer instead of being it, under any of the answer's names?"""
        for line, used in self._answers():
            yield Refusal(f"line {line} uses {used}, which is the answer itself; write out what it does", line)

    def _answers(self) -> Iterator[tuple[int, str]]:
        """Where a name stands that is the answer, and the name as it is written."""
        given = {name for _, name in self.header}  # what the file's own header imports, the reference uses too
        for one in self.lookups:
            own = one.on_self and one.attr in self.on_self
            if not own and one.attr not in self.used_by_reference and self._is_answer(one.attr, one.full):
                yield one.line, one.shown
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                if node.id not in self.local and node.id not in given and belongs(node.id, self.family):
                    yield node.lineno, node.id
            elif isinstance(node, ast.keyword) and node.arg and squashed(node.arg) in self.refused_arguments:
                yield node.lineno, f"{node.arg}="
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    if (node.module, alias.name) not in self.header and self._is_answer(alias.name, whole):
                        yield node.lineno, whole
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if any(belongs(part, self.family) for part in alias.name.split(".")):
                        yield node.lineno, alias.name

    def _is_answer(self, name: str, full: str | None) -> bool:
        """Whether a name asked of something, or imported, is the answer: its own, a variant, or one of its family."""
        own, method = self.located.name, self.located.owner is not None
        same = not method and squashed(name) == squashed(own) and bool(squashed(own))
        return same or belongs(name, self.family) or full in self.refuses

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


def library_names(located: Located) -> set[str]:
    """The names of the library's own that an answer is given, because the reference uses them."""
    return {name for _, name in _header(located) if name is not None}


def _header(located: Located) -> list[tuple[str, str | None]]:
    """What the stub's header imports: (module, None) for a module, (module, name) for a name from one."""
    found: list[tuple[str, str | None]] = []
    for node in parsed("\n".join(stub.imports(located))).body:
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] == "upslope":
                found += [(node.module, alias.name) for alias in node.names]
            else:
                found.append((node.module, None))
    return found

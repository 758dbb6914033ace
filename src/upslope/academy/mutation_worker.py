"""Inside a trusted grading child: one exercise's checks over several variants of its module, for several seeds.

A grading child runs the functions of one module. For a mutation run such a module is generated (mutation_run.py), and
its functions come from here: each puts one variant's text into the overlay, imports the library and its checks again,
and runs some checks with one seed. So all planted mistakes of an exercise cost one child and one import of PyTorch.
"""

import importlib
import json
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from upslope.academy.grading.child.torch_state import Settings

# What no variant can change, and the comparisons, whose errors the examiner knows by their class.
_KEPT = ("upslope.academy", "upslope.cards", "upslope.checks.expect", "upslope.checks.numbers")

Try = Callable[[Any], None]


class MutationWorker:
    """The overlay of one exercise, in which its module is replaced as needed."""

    def __init__(self, own: str, checks: str, file: str, texts: Sequence[str]) -> None:
        """`own`: the made module; `checks`: the exercise's; `file`: the replaced module's; `texts`: its variants."""
        import numpy as np

        self._own, self._checks, self._file, self._texts = own, checks, Path(file), texts
        self._at: int | None = None
        self._loaded: ModuleType | BaseException | None = None
        self._generator, self._settings = np.random.default_rng, Settings()
        _compile_once()

    def trial(self, variant: int, seed: int, names: Sequence[str]) -> Try:
        """A function that runs these checks over a variant, up to the first that fails."""
        return lambda rng: self._run(variant, seed, names)

    def called(self, seed: int, names: Sequence[str], targets: Mapping[str, tuple[str, str]]) -> Try:
        """A function that raises, as JSON, which of `targets` (id: module and name) run while these checks do."""

        def run(rng: Any) -> None:
            seen: set[tuple[str, str]] = set()

            def look(frame: Any, event: str, argument: Any) -> None:
                if event == "call":
                    name = frame.f_code.co_qualname.partition(".<locals>")[0]
                    seen.add((frame.f_globals.get("__name__", ""), name))

            self._import(0)
            sys.setprofile(look)
            try:
                self._run(0, seed, names)
            except Exception:
                pass  # what ran before a check failed is worth knowing too
            finally:
                sys.setprofile(None)
            ran = {
                exercise
                for exercise, (module, name) in targets.items()
                for where, what in seen
                if where == module and (what == name or what.startswith(name + "."))
            }
            raise RuntimeError(json.dumps(sorted(ran)))

        return run

    def _run(self, variant: int, seed: int, names: Sequence[str]) -> None:
        module = self._import(variant)
        for name in names:
            own = zlib.crc32(name.encode())
            self._settings.begin(seed ^ own)
            getattr(module, name)(self._generator([seed, own]))

    def _import(self, variant: int) -> ModuleType:
        """The checks, with the library around them as it is with this variant."""
        if variant != self._at:
            self._at = variant
            self._file.write_text(self._texts[variant], encoding="utf-8")
            for name in [name for name in sys.modules if name.startswith("upslope.")]:
                if name not in {self._own, "upslope.checks"} and not name.startswith(_KEPT):
                    del sys.modules[name]
            try:
                self._loaded = importlib.import_module(self._checks)
            except BaseException as error:
                self._loaded = error
        if isinstance(self._loaded, BaseException):
            raise self._loaded
        assert self._loaded is not None
        return self._loaded


def _compile_once() -> None:
    """Let the files that all variants share be compiled once."""
    compiled: dict[tuple[str, bytes], CodeType] = {}
    loader: Any = SourceFileLoader
    original = loader.source_to_code

    def source_to_code(self: SourceFileLoader, data: Any, path: Any, **more: Any) -> CodeType:
        key = (str(path), bytes(data))
        if key not in compiled:
            compiled[key] = original(self, data, path, **more)
        return compiled[key]

    loader.source_to_code = source_to_code

"""What a run reached: the content of result.json, and the one line a person reads.

A result says everything that is needed to run it again and to judge it: the config, the seed, the metrics beside their
targets, the seconds, the machine (never its name, nor any path) and a hash of the code that ran.
"""

import hashlib
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import upslope
from upslope.cards import Expect, LabCard
from upslope.runs.errors import RunProblem

FRAMEWORKS: tuple[str, ...] = ("torch", "lightning", "keras", "tensorflow")
# Settings that do not change what is learned.
_ASIDE = ("seed", "threads", "data", "track", "accelerator", "devices", "nodes", "strategy")
# Runs of before the cards gave units: a metric whose name says so is a share.
_SHARES = ("accuracy", "recall", "precision", "moved")


@dataclass(frozen=True)
class Target:
    """One bound of the lab's card, and how this run stands to it."""

    metric: str
    at_least: float | None
    at_most: float | None
    value: float | None  # None: not a number, or not measured
    reached: bool
    broken: dict[str, float] = field(default_factory=dict)  # what the named ablations reach
    unit: str = ""  # of the metric

    def bound(self) -> str:
        """The bound in words: "target >= 98.8 %"."""
        parts = [(">=", self.at_least), ("<=", self.at_most)]
        return "target " + " and ".join(f"{sign} {format_value(v, self.unit)}" for sign, v in parts if v is not None)

    def measured(self) -> str:
        """The value in words."""
        return format_value(self.value, self.unit)


@dataclass(frozen=True)
class Result:
    """A finished run."""

    lab: str
    title: str
    run: str  # the folder's name
    preset: str
    config: dict[str, Any]
    settings: tuple[str, ...]  # the words that make this config from the preset: "epochs=3"
    seed: int
    metrics: dict[str, float | None]
    targets: tuple[Target, ...]
    reached: bool | None  # None: no target counts under this config
    seconds: float  # all sessions together, without what a kill threw away
    training_seconds: float
    machine: dict[str, Any]
    code: str  # sha256 over the package's sources as the process saw them
    parts: dict[str, str]  # exercise id -> "yours" or "ours"
    facts: dict[str, Any]
    started: str  # ISO, UTC
    finished: str
    resumed: int  # how many times the run was interrupted and went on
    cause: str = ""  # the likely cause where a target was not reached: one sentence
    files: dict[str, str] = field(default_factory=dict)  # file -> sha256
    units: dict[str, str] = field(default_factory=dict)  # metric -> unit, where it has one

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self) | {"targets": [asdict(t) for t in self.targets], "settings": list(self.settings)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Result":
        """The inverse of `to_json`; it also reads results that hold no units yet."""
        units = content.get("units")
        if units is None:
            units = {name: "%" for name in content["metrics"] if any(share in name for share in _SHARES)}
        targets = tuple(Target(**{"unit": units.get(each["metric"], ""), **each}) for each in content["targets"])
        return cls(**{**content, "targets": targets, "settings": tuple(content["settings"]), "units": units})

    def measured(self) -> dict[str, str]:
        """All metrics in words: name -> value."""
        return {
            metric_label(name): format_value(value, self.units.get(name, "")) for name, value in self.metrics.items()
        }

    def line(self) -> str:
        """The run in one line: "test accuracy 98.9 %   target >= 98.8 %   reached   38 s".

        The first target stands for all that are reached; each one that is missed is named.
        """
        words = []
        for target in [t for number, t in enumerate(self.targets) if number == 0 or not t.reached]:
            verdict = "reached" if target.reached else "not reached"
            words += [f"{metric_label(target.metric)} {target.measured()}", target.bound(), verdict]
        if not self.targets:
            words = [f"{name} {value}" for name, value in self.measured().items()]
            words.append("no target under these settings")
        return "   ".join([*words, f"{self.seconds:.0f} s"])


def read_result(folder: Path) -> Result | None:
    """The result of a finished run; None while there is none."""
    path = folder / "result.json"
    if not path.exists():
        return None
    try:
        return Result.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunProblem(f"result.json of {folder.name} cannot be read ({error}): not counted as a result") from None


def judge(card: LabCard, config: Mapping[str, Any], metrics: Mapping[str, float]) -> tuple[Target, ...]:
    """The targets of a card that count under this config, beside what was measured."""
    counting = [expect for expect in card.expect if all(config.get(k) == v for k, v in expect.when.items())]
    return tuple(_target(expect, metrics.get(expect.metric), card.unit(expect.metric)) for expect in counting)


def likely_cause(targets: Sequence[Target], *, settings: Sequence[str], parts: Mapping[str, str]) -> str:
    """One sentence on why a target was missed, from what is known: a score a broken variant has, or other settings."""
    missed = [target for target in targets if not target.reached]
    if not missed:
        return ""
    target = missed[0]
    if target.value is None:
        return f"{metric_label(target.metric)} was not measured"
    if not math.isfinite(target.value):
        return f"{metric_label(target.metric)} is {target.value}: the training diverged; try a smaller learning rate"
    for name, score in target.broken.items():
        worse = target.value <= score if target.at_least is not None else target.value >= score
        if worse:
            return f"no better than {name} ({format_value(score, target.unit)}): look there first"
    changed = [word for word in settings if word.partition("=")[0] not in _ASIDE]
    if changed:
        return f"the target was measured without {' '.join(changed)}"
    yours = sum(1 for whose in parts.values() if whose == "yours")
    if yours:
        return f"{yours} of {len(parts)} parts are yours: run without --mine to see whether one of them is the cause"
    return "close to the bound: another seed says whether this one was unlucky (seed=1)"


def machine() -> dict[str, Any]:
    """What the run ran on, without names of hosts, people or paths."""
    import numpy as np

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return {
        "cores": cores,
        "os": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        **_frameworks(),
    }


def _frameworks() -> dict[str, str]:
    """Versions of the frameworks that this process has loaded, and the GPU if PyTorch computes on one."""
    loaded = {name: sys.modules[name] for name in FRAMEWORKS if name in sys.modules}
    found = {name: str(getattr(module, "__version__", "")) for name, module in loaded.items()}
    cuda = getattr(loaded.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_available():
        found["gpu"] = cuda.get_device_name()
    return found


@cache
def code_hash() -> str:
    """sha256 over the .py files of the package that this process imports (with --mine: the learner's code too)."""
    package = Path(upslope.__file__).parent
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(package, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                path = Path(folder, name)
                content = path.read_bytes()
                digest.update(f"{path.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def metric_label(metric: str) -> str:
    """A metric's name as a person says it."""
    return metric.replace("_", " ")


def format_value(value: float | None, unit: str = "") -> str:
    """A value as a person reads it: 98.9 % for a share, else four digits and the unit: 1.552 nats."""
    if value is None:
        return "not a number"
    if unit == "%" and math.isfinite(value):
        text = f"{100 * value:.2f}"
        return f"{text.removesuffix('0')} %"
    return f"{value:.4g} {unit}" if unit not in ("", "%") else f"{value:.4g}"


def plain(value: Any) -> Any:
    """A fact as JSON can say it: NumPy's numbers and arrays become Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return finite(value) if isinstance(value, float) else value


def finite(value: float | None) -> float | None:
    """JSON has no nan and no infinity."""
    return value if value is not None and math.isfinite(value) else None


def _target(expect: Expect, value: float | None, unit: str) -> Target:
    reached = value is not None and expect.reached(value)
    return Target(expect.metric, expect.at_least, expect.at_most, value, reached, dict(expect.ablations), unit)

"""Examining this machine for `upslope doctor`: looks only, and changes nothing."""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from upslope.spelling import did_you_mean

OLDEST = (3, 11)
VARIABLES = {
    "UPSLOPE_HOME": "the workspace",
    "UPSLOPE_DATA": "where data sets lie",
    "UPSLOPE_MIRROR": "where data sets are taken from first",
    "UPSLOPE_REQUIRE": "tests that may not be skipped",
    "UPSLOPE_PATIENCE": "by how much the grader's time limits are stretched on a slow machine",
}
# What an extra opens; those without a line here are for Upslope's own developers.
OPENS = {
    "torch": "later levels, which build on PyTorch; levels 0 and 1 need none of it",
    "ship": "exported networks: upslope export, and upslope predict with an ONNX file",
    "track": "runs in MLflow's store and pages",
    "play": "the environments of Gymnasium, for agents",
    "keras": "the Keras twins and the lab twins, on PyTorch",
    "tensorflow": "the Keras twins on TensorFlow",
}

State = Literal["good", "note", "lack"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. "lack": something does not work without it; "note": good to know."""

    about: str
    state: State
    fact: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Everything there is to know, in the order in which it matters."""
    yield _python()
    yield _installation()
    yield from _packages()
    yield _cores()
    yield _threads()
    yield from _sandbox()
    yield _writable("workspace", _workspace(), "set UPSLOPE_HOME to a folder of yours")
    yield _writable("temporary folder", Path(tempfile.gettempdir()), "set TMPDIR to a folder of yours")
    yield _progress()
    yield from _variables()
    yield from _data()


def _python() -> Finding:
    fact = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST:
        return Finding("python", "lack", fact, f"Upslope needs {OLDEST[0]}.{OLDEST[1]} or newer")
    return Finding("python", "good", fact)


def _installation() -> Finding:
    from upslope.academy.reference import PACKAGE
    from upslope.runs.records import checkout
    from upslope.runs.workspace import short

    kind = "checkout" if checkout() else "installed"
    return Finding("upslope", "good", f"{version_of('upslope')}, {kind}, {short(PACKAGE)}")


def _packages() -> Iterator[Finding]:
    """The declared dependencies, by what the package itself says it needs."""
    from importlib import metadata

    try:
        from packaging.requirements import Requirement

        wanted = [Requirement(line) for line in metadata.requires("upslope") or []]
    except (ImportError, metadata.PackageNotFoundError):
        yield Finding("packages", "note", "not installed as a package, so its needs are not recorded")
        return
    base = [need for need in wanted if need.marker is None or need.marker.evaluate({"extra": ""})]
    versions = {need.name: version_of(need.name) for need in wanted}
    bad = [need for need in base if not _fits(versions[need.name], need)]
    here = ", ".join(f"{need.name} {versions[need.name]}" for need in base if need not in bad)
    yield Finding("packages", "good", here)
    for need in bad:
        what = f"{need.name} {versions[need.name] or 'is missing'}".strip()
        yield Finding(
            "packages", "lack", f"{what}, {need.specifier} is needed", f"pip install '{need.name}{need.specifier}'"
        )
    for extra, opens in OPENS.items():
        parts = [n for n in wanted if n.marker is not None and n not in base and n.marker.evaluate({"extra": extra})]
        absent = [need.name for need in parts if not versions[need.name]]
        if absent:
            lacking = f"not here ({', '.join(absent)}); it opens {opens}"
            yield Finding(f"extra {extra}", "note", lacking, f"pip install 'upslope[{extra}]'")
        elif parts:
            yield Finding(f"extra {extra}", "good", ", ".join(f"{n.name} {versions[n.name]}" for n in parts))


def version_of(package: str) -> str:
    """The installed version of a package; "" where there is none."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _fits(version: str, need: object) -> bool:
    from packaging.requirements import Requirement

    return bool(version) and cast(Requirement, need).specifier.contains(version, prereleases=True)


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return Finding("cores", "good", f"{usable} usable")


def _threads() -> Finding:
    import numpy  # noqa: F401  (loads the BLAS that is asked about)
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    if not pools:
        return Finding("BLAS", "note", "not recognised; labs cannot set its threads")
    said = ", ".join(f"{p['internal_api']} {p.get('version') or ''}, {p['num_threads']} threads".strip() for p in pools)
    return Finding("BLAS", "good", f"{said} (labs set their own: threads=1)")


def _sandbox() -> Iterator[Finding]:
    from upslope.academy.grading.sandbox import landlock, seccomp

    version = landlock.abi()
    if version:
        yield Finding("Landlock", "good", f"ABI {version}: answers are graded in a sandbox")
    else:
        where = "this kernel has none" if sys.platform == "linux" else f"{platform.system()} has none"
        yield Finding("Landlock", "note", f"{where}: grading runs without it, with the other layers")
    if seccomp.available():
        yield Finding("seccomp", "good", "answers cannot start processes or open connections")
    else:
        yield Finding("seccomp", "note", "not here: grading runs without it, with the other layers")


def _workspace() -> Path:
    from upslope.runs.workspace import home

    return home()


def _writable(about: str, folder: Path, advice: str) -> Finding:
    """Try to write in the folder, or in the nearest one above it that exists; nothing is left behind."""
    from upslope.runs.workspace import short

    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding(about, "lack", f"{short(folder)} cannot be written: {error.strerror}", advice)
    if not folder.exists():
        return Finding(about, "note", f"{short(folder)} is not there yet", "upslope init makes it")
    free = _free(folder)
    if free < 200e6:
        return Finding(about, "lack", f"{short(folder)} has {free / 1e6:.0f} MB of room left", "free some space")
    return Finding(about, "good", f"{short(folder)}, writable, {free / 1e9:.1f} GB free")


def _free(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free


def _progress() -> Finding:
    from upslope.academy.evidence import read_evidence
    from upslope.academy.progress import BadProgress
    from upslope.runs.workspace import progress_file

    try:
        evidence = read_evidence(progress_file())
    except BadProgress as error:
        return Finding("progress", "lack", str(error), "move the file away to start afresh, or restore a backup")
    labs = f"{len(evidence.reached)} labs reached, {len(evidence.proven)} of them proven"
    return Finding("progress", "good", f"{len(evidence.accepted)} exercises proven, {labs}")


def _variables() -> Iterator[Finding]:
    for name in sorted(name for name in os.environ if name.startswith("UPSLOPE_")):
        if name not in VARIABLES:
            yield Finding(name, "note", f"is set, but has no meaning{did_you_mean(name, list(VARIABLES))}")
            continue
        value = os.environ[name]
        if name == "UPSLOPE_MIRROR" and not value.startswith(("http://", "https://")) and not Path(value).is_dir():
            yield Finding(name, "note", f"{value} is not a folder", "data sets will be taken from their own addresses")
        else:
            yield Finding(name, "good", f"{value} ({VARIABLES[name]})")


def _data() -> Iterator[Finding]:
    from upslope.cards import DataCard, discover
    from upslope.data.loading.fetch import have

    cards = {name: cast(DataCard, found.card) for name, found in discover("data").items()}
    here = [name for name, card in cards.items() if have(card)]
    yield Finding("data", "good", f"here: {', '.join(here) or 'none'}")
    absent = [name for name in cards if name not in here]
    if absent:
        yield Finding("data", "note", f"not fetched yet: {', '.join(absent)}", f"upslope data get {absent[0]}")

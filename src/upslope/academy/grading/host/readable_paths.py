"""What a grading child may read: the interpreter, the libraries, and of this package only what the overlay links.

Rules for reading can only give, never take away. So where this package lies among the installed libraries, the folder
is given entry by entry, without the one that holds the reference bodies.
"""

import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from upslope.academy.reference import PACKAGE

# Where shared libraries and the time zones lie; those that do not exist are left out.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/System/Library",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
    "/proc/cpuinfo",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
)


@dataclass(frozen=True)
class Readable:
    """Real paths, all of them absolute."""

    libraries: tuple[str, ...]  # go on the child's path, after the overlay and the standard library
    roots: tuple[str, ...]  # may be read, with all that lies below
    names: tuple[str, ...]  # may be listed only: folders from which an entry was left out
    closed: tuple[str, ...]  # what was left out


@lru_cache(maxsize=1)
def readable() -> Readable:
    """What this machine's child may read, the overlay aside."""
    closed = _closed()
    libraries = _libraries()
    paths = sysconfig.get_paths()
    wanted = [paths["stdlib"], paths["platstdlib"], os.path.join(sys.base_prefix, "lib"), *libraries, *_SYSTEM]
    real = list(dict.fromkeys(os.path.realpath(path) for path in wanted if os.path.exists(path)))
    roots: list[str] = []
    names: list[str] = []
    for root in real:
        if not any(_inside(root, other) for other in real if other != root):
            _carve(root, closed, roots, names)
    return Readable(libraries, tuple(roots), tuple(names), closed)


def _closed() -> tuple[str, ...]:
    """This package wherever it is installed below a readable folder: another copy holds the same answers."""
    found = [PACKAGE, *PACKAGE.parent.glob("upslope-*.dist-info")]
    for folder in (os.path.join(sys.base_prefix, "lib"), "/usr/lib", "/usr/local/lib", *_libraries()):
        found += Path(folder).glob("python3*/*-packages/upslope*")
        found += Path(folder).glob("upslope*")
    return tuple(dict.fromkeys(os.path.realpath(path) for path in found))


def _libraries() -> tuple[str, ...]:
    """The folders of installed packages on this interpreter's path, and wherever NumPy and SciPy come from."""
    found = [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"} and os.path.isdir(path)]
    for name in ("numpy", "scipy"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).parent.parent))
    return tuple(dict.fromkeys(os.path.realpath(path) for path in found))


def _carve(root: str, closed: tuple[str, ...], roots: list[str], names: list[str]) -> None:
    """Add `root` to `roots`, or its entries one by one where something closed lies below it."""
    if any(_inside(root, path) for path in closed):
        return
    if not any(_inside(path, root) for path in closed):
        roots.append(root)
        return
    names.append(root)
    for entry in sorted(os.listdir(root)):
        _carve(os.path.realpath(os.path.join(root, entry)), closed, roots, names)


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def private() -> tuple[str, ...]:
    """Places that no answer has a reason to look at: the learner's home and workspace, the repository."""
    places = [os.path.expanduser("~"), os.environ.get("UPSLOPE_HOME", "")]
    if PACKAGE.parent.name == "src":
        places.append(str(PACKAGE.parent.parent))
    return tuple(dict.fromkeys(os.path.realpath(place) for place in places if place))

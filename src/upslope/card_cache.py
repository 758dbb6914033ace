"""A cache for `discover()`: the cards it has read, in a small JSON file, so that no unchanged file is parsed again.

A file is identified by device, inode, size, and its times of modification and of change, to the nanosecond. A file
changed in the last two seconds is not cached, since a second write within the same tick of the clock could look the
same. The cache is discarded when the code that reads cards changes, and does without its file where that cannot be read
or written.
"""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

LATELY = 2_000_000_000  # nanoseconds; coarser than the clock of any file system in use
MOST = 4096  # entries; checkouts that were deleted leave theirs behind
UNKNOWN: Any = object()

Identity = tuple[int, int, int, int, int]


def identity(path: Path) -> Identity:
    """What changes when the content of a file may have changed."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


class CardCache:
    """Cards by the identity of the file they stand in; None for a file without one."""

    def __init__(self, readers: tuple[Path, ...], classes: Mapping[str, type]) -> None:
        self.readers = readers  # the code on which the meaning of a card depends
        self.classes = classes
        self.entries: dict[str, Any] = {}  # identity -> encoded
        self.used: set[str] = set()
        self.fresh = False  # whether there is something to write
        self.loaded: Path | None = None

    def get(self, which: Identity) -> Any:
        """The card of a file, None where it holds none, or UNKNOWN. Each call makes its own: a card holds dicts."""
        self._load()
        key = _key(which)
        if key not in self.entries:
            return UNKNOWN
        self.used.add(key)
        try:
            return _decode(self.entries[key], self.classes)
        except (KeyError, TypeError, ValueError):  # not written by us
            del self.entries[key]
            return UNKNOWN

    def put(self, which: Identity, card: Any) -> None:
        """Remember what a file holds, unless it has just been written."""
        if max(which[3:]) < time.time_ns() - LATELY:
            with suppress(TypeError):  # a card may hold something that JSON cannot
                self.entries[_key(which)] = _encode(card)
                self.used.add(_key(which))
                self.fresh = True

    def save(self) -> None:
        """Write what is new, in one move, so that no reader sees half of it."""
        path = _path()
        if not self.fresh or path is None:
            return
        self.fresh = False
        if len(self.entries) > MOST:
            self.entries = {key: value for key, value in self.entries.items() if key in self.used}
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as out:
                    json.dump({"readers": self._version(), "cards": self.entries}, out)
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise

    def _version(self) -> list[list[int]]:
        return [list(identity(path)) for path in self.readers]

    def _load(self) -> None:
        path = _path()
        if path is None or path == self.loaded:
            return
        self.loaded = path
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            if told["readers"] == self._version():
                self.entries = {**told["cards"], **self.entries}


def _path() -> Path | None:
    """Beside the data sets. A folder that `UPSLOPE_DATA` names is not made for this; the platform's cache is."""
    named = os.environ.get("UPSLOPE_DATA", "").strip()
    if named:
        folder = Path(named).expanduser().absolute()
        return folder / "cards.json" if folder.is_dir() else None
    import platformdirs

    return Path(platformdirs.user_cache_dir("upslope", appauthor=False)) / "cards.json"


def _key(which: Identity) -> str:
    return ":".join(map(str, which))


def _encode(value: Any) -> Any:
    """A card as JSON: containers and card classes as lists that begin with what they are."""
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_encode(getattr(value, each.name)) for each in fields(value))]
    if isinstance(value, tuple | list):
        return ["tuple" if isinstance(value, tuple) else "list", *map(_encode, value)]
    if isinstance(value, dict):
        return ["dict", *(_encode(inner) for pair in value.items() for inner in pair)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} is not kept")


def _decode(value: Any, classes: Mapping[str, type]) -> Any:
    if not isinstance(value, list):
        return value
    kind, *parts = value
    inner = [_decode(part, classes) for part in parts]
    match kind:
        case "tuple":
            return tuple(inner)
        case "list":
            return inner
        case "dict":
            return dict(zip(inner[::2], inner[1::2], strict=True))
        case _:
            return classes[kind](*inner)

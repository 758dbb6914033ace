"""The guide: every item of "Ultimate Deep Learning Mastery Guide 2025", its boxes and bullets, as `lessons/guide.csv`.

An item's id is its place: `1.modern.gelu` is a part of `1.modern`, in level 1. An id is never changed and never given
to another item; an item that is taken out keeps its line and says under `retired` in which version. Lessons say which
items they prove (`proves:` in their front matter); `covers` says how much of what an item asks for can be proven by
now: full, part, or none. A parent is its parts, and `part` on a parent says that it will ask for more than they do.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from upslope.academy.reference import PACKAGE
from upslope.spelling import nearest

FILE = PACKAGE / "lessons" / "guide.csv"
TITLE = "Ultimate Deep Learning Mastery Guide 2025"
# What a running server proves when it is asked (deployment.py), and no lesson.
CHECKED = frozenset({"5.tensorflow.deploy"})
SUBTITLE = "From Zero to AI God - Build Intelligence That Changes Everything"
EPIGRAPH = "Any sufficiently advanced AI is indistinguishable from magic"
LEVELS = {
    "G": "The guide",
    "0": "Mathematics and Python",
    "1": "Neural networks",
    "2": "Computer vision",
    "3": "Natural language processing",
    "4": "Specialized domains",
    "5": "Tools and frameworks",
    "P": "Projects",
    "R": "Courses, books, channels and papers",
    "T": "Timeline",
    "A": "Tiers",
    "S": "Mindset and habits",
    "W": "Final wisdom",
}

Kind = Literal["build", "read", "watch", "course", "milestone", "habit"]
Covers = Literal["full", "part", "none"]
AddressState = Literal["", "open", "moved", "closed"]


class BadGuide(ValueError):
    """A guide.csv that cannot be used; the message names the line and what is wrong with it."""


class UnknownItem(LookupError):
    """A word that names no item of the guide."""


@dataclass(frozen=True)
class Item:
    """One box or bullet of the guide."""

    id: str  # 1.modern.gelu
    section: str  # the heading under which it stands
    kind: Kind
    title: str
    minutes: int | None  # where known
    address: str  # of the resource that the guide names
    address_state: AddressState
    address_note: str  # what took its place, or how it stands today
    covers: Covers
    retired: str  # the version that took it out of the guide
    proof: str  # in words, what proves it once everything is built

    @property
    def level(self) -> str:
        """0 to 5; P projects, R resources, T timeline, A tiers, S strategies, W final wisdom, G title."""
        return self.id.partition(".")[0]

    @property
    def parent(self) -> str:
        """The id of the item that it would be a part of."""
        return self.id.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The last word of its id: gelu."""
        return self.id.rpartition(".")[2]


def items() -> tuple[Item, ...]:
    """The items of the guide in its own order, without the retired ones."""
    return tuple(item for item in every_item() if not item.retired)


def every_item(path: Path = FILE) -> tuple[Item, ...]:
    """All items that ever were: their number only grows."""
    return _read(path)


@lru_cache(maxsize=4)
def _read(path: Path) -> tuple[Item, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        names = [field.name for field in fields(Item)]
        if reader.fieldnames != names:
            raise BadGuide(f"{path}: the columns are {', '.join(reader.fieldnames or ())}, not {', '.join(names)}")
        found = [_item(row, f"{path}, line {reader.line_num}") for row in reader]
    ids: set[str] = set()
    for item in found:
        if item.id in ids:
            raise BadGuide(f"{path}: {item.id} stands there twice; an id belongs to one item for good")
        ids.add(item.id)
    return tuple(found)


def _item(row: dict[str, str], place: str) -> Item:
    """One line of the file. Raises BadGuide for a value that has no meaning."""
    for name, known in (("kind", Kind), ("covers", Covers), ("address_state", AddressState)):
        if row[name] not in get_args(known):
            raise BadGuide(f"{place}: {name} is {row[name]!r}; it is one of {', '.join(get_args(known))}")
    level, _, rest = row["id"].partition(".")
    if level not in LEVELS or not rest:
        raise BadGuide(f"{place}: {row['id']!r} is no id; one is written 1.modern.gelu")
    if bool(row["address"]) != bool(row["address_state"]):
        raise BadGuide(f"{place}: {row['id']} has an address without its state, or a state without an address")
    if row["minutes"] and not row["minutes"].isdecimal():
        raise BadGuide(f"{place}: minutes are a whole number, or nothing where they are not known")
    values: dict[str, object] = {**row, "minutes": int(row["minutes"]) if row["minutes"] else None}
    return Item(**values)  # type: ignore[arg-type]


def parts(guide: Sequence[Item] | None = None) -> dict[str, tuple[Item, ...]]:
    """The parts of each item that has some, by its id."""
    guide = items() if guide is None else guide
    found: dict[str, list[Item]] = {item.id: [] for item in guide}
    for item in guide:
        if item.parent in found:
            found[item.parent].append(item)
    return {name: tuple(below) for name, below in found.items() if below}


def depth(item: Item, guide: Sequence[Item] | None = None) -> int:
    """How many items it is a part of."""
    ids = {other.id for other in (items() if guide is None else guide)}
    words = item.id.split(".")
    return sum(".".join(words[:length]) in ids for length in range(1, len(words)))


def find_item(word: str) -> Item:
    """The item that a person means: its id, or the end of it where only one item ends so (`gelu`)."""
    asked = word.strip().lower().replace("_", "-")
    guide = items()
    for item in guide:
        if item.id.lower() == asked:
            return item
    ends = [item for item in guide if item.id.lower().endswith(f".{asked}")]
    if len(ends) == 1:
        return ends[0]
    raise UnknownItem(f'no item of the guide is called "{word}"; {_meant(asked, [item.id for item in ends])}')


def _meant(asked: str, ends: list[str]) -> str:
    names = ends[:3] or near(asked)
    return f"did you mean {' or '.join(names)}?" if names else "upslope roadmap 1 lists those of level 1"


def near(word: str) -> list[str]:
    """Ids written nearly like a word, or ending nearly so, the nearest first."""
    guide = items()
    whole = nearest(word, [item.id for item in guide], most=3)
    ends = nearest(word, dict.fromkeys(item.name for item in guide), most=3)
    by_end = (item.id for end in ends for item in guide if item.name == end)
    return list(dict.fromkeys((*whole, *by_end)))[:3]


def find_level(word: str) -> str | None:
    """The level that a person means, by its number, letter or title; None where none is meant."""
    asked = word.strip().lower().removeprefix("level").strip()
    for level, title in LEVELS.items():
        if asked in {level.lower(), title.lower()}:
            return level
    return None


def by_level(guide: Sequence[Item] | None = None) -> Iterator[tuple[str, str, tuple[Item, ...]]]:
    """Level, title and items, in the guide's order."""
    guide = items() if guide is None else guide
    for level, title in LEVELS.items():
        yield level, title, tuple(item for item in guide if item.level == level)

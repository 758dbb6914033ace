"""The steps of the roadmap: Markdown files with front matter, `lessons/TOPIC/NAME.md`, in the order of `roadmap.toml`.

The front matter says what a step asks for: an exercise (a dotted name of the library) or a lab, how long it takes, what
an answer may import, which terms the prose explains, which items of the guide it proves, and under which names the
lesson was known before (`was`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from upslope.academy.reference import PACKAGE
from upslope.academy.roadmap import BadLesson, Place, places
from upslope.spelling import nearest

FOLDER = PACKAGE / "lessons"
_KEYS = {
    *("title", "exercise", "lab", "minutes", "difficulty", "imports", "refuses", "needs", "returns in", "proves"),
    *("terms", "was"),
}


class UnknownStep(LookupError):
    """A word that names no step."""


@dataclass(frozen=True)
class Return:
    """Where an answer runs again: in a later step, or in a lab, there perhaps with some settings only."""

    name: str  # of the step or the lab
    settings: tuple[tuple[str, str], ...] = ()  # all of these must hold

    @staticmethod
    def parse(text: str) -> "Return":
        """`fashion model=vit`: a name, then key=value words. Raises BadLesson for anything else."""
        name, settings = _with_settings(text, "a step or a lab; write fashion, or fashion model=vit")
        return Return(name, settings)

    def holds(self, config: Mapping[str, object] | None) -> bool:
        """Whether a lab's settings agree; without any settings, as if they did."""
        return config is None or all(key in config and _word(config[key]) == value for key, value in self.settings)


@dataclass(frozen=True)
class Proof:
    """An item of the guide that a step proves: by its exercise, or by a run of its lab, perhaps with some settings."""

    item: str  # 1.modern.gelu
    settings: tuple[tuple[str, str], ...] = ()  # all of these must hold

    @staticmethod
    def parse(text: str) -> "Proof":
        """`2.zoo.vit model=vit`: an id, then key=value words. Raises BadLesson for anything else."""
        item, settings = _with_settings(text, "an item of the guide; write 1.modern.gelu, or 2.zoo.vit model=vit")
        return Proof(item, settings)

    def holds(self, config: Mapping[str, object] | None) -> bool:
        """Whether a run's settings agree; a run that noted none agrees with none."""
        return not self.settings or (config is not None and Return(self.item, self.settings).holds(config))


def _with_settings(text: str, wanted: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A name, and the key=value words after it."""
    name, *words = text.split() or [""]
    settings = [tuple(word.split("=", 1)) for word in words]
    if not name or "=" in name or any(len(setting) != 2 or not all(setting) for setting in settings):
        raise BadLesson(f'"{text}" is not {wanted}')
    return name, tuple((setting[0], setting[1]) for setting in settings)


def _word(value: object) -> str:
    """A setting's value as it is typed: true, 3, a,b."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_word, value)) if isinstance(value, list | tuple) else str(value)


@dataclass(frozen=True)
class Step:
    """One node of the roadmap."""

    level: int
    topic: str
    order: int
    name: str  # softmax
    title: str
    minutes: int
    difficulty: str
    body: str  # Markdown
    path: Path
    exercise: str | None = None  # upslope.scratch.ops:softmax
    lab: str | None = None
    imports: tuple[str, ...] = ()  # modules that an answer may import
    refuses: tuple[str, ...] = ()  # names that an answer may not use, because they are the answer
    needs: tuple[str, ...] = ()  # names of earlier steps
    # Later steps and labs that the answer runs in; a lab may carry settings: "fashion model=vit".
    returns_in: tuple[str, ...] = field(default=())
    # Items of the guide; a lab may carry settings: "2.zoo.vit model=vit".
    proves: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()  # what it teaches of the field's vocabulary: "momentum", "deep Q-network (DQN)"
    was: tuple[str, ...] = ()  # names that the lesson had before
    level_title: str = ""
    part: str = ""  # the title of the part of the level

    @property
    def number(self) -> str:
        return f"{self.level}.{self.order:02d}"

    @property
    def file(self) -> Path:
        """The learner's file, relative to the exercises folder: the same wherever the step stands."""
        return Path(self.topic) / f"{self.name}.py"

    @property
    def labs(self) -> tuple[str, ...]:
        """The labs in which the answer runs."""
        from upslope.cards import discover

        known = discover("labs")
        return tuple(dict.fromkeys(place.name for place in self.returns if place.name in known))

    @property
    def returns(self) -> tuple[Return, ...]:
        """`returns_in`, taken apart."""
        return tuple(map(Return.parse, self.returns_in))

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """`proves`, taken apart."""
        return tuple(map(Proof.parse, self.proves))


def steps(folder: Path | None = None) -> tuple[Step, ...]:
    """All steps in roadmap order, of this package or of another folder of lessons."""
    return _steps(folder or FOLDER)


@lru_cache(maxsize=4)
def _steps(folder: Path) -> tuple[Step, ...]:
    found = [read(folder / place.topic / f"{place.name}.md", place) for place in places(folder)]
    names: dict[str, Step] = {}
    for step in found:
        for name in (step.name, *step.was):
            if name in names:
                raise BadLesson(f'{step.path}: "{name}" is or was the name of {names[name].path} as well')
            names[name] = step
    return tuple(found)


def exercises() -> tuple[Step, ...]:
    """The steps that ask for code, in roadmap order."""
    return tuple(step for step in steps() if step.exercise)


def read(path: Path, place: Place) -> Step:
    """One lesson file, and its place on the roadmap. Raises BadLesson, naming the file and what is wrong with it."""
    import yaml

    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise BadLesson(f"{path}: a lesson begins with front matter between two lines of ---")
    # LibYAML in C is eight times as fast; not every installation of PyYAML was built with it.
    front = yaml.load(parts[1], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    unknown = set(front) - _KEYS
    if unknown:
        raise BadLesson(f"{path}: unknown key {sorted(unknown)[0]!r}; the keys are {', '.join(sorted(_KEYS))}")
    if "title" not in front:
        raise BadLesson(f"{path}: the front matter has no title")
    step = Step(
        level=place.level,
        topic=place.topic,
        order=place.order,
        name=place.name,
        title=str(front["title"]),
        minutes=int(front.get("minutes", 15)),
        difficulty=str(front.get("difficulty", "easy")),
        body=parts[2].strip() + "\n",
        path=path,
        exercise=front.get("exercise"),
        lab=front.get("lab"),
        imports=tuple(front.get("imports") or ()),
        refuses=tuple(front.get("refuses") or ()),
        needs=tuple(front.get("needs") or ()),
        returns_in=tuple(str(place) for place in front.get("returns in") or ()),
        proves=tuple(str(item) for item in front.get("proves") or ()),
        terms=tuple(map(str, front.get("terms") or ())),
        was=tuple(front.get("was") or ()),
        level_title=place.level_title,
        part=place.part,
    )
    try:
        _ = step.returns, step.proofs
    except BadLesson as error:
        raise BadLesson(f"{path}: {error}") from None
    return step


def find(word: str) -> Step:
    """The step that a person means: by its name now or before, number (1.04), exercise id or the exercise's name."""
    asked = word.strip().lower().replace("_", "-")
    for step in steps():
        own = (step.exercise or "").rpartition(":")[2].lower().replace("_", "-")
        if asked in {step.name, step.number, own, *step.was} or word == step.exercise:
            return step
    names = [step.name for step in steps()]
    near = nearest(asked, names, most=3)
    meant = f"did you mean {' or '.join(near)}?" if near else "upslope learn lists all steps"
    raise UnknownStep(f'no step is called "{word}"; {meant}')


def of_exercise(exercise: str) -> Step:
    """The step that asks for an exercise id."""
    for step in exercises():
        if step.exercise == exercise:
            return step
    raise UnknownStep(f"no lesson asks for {exercise}")

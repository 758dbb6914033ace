"""Generated passages in the project's own pages: tables made from cards, lessons and records, never typed.

A page marks a passage with `<!-- made by: NAME -->` and `<!-- end -->`; `update` makes it again, and `make check`
compares what it would write with what stands there. Long tables have a page of their own in docs/; the README sums up.
"""

import ast
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from upslope.academy.checklist import checks_of
from upslope.academy.lessons import Step, steps
from upslope.academy.reference import PACKAGE
from upslope.academy.terms import all_terms
from upslope.cards import DataCard, LabCard, ModelCard, Size, discover
from upslope.syntax import parsed

_PASSAGE = re.compile(r"(<!-- made by: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def update(root: Path, *, write: bool) -> list[str]:
    """Make every generated passage of the pages of `root` and its docs/ again; the paths of the pages that differ."""
    stale = []
    for path in [*sorted(root.glob("*.md")), *sorted(root.glob("docs/*.md"))]:
        text = path.read_text(encoding="utf-8")
        made = _PASSAGE.sub(lambda m: m[1] + MAKERS[m["name"]](root) + m[3], text)
        if made != text:
            stale.append(path.relative_to(root).as_posix())
            if write:
                path.write_text(made, encoding="utf-8")
    return stale


def tree(root: Path) -> str:
    """The rooms of the package with the first sentence of each one's `__init__` docstring."""
    rows = []
    for folder in sorted(p for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"):
        init = folder / "__init__.py"
        phrase = (ast.get_docstring(parsed(init.read_text(encoding="utf-8"))) or "") if init.is_file() else ""
        rows.append((f"{folder.name}/", phrase.split("\n")[0].rstrip(".") or _NOTES.get(folder.name, "")))
    rows.append(("cards.py", "the frozen cards, and discover(), which reads them without importing"))
    rows.append(("card_cache.py", "what discover() read before, known by the identity of the file"))
    rows.append(("features.py", "what the columns of a data set hold, with the names of Hugging Face's datasets"))
    rows.append(("syntax.py", "Python text read into its syntax tree, one thread at a time"))
    width = max(len(name) for name, _ in rows) + 2
    lines = [f"  {name:<{width}}{phrase}".rstrip() for name, phrase in rows]
    return "\n".join(["```", "src/upslope/", *lines, "```", ""])


_NOTES = {"lessons": "TOPIC/NAME.md: prose and front matter; roadmap.toml is their order"}


def levels(root: Path) -> str:
    """The roadmap by level: how many lessons, exercises and labs, and how the exercises are graded."""
    rows = [
        "| level | lessons | exercises | checks | wrong answers | labs |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for level, title in dict.fromkeys((step.level, step.level_title) for step in steps()):
        lessons = [step for step in steps() if step.level == level]
        graded = [checks_of(step.exercise) for step in lessons if step.exercise]
        counts = (
            *(len(lessons), len(graded), sum(len(g.checks) for g in graded), sum(len(g.wrongs) for g in graded)),
            sum(1 for step in lessons if step.lab),
        )
        rows.append(f"| {level}. {title} | {' | '.join(map(str, counts))} |")
    return "\n".join([*rows, ""])


def library(root: Path) -> str:
    """How many labs, models, data sets and terms there are, each with the page that lists them."""
    cards = [found.card for found in discover("models").values()]
    sizes = sum(len(card.sizes) for card in cards if isinstance(card, ModelCard))
    rows = [
        f"- [{len(discover('labs'))} labs](docs/labs.md), each with a measured target",
        f"- [{len(cards)} families of models](docs/models.md) in {sizes} sizes",
        f"- [{len(discover('data'))} data sets](docs/data.md) with their licences",
        f"- [{len(all_terms(steps()))} terms of the field](docs/terms.md) and the lessons that explain them",
    ]
    return "\n".join([*rows, ""])


def vocabulary(root: Path) -> str:
    """The terms that the lessons teach, level by level, with what each means."""
    rows: list[str] = []
    for level, title in dict.fromkeys((step.level, step.level_title) for step in steps()):
        rows += [f"## Level {level}: {title}", "", "| term | meaning | lesson |", "| --- | --- | --- |"]
        for term in all_terms([step for step in steps() if step.level == level]):
            meaning = term.meaning.replace("|", "\\|")
            rows.append(f"| {term.shown} | {meaning} | {term.step.number} {term.step.name} |")
        rows.append("")
    return "\n".join(rows)


def exercises(root: Path) -> str:
    """The exercises in roadmap order, with what grades them."""
    rows = [
        "| step | exercise | checks | wrong answers | returns in |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for step in steps():
        if step.exercise:
            graded = checks_of(step.exercise)
            counts = f"{len(graded.checks)} | {len(graded.wrongs)}"
            rows.append(f"| {step.number} {step.name} | `{step.exercise}` | {counts} | {_places(step)} |")
    return "\n".join([*rows, ""])


def _places(step: Step) -> str:
    """Where an answer runs again, a lab's settings in brackets: softmax, fashion (model=vit or model=lenet)."""
    settings: dict[str, list[str]] = {}
    for place in step.returns:
        settings.setdefault(place.name, []).append(" ".join(f"{key}={value}" for key, value in place.settings))
    return ", ".join(name + (f" ({' or '.join(some)})" if all(some) else "") for name, some in settings.items())


def labs(root: Path) -> str:
    """The labs, with their targets."""
    rows = ["| lab | what | target |", "| --- | --- | --- |"]
    for name, found in discover("labs").items():
        card = found.card
        if isinstance(card, LabCard):
            targets = "; ".join(_target(e.metric, e.at_least, e.at_most, e.when) for e in card.expect)
            rows.append(f"| `{name}` | {card.title} | {targets} |")
    return "\n".join([*rows, ""])


def _target(metric: str, at_least: float | None, at_most: float | None, when: Mapping[str, object]) -> str:
    bound = f">= {at_least:g}" if at_least is not None else f"<= {at_most:g}"
    setting = " ".join(f"{key}={value}" for key, value in when.items())
    return f"{metric.replace('_', ' ')} {bound}" + (f" ({setting})" if setting else "")


def data(root: Path) -> str:
    """The data sets, with size and licence."""
    rows = ["| data set | samples | from | licence |", "| --- | --- | --- | --- |"]
    for name, found in discover("data").items():
        card = found.card
        if isinstance(card, DataCard):
            counts = ", ".join(f"{split} {count:,}" for split, count in card.splits.items())
            origin = f"carried by {card.carried_by}" if card.carried_by else f"[its own address]({card.homepage})"
            rows.append(f"| `{name}` | {counts} | {origin} | {card.licence} |")
    return "\n".join([*rows, ""])


def models(root: Path) -> str:
    """The models, with the sizes whose parameter counts are published."""
    rows = ["| model | from | sizes, with published parameters |", "| --- | --- | --- |"]
    for name, found in discover("models").items():
        card = found.card
        if isinstance(card, ModelCard):
            sizes = ", ".join(_size(key, size) for key, size in card.sizes.items() if key != "toy")
            source = f"[{card.paper}]({card.link})" if card.link else card.paper
            rows.append(f"| `{name}` | {source} | {sizes} |")
    return "\n".join([*rows, ""])


def _size(name: str, size: Size) -> str:
    count = f"{size.parameters:,}" if size.parameters else f"{size.parameters_about} M" if size.parameters_about else ""
    return f"`{name}` {count}".rstrip()


MAKERS: dict[str, Callable[[Path], str]] = {
    "tree": tree,
    "levels": levels,
    "library": library,
    "terms": vocabulary,
    "exercises": exercises,
    "labs": labs,
    "models": models,
    "data": data,
}


def budget() -> list[tuple[str, int]]:
    """Lines of code by room: docstrings, comments and blank lines are free."""
    counts: dict[str, int] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        counts[room] = counts.get(room, 0) + code_lines(path.read_text(encoding="utf-8"))
    return sorted(counts.items(), key=lambda item: -item[1])


def code_lines(text: str) -> int:
    """How many lines of a file hold code."""
    prose: set[int] = set()
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(text.split("\n"), 1)
    return sum(1 for n, line in lines if n not in prose and line.strip() and not line.strip().startswith("#"))

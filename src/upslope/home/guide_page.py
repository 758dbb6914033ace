"""The guide from top to bottom in its own order: the state of each item, each level's bar, the tier, the next step.

What is proven and what is reported are counted and drawn apart. Nothing is locked: a state says what was done.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from starlette.responses import RedirectResponse, Response

from upslope.academy import guide
from upslope.academy.guide import Item
from upslope.academy.item_state import STATES, ItemState, counts
from upslope.academy.lessons import Step, steps
from upslope.academy.position import read_position
from upslope.academy.progress import Progress
from upslope.academy.reports import BadReport, add_report
from upslope.academy.step_status import StepStatus, unlocks
from upslope.home.render import page
from upslope.home.ridge import ridge
from upslope.runs.workspace import exercises_folder, progress_file, short

PATHS = {"vision": ("2", "3"), "language": ("3", "2")}


@dataclass(frozen=True)
class Row:
    """An item as a line of the page."""

    item: Item
    found: ItemState
    depth: int
    steps: tuple[StepStatus, ...]  # those that prove it

    @property
    def words(self) -> str:
        """Its state in words: "begun, 3 of 4; more is planned"."""
        found = self.found
        share = found.proven if found.proven.of > 1 else found.reported if found.reported.of > 1 else None
        told = f", {share.done} of {share.of}" if share and found.state in {"begun", "open"} else ""
        more = "; more is planned" if found.more and found.state != "planned" else ""
        return f"{found.state}{told}{more}"


@dataclass(frozen=True)
class Section:
    """A heading of the guide and what stands under it."""

    title: str
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Level:
    """A level of the guide: its sections, and how many of its items are in each state."""

    id: str
    title: str
    sections: list[Section]
    counts: dict[str, int]
    steps: tuple[int, int]  # those that prove something in it: how many are proven, and how many there are

    @property
    def size(self) -> int:
        return sum(self.counts.values())


def show(*, state: str = "", query: str = "", first: str = "") -> Response:
    """The page, perhaps with the items of one state only, or with those that hold some words."""
    position = read_position()
    whole, table, coming = position.climb, position.table, position.next
    state = state if state in STATES else ""
    rows = _rows(whole.states, table)
    levels = [chosen for level in _levels(rows, first) if (chosen := _chosen(level, state, query)).sections]
    answer = page(
        "guide",
        follows="events graded",
        title=guide.TITLE,
        subtitle=guide.SUBTITLE,
        epigraph=guide.EPIGRAPH,
        levels=levels,
        counts=counts(whole.states),
        size=len(whole.states),
        states=STATES,
        steps=(sum(each.state == "proven" for each in table), sum(each.state != "reading" for each in table)),
        tiers=whole.tiers,
        stands=position.standing,
        coming=coming,
        opens=unlocks(coming, table)[:3] if coming else [],
        after=_after(coming, table),
        file=short(exercises_folder() / coming.file) if coming is not None and coming.exercise else "",
        ridge=ridge(list(whole.states.values()), _place(coming, whole.states)),
        state=state,
        query=query,
        first=first,
        shown=sum(len(section.rows) for level in levels for section in level.sections),
    )
    if first in PATHS:
        answer.set_cookie("first", first, samesite="strict", httponly=True, max_age=400 * 86400)
    return answer


def show_item(name: str, *, refused: str = "") -> Response:
    """One item: what proves it, what it is a part of, where to read, and the learner's own word."""
    item = guide.find_item(name)
    position = read_position()
    whole = position.climb
    rows = {row.item.id: row for row in _rows(whole.states, position.table)}
    demand = next((j for tier in whole.tiers for j in tier.demands if j.demand.item == item.id), None)
    return page(
        "item",
        status=400 if refused else 200,
        follows="events",
        row=rows[item.id],
        parts=[rows[part.id] for part in guide.parts().get(item.id, ())],
        parent=rows.get(item.parent),
        level=guide.LEVELS[item.level],
        demand=demand,
        refused=refused,
    )


def report(name: str, form: dict[str, str]) -> Response:
    """Keep what the learner says about an item; it is never taken for proof."""
    item = guide.find_item(name)
    try:
        said = {name: form.get(name, "") for name in ("part", "hours", "link", "note")}
        add_report(Progress(progress_file()), item, **said)
    except BadReport as error:
        return show_item(name, refused=str(error))
    return RedirectResponse(f"/item/{item.id}", status_code=303)


def _rows(states: dict[str, ItemState], table: Sequence[StepStatus]) -> list[Row]:
    by_item: dict[str, list[StepStatus]] = {}
    for each in table:
        for proof in each.step.proofs:
            by_item.setdefault(proof.item, []).append(each)
    items = [found.item for found in states.values()]
    return [
        Row(found.item, found, guide.depth(found.item, items), tuple(by_item.get(found.item.id, ())))
        for found in states.values()
    ]


def _levels(rows: Sequence[Row], first: str) -> Iterator[Level]:
    order = list(guide.LEVELS)
    if first in PATHS:
        one, two = PATHS[first]
        at = min(order.index(one), order.index(two))
        order[at : at + 2] = [one, two]
    for name in order:
        chosen = [row for row in rows if row.item.level == name]
        sections: list[Section] = []
        for row in chosen:
            if not sections or sections[-1].title != row.item.section:
                sections.append(Section(row.item.section))
            sections[-1].rows.append(row)
        found = counts({row.item.id: row.found for row in chosen})
        proving = {each.step.name: each.state == "proven" for row in chosen for each in row.steps}
        share = (sum(proving.values()), len(proving))
        yield Level(name, guide.LEVELS[name], sections, {state: found[state] for state in STATES}, share)


def _chosen(level: Level, state: str, query: str) -> Level:
    """The level with those of its items that are asked for; its counts stay those of the whole."""
    words = query.lower().split()

    def asked(row: Row) -> bool:
        if state and row.found.state != state:
            return False
        lessons = " ".join(f"{each.step.title} {each.step.body}" for each in row.steps) if words else ""
        text = f"{row.item.id} {row.item.title} {row.item.section} {lessons}".lower()
        return all(word in text for word in words)

    sections = [Section(section.title, [row for row in section.rows if asked(row)]) for section in level.sections]
    return replace(level, sections=[section for section in sections if section.rows])


def _after(coming: Step | None, table: Sequence[StepStatus]) -> list[Step]:
    """The three steps that follow the next one."""
    roadmap = [each.step for each in table if each.state not in {"proven", "reading"}]
    return roadmap[roadmap.index(coming) + 1 :][:3] if coming in roadmap else []


def _place(coming: Step | None, states: dict[str, ItemState]) -> int | None:
    """Where on the guide the next step stands: the first item that it, or a step after it, proves."""
    roadmap = steps()
    for step in roadmap[roadmap.index(coming) :] if coming is not None else ():
        for proof in step.proofs:
            if proof.item in states:
                return list(states).index(proof.item)
    return None

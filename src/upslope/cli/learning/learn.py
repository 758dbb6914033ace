"""`upslope learn`: the roadmap, one lesson set for the terminal, or a term and where it is taught."""

from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.completion import step_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import PROVES, listed
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.academy.lessons import Step
    from upslope.academy.terms import Term


def learn(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            help="A step (its name or number) or a term of the field. Without it, the roadmap.",
            autocompletion=step_names,
        ),
    ] = None,
    terms: Annotated[bool, typer.Option("--terms", help="List the terms that the lessons teach, by level.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Read a lesson, look up a term, or see the roadmap."""
    bring_over()
    if terms:
        return vocabulary()
    return lesson_or_term(" ".join(name)) if name else roadmap()


def roadmap() -> int:
    """The whole guide, as `upslope roadmap` shows it."""
    from upslope.cli.guide.roadmap import show_all

    return show_all()


def lesson_or_term(word: str) -> int:
    """The step of that name, else the term."""
    from upslope.academy.lessons import UnknownStep, find, steps
    from upslope.academy.terms import find_term, near

    try:
        step = find(word)
    except UnknownStep:
        found = find_term(word, steps())
        if found is not None:
            return term(found)
        names = near(word, steps())
        meant = (
            f"did you mean {' or '.join(names)}?" if names else "upslope learn lists all steps, with --terms all terms"
        )
        raise UnknownStep(f'no step or term is called "{word}"; {meant}') from None
    return lesson(step)


def term(found: "Term") -> int:
    """One term: what it means, and the lesson that teaches it."""
    screen = Screen()
    screen.give(term_facts(found))
    screen.ends([(found.shown, "bold")], f"{found.step.number} {found.step.name}")
    screen.gap()
    screen.prose(found.meaning)
    screen.gap()
    screen.command(f"upslope learn {found.step.name}", "the lesson that teaches it")
    return Exit.DONE


def vocabulary() -> int:
    """All terms, level by level, each with its lesson."""
    from upslope.academy.lessons import steps
    from upslope.academy.terms import all_terms

    screen = Screen()
    found = all_terms(steps())
    screen.give({"terms": [term_facts(each) for each in found]})
    if screen.quiet:
        return Exit.DONE
    screen.ends([("Terms", "bold")], f"{len(found)}")
    for level, title in dict.fromkeys((each.step.level, each.step.level_title) for each in found):
        screen.gap()
        screen.line((f"Level {level}: {title}", "bold"))
        rows = [(each.step.name, each.shown) for each in found if each.step.level == level]
        names = {name: ", ".join(shown for step, shown in rows if step == name) for name, _ in rows}
        screen.pairs(list(names.items()))
    screen.gap()
    screen.command("upslope learn TERM", "what it means")
    return Exit.DONE


def term_facts(found: "Term") -> dict[str, object]:
    """A term for a program."""
    return {
        "term": found.name,
        "short": found.short or None,
        "meaning": found.meaning,
        "step": found.step.name,
        "number": found.step.number,
        "level": found.step.level,
        "title": found.step.title,
    }


def lesson(step: "Step") -> int:
    """One lesson: the prose, where the file is, what to type next."""
    from upslope.academy.evidence import read_evidence
    from upslope.academy.lab_parts import whose
    from upslope.academy.migration import file_of
    from upslope.academy.step_status import standings
    from upslope.cli.learning.step_facts import facts
    from upslope.runs.workspace import exercises_folder, progress_file, short

    screen = Screen()
    evidence = read_evidence(progress_file())
    standing = next(s for s in standings(evidence) if s.step.name == step.name)
    file = file_of(step, exercises_folder(), progress_file()) if step.exercise else None
    screen.give({**facts(standing), "file": str(file) if file else None, "lesson": step.body})
    if screen.quiet:
        return Exit.DONE
    heading = f"{step.number} {step.title}"
    screen.ends([(heading, "bold")], f"{step.minutes} min, {step.difficulty}")
    screen.gap()
    screen.markdown(_without_title(step.body))
    screen.gap()
    if standing.waits_for:
        screen.prose(f"It builds on {listed(standing.waits_for)}, which you have not proven yet.", style="dim")
    if file and not file.exists():
        screen.line("Make your file first    ", ("upslope init", "bold cyan"))
    if file:
        screen.line("Write the body in       ", short(file))
        screen.line("Then                    ", (f"upslope check {step.name}", "bold cyan"))
    if step.lab:
        mine = " --mine" if "yours" in whose(step.lab, evidence.accepted).values() else ""
        screen.line("Run                     ", (f"upslope lab {step.lab}{mine}", "bold cyan"))
        if standing.state == "reached":
            screen.prose(f"Reached. {PROVES} upslope lab {step.lab} --mine", style="dim")
    return Exit.DONE


def _without_title(body: str) -> str:
    """The heading stands above the lesson already."""
    first, _, rest = body.partition("\n")
    return rest.lstrip("\n") if first.startswith("# ") else body

"""`upslope` alone: where you stand, what comes next, and the command to type."""

from typing import TYPE_CHECKING

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed

if TYPE_CHECKING:
    from upslope.academy.evidence import Evidence
    from upslope.academy.lessons import Step
    from upslope.academy.step_status import StepStatus


def dashboard() -> int:
    """What `upslope` says when it is given no verb."""
    bring_over()
    show_dashboard(Screen())
    return Exit.DONE


def show_dashboard(screen: Screen, *, alone: bool = True) -> None:
    """Tier, the next step, the labs that hold parts of yours; `alone`: also JSON for programs, and one command."""
    from upslope.academy.item_state import counts
    from upslope.academy.position import read_position
    from upslope.cli.guide.drawing import bar
    from upslope.cli.guide.roadmap import grown
    from upslope.runs.workspace import exercises_folder

    position = read_position()
    evidence, table, stands, step = position.evidence, position.table, position.standing, position.next
    guide = counts(position.climb.states)
    coming = next((tier for tier in position.climb.tiers if tier.name == stands.next), None)
    started = exercises_folder().is_dir()
    labs = lab_parts(evidence)
    command = next_command(step) if started else "upslope init"
    if alone:
        screen.give(
            {
                "tier": stands.held,
                "next_tier": stands.next,
                "done": stands.share.done,
                "of": stands.share.of,
                "missing": [judged.demand.item for judged in coming.demands if not judged.holds] if coming else [],
                "guide": guide,
                "grew": stands.grew,
                "next": step.name if step else None,
                "labs": {
                    lab: {
                        "yours": yours,
                        "of": of,
                        "reached": lab in evidence.reached,
                        "proven": lab in evidence.proven,
                    }
                    for lab, (yours, of) in labs.items()
                },
                "started": started,
                "command": command,
            }
        )
    screen.ends([("Upslope", "bold")], stands.line())
    grown(screen, position)
    said = f"  {guide['proven']} of {sum(guide.values())} items proven, {guide['reported']} reported"
    screen.line(*_word("Guide"), *bar(guide["proven"], guide["reported"], sum(guide.values()), 24), said)
    if step:
        screen.line(
            *_word("Next"), f"{step.number} {step.name:<16} ", (f"{step.minutes} min{_opens(step, table)}", "dim")
        )
    elif table:
        screen.line(*_word("Next"), "every step is proven")
    yours = [f"{yours} of {of} parts of lab {lab}" for lab, (yours, of) in labs.items() if yours]
    for number, words in enumerate(yours):
        screen.line(*_word("Yours" if number == 0 else ""), words)
    reached = {lab: event for lab, event in evidence.reached.items() if lab not in evidence.proven}
    for word, runs in (("Proven", evidence.proven), ("Reached", reached)):
        for number, (lab, event) in enumerate(runs.items()):
            screen.line(*_word(word if number == 0 else ""), f"lab {lab}, run {event.payload.get('run', '')}")
    taken = [s.step.name for s in table if s.taken]
    if taken:
        screen.line(*_word("Seen"), f"the solution of {listed(taken)} before you wrote your own")
    if not alone:
        return
    screen.gap()
    if started:
        screen.command(command)
    else:
        screen.commands([("upslope tour", "see it work, in a minute"), ("upslope init", "make your files and begin")])


def lab_parts(evidence: "Evidence") -> dict[str, tuple[int, int]]:
    """For each lab that is made of exercises: how many of its parts are the learner's, and how many there are."""
    from upslope.academy.lab_parts import whose
    from upslope.cards import discover

    counts = {}
    for lab in discover("labs"):
        parts = list(whose(lab, evidence.accepted).values())
        if parts:
            counts[lab] = (parts.count("yours"), len(parts))
    return counts


def next_command(step: "Step | None") -> str:
    """What to type to go on with a step."""
    return f"upslope learn {step.name}" if step else "upslope learn"


def _word(word: str) -> tuple[Piece, ...]:
    return ((f"{word:<9}", "dim"),)


def _opens(step: "Step", table: "list[StepStatus]") -> str:
    from upslope.academy.step_status import unlocks

    names = unlocks(step, table)[:3]
    return f"      opens {', '.join(names)}" if names else ""

"""`upslope lab`: run a lab to its target, with the learner's accepted code in it when --mine asks for that."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from upslope.cli.terminal.completion import lab_names, run_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import PROVES, listed, plural, seconds
from upslope.cli.terminal.options import AsJson, Debug
from upslope.spelling import did_you_mean

if TYPE_CHECKING:
    from upslope.academy.overlay import Submission
    from upslope.cards import Found, LabCard
    from upslope.runs.result import Result
    from upslope.runs.run import Run


def lab(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A lab. Without it, all labs.", autocompletion=lab_names)] = "",
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings: epochs=3 seed=1.")
    ] = None,
    preset: Annotated[str, typer.Option("--preset", help="smoke, laptop or full.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Use your accepted answers in place of ours.")] = False,
    resume: Annotated[
        str, typer.Option("--resume", metavar="RUN", help="Go on with an interrupted run.", autocompletion=run_names)
    ] = "",
    composed: Annotated[str, typer.Option("--composed", hidden=True)] = "",
    show_help: Annotated[
        bool, typer.Option("--help", "-h", help="This text; with a lab's name, the settings of that lab.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Run a lab to its target; without a name, list all labs.

    A setting is written key=value. upslope lab NAME --help lists a lab's settings.
    """
    from upslope.cli.training import lab_list
    from upslope.cli.training.lab_overlay import begin_composed, enter_composed

    if show_help:
        if not name:
            print(context.get_help())
            return Exit.DONE
        return lab_list.settings(find(name))
    words = list(settings or ())
    answers = enter_composed(composed)
    if resume:
        if words or preset or mine or "=" in name:
            raise UsageError("--resume uses the settings that the run began with; give it no others")
        if not composed:
            begin_composed(resume=resume)  # comes back only if the run has no answers of the learner's in it
        return _run(lambda started, quiet: _resume(name, resume, started, quiet), composed, answers)
    if not name:
        if preset or mine:
            raise UsageError("which lab? upslope lab lists them")
        return lab_list.labs()
    found = find(name)
    if mine and not composed:
        begin_composed(found, words, preset)
    return _run(lambda started, quiet: _start(found, words, preset, answers, started, quiet), composed, answers)


def find(name: str) -> "Found":
    """The lab of this name, or the nearest one as a suggestion."""
    from upslope.cards import discover

    known = discover("labs")
    if name in known:
        return known[name]
    if "=" in name:
        raise UsageError(f'"{name}" is a setting; the lab comes first: upslope lab NAME {name}')
    raise UsageError(f'there is no lab "{name}"{did_you_mean(name, list(known))} (upslope lab lists all)')


def _start(found: "Found", words: list[str], preset: str, answers: Any, started: Any, quiet: bool) -> "Result":
    from upslope.academy.lab_parts import whose
    from upslope.runs.config import parse_settings
    from upslope.runs.launcher import start

    card = cast("LabCard", found.card)
    config = parse_settings(found.load().Config, words, card=card, preset=preset or "laptop")
    parts = whose(card.name, answers, config.model_dump(mode="json"))
    return start(found, words, preset=preset or "laptop", parts=parts, quiet=quiet, started=started)


def _resume(name: str, where: str, started: Any, quiet: bool) -> "Result":
    from upslope.runs.launcher import resume
    from upslope.runs.run_dir import find_run, read_settings

    of = str(read_settings(find_run(where))["lab"])
    if name and find(name).card.name != of:
        raise UsageError(f"{where} is a run of {of}, not of {name}")
    return resume(where, quiet=quiet, started=started)


def _run(run_it: Any, composed: str, answers: "dict[str, Submission]") -> int:
    """Run, say before and after what there is to say, and keep a reached run as evidence."""
    from upslope.cli.training.lab_overlay import blaming, keep_answers
    from upslope.runs.workspace import runs_folder

    screen = Screen()

    def started(run: "Run[Any]") -> None:
        if composed:
            keep_answers(run.folder, composed)
        introduce(screen, run)

    with blaming(answers):
        result = run_it(started, screen.quiet)
    folder = runs_folder() / result.run
    if result.reached:
        add_evidence(result)
    screen.give({**result.to_json(), "folder": str(folder)})
    if not screen.quiet:
        conclude(screen, result, folder)
    return Exit.NOT if result.reached is False else Exit.DONE


def introduce(screen: Screen, run: "Run[Any]") -> None:
    """What this run is, how long it takes, and whose parts it is made of."""
    from upslope.academy.lab_parts import part_name

    card = run.card
    about = card.seconds.get(run.preset)
    screen.ends([(card.title, "bold")], f"about {seconds(about)} on 2 cores" if about else "")
    yours = [part_name(e) for e, whose in run.parts.items() if whose == "yours"]
    ours = [part_name(e) for e, whose in run.parts.items() if whose == "ours"]
    if yours:
        screen.prose(f"Yours: {', '.join(yours)}   {len(yours)} of {len(run.parts)}")
    if yours and ours:
        screen.prose(f"Ours:  {', '.join(ours)}", style="dim")
    if run.step:
        screen.prose(f"Going on after step {run.step}.")
    screen.gap()


def add_evidence(result: "Result") -> None:
    """A run that reached its target becomes an event in the progress store."""
    from upslope.academy.position import keep_tiers
    from upslope.academy.progress import BadProgress, Progress
    from upslope.cli.learning.recorded import recorded
    from upslope.runs.workspace import progress_file

    progress = Progress(progress_file())
    unrecorded = recorded(
        progress,
        "run",
        result.lab,
        run=result.run,
        reached=True,
        preset=result.preset,
        seed=result.seed,
        config=result.config,
        targets=[
            {"metric": t.metric, "value": t.value, "at_least": t.at_least, "at_most": t.at_most} for t in result.targets
        ],
        seconds=result.seconds,
        code=result.code,
        parts=result.parts,
    )
    if not unrecorded:
        with suppress(BadProgress):  # a tier can be written down at the next look, too
            keep_tiers(progress)


def conclude(screen: Screen, result: "Result", folder: Path) -> None:
    """The line that says it all, what a miss probably comes from, where the pictures are, what to type next."""
    from upslope.academy.evidence import read_evidence
    from upslope.runs.result import format_value, metric_label
    from upslope.runs.workspace import progress_file, short

    style = {True: "bold green", False: "bold red", None: "bold"}[result.reached]
    screen.prose(result.line(), style=style)
    # The first target is the lab's claim; what a broken network reaches there says what it is worth.
    for target in result.targets[:1]:
        for name, score in target.broken.items():
            if target.reached:
                screen.prose(f"({name}: {metric_label(target.metric)} {format_value(score, target.unit)})", style="dim")
    if result.cause:
        screen.prose(f"Likely cause: {result.cause}.")
    words = [f"upslope lab {result.lab}", *(word for word in result.settings if not word.startswith("seed="))]
    words += [f"--preset {result.preset}"] if result.preset != "laptop" else []
    ours = list(result.parts.values()).count("ours")
    if result.reached and ours and result.lab not in read_evidence(progress_file()).proven:
        are = "is" if ours == 1 else "are"
        screen.prose(f"{ours} of its {plural(len(result.parts), 'part')} {are} ours. {PROVES}")
        screen.command(" ".join([*words, "--mine"]))
    screen.gap()
    drawn = [path.stem.replace("_", " ").replace("-", " ") for path in sorted((folder / "pictures").glob("*.png"))]
    screen.line(f"{listed(drawn) or 'The page'}    ", short(folder / "index.html"))
    words += ["--mine"] if "yours" in result.parts.values() else []
    if offers := uses(result, folder):
        screen.commands(offers)
    screen.line("again with another seed    ", (" ".join([*words, f"seed={result.seed + 1}"]), "bold cyan"))


def uses(result: "Result", folder: Path) -> list[tuple[str, str]]:
    """What the trained model can do now: the commands, each with a word on what it is for."""
    from upslope.runs.errors import RunProblem
    from upslope.runs.model_spec import has_spec, read_spec
    from upslope.ship.pipelines.pipeline import pipeline_of

    if not has_spec(folder):
        return []
    spec = read_spec(folder)
    try:
        example = str(spec.preprocessing.get("environment", pipeline_of(spec.task).example_for(spec)))
    except RunProblem:  # a task for which nothing answers yet
        return []
    looks = spec.task == "image-classification"
    return [
        (f"upslope predict {result.lab} {example}".rstrip(), "let the model answer"),
        *([(f"upslope look {result.lab} {example}", "what it computes, and why it answers so")] if looks else []),
        (f"upslope export {result.lab}", "one file for other programs"),
    ]

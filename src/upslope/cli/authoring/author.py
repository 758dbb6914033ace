"""`upslope author`: what somebody who writes lessons, checks and labs needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.authoring.record import checkout, make_records
from upslope.cli.terminal.completion import step_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed, plural, seconds
from upslope.cli.terminal.group import Verbs
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from pathlib import Path

    from upslope.academy.author import Report
    from upslope.academy.mutation import MutationReport

author = typer.Typer(
    cls=Verbs, rich_markup_mode=None, invoke_without_command=True, help="Check lessons, make records and pages."
)


@author.callback()
def without_verb(context: typer.Context) -> int | None:
    """Check lessons, make records and pages."""
    if context.invoked_subcommand is None:
        print(context.get_help())
    return None


Changed = Annotated[
    bool, typer.Option("--changed", help="Only those whose reference or checks are not those on record.")
]


@author.command("check")
def check_exercises(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[STEP]...", help="Steps; all of them.", autocompletion=step_names)
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="Under how many seeds.")] = 20,
    processes: Annotated[int, typer.Option("--processes", metavar="N", help="How many processes grade at once.")] = 2,
    changed: Changed = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the counts for RESULTS.md.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Try every exercise: the stub fails, the reference passes, every wrong answer is caught."""
    from upslope.academy.author import Report, author_check

    if seeds < 1 or processes < 1:
        raise UsageError("--seeds and --processes are at least 1")
    screen = Screen()
    wanted = _wanted(screen, Report, names, changed=changed, write=write, seeds=seeds)
    if wanted is None:
        return Exit.DONE
    with _progress(screen, "checking") as said:
        report = author_check(wanted, seeds=seeds, processes=processes, progress=said)
    screen.give(report.to_json())
    if not screen.quiet:
        _show(screen, report)
    if write:
        _keep(report)
    return Exit.DONE if report.passed else Exit.NOT


@contextmanager
def _progress(screen: Screen, what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar that is told how many exercises are done, of how many, and which."""
    from upslope.runs.progress import progress_bar

    with progress_bar(1.0, what, quiet=screen.quiet) as bar:
        yield lambda done, of, name: bar.update(done / of, description=f"{done} of {of}  {name}")


def _wanted(
    screen: Screen,
    kind: "type[Report] | type[MutationReport]",
    names: list[str] | None,
    *,
    changed: bool,
    write: bool,
    seeds: int,
) -> list[str] | None:
    """The steps to try, [] for all of them; None where nothing has changed, which has been said then."""
    from upslope.academy import checks_record
    from upslope.academy.lessons import find

    if changed and names:
        raise UsageError("--changed finds the steps by itself: name none")
    wanted = [find(name).name for name in names or ()]
    if changed:
        wanted = checks_record.changed(kind, _records())
        if not wanted:
            screen.line("Nothing has changed since the record.")
            screen.give({"passed": True, "rows": []})
            return None
    if write and wanted:
        try:
            checks_record.to_keep(kind, wanted, seeds, _records())
        except checks_record.OtherSeeds as problem:
            raise UsageError(f"{problem}: name no step, to try all exercises anew") from None
    return wanted


def _records() -> "Path":
    return checkout() / "results" / "checks"


def _keep(report: "Report | MutationReport") -> None:
    from upslope.academy.checks_record import keep

    keep(report, _records())


def _show(screen: Screen, report: "Report") -> None:
    """The table, then every problem, then the kill rate."""
    rows: list[list[Piece]] = []
    for row in report.rows:
        sign = screen.mark(not row.problems)
        counts = (str(row.checks), str(row.wrongs), str(row.killed))
        rows.append([sign, row.exercise, *counts, (seconds(row.seconds), "dim")])
    screen.table(("", "exercise", "checks", "wrong answers", "killed", ""), rows, right=(2, 3, 4, 5))
    problems = [*report.problems, *(f"{row.name}: {said}" for row in report.rows for said in row.problems)]
    if problems:
        screen.gap()
    for problem in problems:
        screen.prose(problem, style="red")
    screen.gap()
    # Rounded down: 100 % means every one.
    rate = f"{int(1000 * report.kill_rate) / 10:g} %" if report.wrongs else "none"
    killed = f"{report.killed} of {report.wrongs} wrong answers fail, each under {report.seeds} seeds"
    screen.line(("Kill rate ", "bold"), (rate, "bold"), f"   {killed}")
    found = plural(len(problems), "problem") if problems else "No problems"
    screen.line((f"{found}.", "bold red" if problems else "bold green"))


@author.command("mutate")
def mutate_exercises(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[STEP]...", help="Steps; all of them.", autocompletion=step_names)
    ] = None,
    processes: Annotated[int, typer.Option("--processes", metavar="N", help="How many grade at once.")] = 2,
    changed: Changed = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the counts for RESULTS.md.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Make hundreds of small edits of the references: a check must notice each of them."""
    from upslope.academy.mutation import SEEDS, MutationReport, author_mutate

    if processes < 1:
        raise UsageError("--processes is at least 1")
    screen = Screen()
    wanted = _wanted(screen, MutationReport, names, changed=changed, write=write, seeds=len(SEEDS))
    if wanted is None:
        return Exit.DONE
    with _progress(screen, "mutating") as said:
        report = author_mutate(wanted, processes=processes, progress=said)
    screen.give(report.to_json())
    if not screen.quiet:
        _show_mutants(screen, report)
    if write:
        _keep(report)
    return Exit.DONE if report.passed else Exit.NOT


def _show_mutants(screen: Screen, report: "MutationReport") -> None:
    """The table, then every survivor that nobody declared, then the share that was noticed."""
    rows: list[list[Piece]] = []
    for row in report.rows:
        counts = (str(row.made), str(row.killed), str(row.declared), str(len(row.survivors)))
        rows.append([screen.mark(not (row.survivors or row.problems)), row.exercise, *counts])
    screen.table(("", "exercise", "mutants", "killed", "declared", "survive"), rows, right=(2, 3, 4, 5))
    for row in report.rows:
        for said in (*row.survivors, *row.problems):
            screen.prose(f"{row.name}: {said}", style="red")
    screen.gap()
    rate = f"{int(1000 * report.killed / report.made) / 10:g} %" if report.made else "none"
    screen.line((f"{rate} killed", "bold"), f"   {report.killed} of {report.made}, {report.declared} declared")


@author.command("results")
def pages(
    write: Annotated[bool, typer.Option("--write", help="Write the pages that differ.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Make RESULTS.md and the generated tables of the pages again.

    The records are put beside the targets that the labs have today; what was measured stays as it is.
    """
    from upslope.academy.checks_record import checks_markdown
    from upslope.academy.generated_docs import update
    from upslope.runs.benchmark_records import read_speed, speed_markdown
    from upslope.runs.records import judged, lab_cards, read_records, results_markdown, write_record

    screen = Screen()
    root = checkout()
    stale = []
    page = root / "RESULTS.md"
    cards = lab_cards()
    records = []
    for record in read_records(root / "results"):
        records.append(judged(record, cards[record.lab]) if record.lab in cards else record)
        if records[-1] != record:
            stale.append(f"results/{record.name}.json")
            if write:
                write_record(records[-1], root / "results")
    made = results_markdown(records, cards)
    made += checks_markdown(root / "results" / "checks")
    made += speed_markdown(read_speed(root / "results" / "speed"))
    if not page.exists() or page.read_text(encoding="utf-8") != made:
        stale.append(page.name)
        if write:
            page.write_text(made, encoding="utf-8")
    stale += update(root, write=write)
    screen.give({"stale": stale, "written": write})
    if not stale:
        screen.line("All generated pages are up to date.")
    elif write:
        screen.line(f"Written: {listed(stale)}.")
    else:
        screen.line(f"Not up to date: {listed(stale)}.")
        screen.gap()
        screen.command("upslope author results --write")
    return Exit.NOT if stale and not write else Exit.DONE


@author.command("budget")
def line_budget(as_json: AsJson = False, debug: Debug = False) -> int:
    """Count the package's lines of code, room by room; prose is free."""
    from upslope.academy.generated_docs import budget

    screen = Screen()
    rooms = budget()
    total = sum(lines for _, lines in rooms)
    screen.give({"rooms": dict(rooms), "total": total})
    rows: list[list[Piece]] = [[room, f"{lines:,}"] for room, lines in [*rooms, ("all", total)]]
    screen.table(("room", "lines of code"), rows, right=(1,))
    return Exit.DONE


@author.command("picture")
def readme_picture(as_json: AsJson = False, debug: Debug = False) -> int:
    """Draw the README's picture again: a wrong answer, really graded."""
    from upslope.cli.authoring.picture import draw

    screen = Screen()
    path = checkout() / "docs" / "check.svg"
    draw(path)
    screen.give({"path": str(path)})
    screen.line(f"Drawn: {path}")
    return Exit.DONE


author.command("record")(make_records)

"""`upslope runs`: what was run in this workspace, and one run in full."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.group import Verbs
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.runs.result import Result
    from upslope.runs.run_dir import RunSummary

runs = typer.Typer(cls=Verbs, rich_markup_mode=None, invoke_without_command=True, help="List your runs, or show one.")


@runs.callback()
def listing(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> int | None:
    """List your runs, newest first."""
    if context.invoked_subcommand is not None:
        return None
    from upslope.runs.run_dir import list_runs
    from upslope.runs.workspace import runs_folder, short

    screen = Screen()
    found = list_runs()
    screen.give({"folder": str(runs_folder()), "runs": [_facts(summary) for summary in found]})
    if screen.quiet:
        return Exit.DONE
    if not found:
        screen.line(f"No runs in {short(runs_folder())} yet.")
        screen.gap()
        screen.command("upslope lab", "what can be run")
        return Exit.DONE
    screen.table(("run", "began", "preset", "seed", ""), [_row(summary) for summary in found], right=(3,))
    screen.gap()
    screen.command(f"upslope runs show {found[0].name}")
    return Exit.DONE


@runs.command()
def show(
    run: Annotated[str, typer.Argument(help="A run's name or folder.", autocompletion=run_names)],
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show one run: what was asked, what it reached, where its pictures are."""
    from upslope.runs.run_dir import find_run, list_runs
    from upslope.runs.workspace import short

    screen = Screen()
    folder = find_run(run).absolute()
    summary = next((s for s in list_runs(folder.parent) if s.folder.name == folder.name), None)
    if summary is None:
        from upslope.cli.terminal.errors import UsageError

        raise UsageError(f"{short(folder)} is not named like a run (lenet-0001)")
    screen.give({**_facts(summary), "result": summary.result.to_json() if summary.result else None})
    if screen.quiet:
        return Exit.DONE
    screen.ends([(summary.name, "bold")], summary.started[:16].replace("T", " "))
    if summary.note:
        screen.prose(summary.note, style="red")
    if summary.result is None:
        screen.line(f"{summary.state}, after step {summary.step}")
        screen.gap()
        if summary.state == "unfinished":
            screen.command(f"upslope lab --resume {summary.name}")
        return Exit.DONE
    result = summary.result
    screen.line(result.title)
    screen.gap()
    screen.prose(result.line(), style={True: "bold green", False: "bold red", None: ""}[result.reached])
    if result.cause:
        screen.prose(f"Likely cause: {result.cause}.")
    screen.gap()
    screen.pairs(_details(result))
    screen.gap()
    screen.line("Page  ", short(folder / "index.html"))
    return Exit.DONE


@runs.command()
def track(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs, by name.", autocompletion=run_names)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs of this workspace.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Mirror runs to MLflow: settings, curves, results and files."""
    from upslope.cli.terminal.errors import UsageError
    from upslope.runs import tracking
    from upslope.runs.progress import progress_bar
    from upslope.runs.run_dir import find_run, list_runs

    screen = Screen()
    if every == bool(names):
        raise UsageError("say which runs to track by name, or --all")
    folders = [find_run(name) for name in names or ()] or [s.folder for s in list_runs() if s.state == "finished"]
    tracked = {}
    with progress_bar(len(folders), "tracking", quiet=screen.quiet) as bar:
        for number, folder in enumerate(folders):
            bar.update(number, description=folder.name)
            tracked[folder.name] = tracking.track(folder).run_id
    screen.give({"store": tracking.store(), "tracked": tracked})
    screen.line(f"{len(tracked)} of {len(folders)} runs are in MLflow's store.")
    _ui(screen)
    return Exit.DONE


@runs.command()
def register(
    run: Annotated[str, typer.Argument(help="A finished run.", autocompletion=run_names)],
    name: Annotated[str, typer.Option("--name", help="The model's name; the lab's if not said otherwise.")] = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Make a run's network a version of a registered model in MLflow."""
    from dataclasses import asdict

    from upslope.runs import tracking
    from upslope.runs.run_dir import find_run

    screen = Screen()
    folder = find_run(run)
    version = tracking.register(folder, name=name)
    screen.give({"run": folder.name, "store": tracking.store(), **asdict(version)})
    said = "is" if version.fresh else "was registered before: it is"
    screen.line((folder.name, "bold"), f" {said} version {version.number} of ", (version.name, "bold"))
    _ui(screen)
    return Exit.DONE


def _ui(screen: Screen) -> None:
    """How to look at MLflow's pages; they come with the whole package, of which we need the smaller half."""
    from upslope.runs import tracking

    screen.gap()
    screen.prose("To see it (pip install mlflow brings the pages):", style="dim")
    screen.command(f"mlflow ui --backend-store-uri {tracking.store()}")


def _details(result: "Result") -> list[tuple[str, str]]:
    from upslope.academy.lab_parts import part_name

    yours = [part_name(exercise) for exercise, whose in result.parts.items() if whose == "yours"]
    rows = [
        ("metrics", ", ".join(f"{name} {value}" for name, value in result.measured().items())),
        ("settings", " ".join(f"{name}={value}" for name, value in result.config.items())),
        ("preset", result.preset),
        ("yours", f"{', '.join(yours) or 'none'}   {len(yours)} of {len(result.parts)}" if result.parts else ""),
        ("resumed", f"{result.resumed} times" if result.resumed else ""),
        ("machine", ", ".join(f"{name} {value}" for name, value in result.machine.items())),
        ("code", result.code[:16]),
    ]
    return [(name, text) for name, text in rows if text]


def _brief(result: "Result") -> str:
    """A result in half a line: what was measured, and whether that is enough."""
    from upslope.runs.result import metric_label

    if not result.targets:
        return "finished"
    found = [f"{metric_label(target.metric)} {target.measured()}" for target in result.targets]
    return f"{', '.join(found)}, {'reached' if result.reached else 'not reached'}"


def _facts(summary: "RunSummary") -> dict[str, Any]:
    result = summary.result
    return {
        "run": summary.name,
        "folder": str(summary.folder),
        "lab": summary.lab,
        "state": summary.state,
        "preset": summary.preset,
        "seed": summary.seed,
        "started": summary.started,
        "step": summary.step,
        "reached": result.reached if result else None,
        "metrics": result.metrics if result else None,
        "note": summary.note,
    }


def _row(summary: "RunSummary") -> list[Piece]:
    result = summary.result
    if result is None:
        what: Piece = (f"{summary.state}, after step {summary.step}" if not summary.note else summary.state, "yellow")
    else:
        style = {True: "green", False: "red", None: ""}[result.reached]
        what = (_brief(result), style)
    began = summary.started[:16].replace("T", " ")
    return [(summary.name, "bold"), (began, "dim"), summary.preset, str(summary.seed), what]

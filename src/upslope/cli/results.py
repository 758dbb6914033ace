"""`upslope results`: the committed records of the labs: what the library reached, over which seeds, on what machine."""

from pathlib import Path

from upslope.cli.exits import Exit
from upslope.cli.options import AsJson, Debug
from upslope.cli.screen import Piece, Screen
from upslope.cli.sentences import Missing
from upslope.cli.words import plural, seconds


def results(as_json: AsJson = False, debug: Debug = False) -> int:
    """Show what the labs reached when their records were made."""
    from dataclasses import asdict
    from statistics import fmean

    from upslope.runs.records import read_records
    from upslope.runs.result import shown, spoken
    from upslope.runs.workspace import short

    screen = Screen()
    folder = results_folder()
    records = read_records(folder)
    screen.give({"folder": str(folder), "records": [asdict(record) for record in records]})
    if screen.quiet:
        return Exit.DONE
    rows: list[list[Piece]] = []
    for record in records:
        for target in record.targets:
            metric = target["metric"]
            if metric not in record.mean:
                continue
            signs = ((">=", target["at_least"]), ("<=", target["at_most"]))
            bound = " and ".join(f"{sign} {shown(metric, value)}" for sign, value in signs if value is not None)
            reached = f"{record.reached} of {len(record.seeds)}"
            rows.append(
                [
                    (record.name, "bold"),
                    spoken(metric),
                    shown(metric, record.mean[metric]),
                    shown(metric, record.worst[metric]),
                    bound,
                    (reached, "green" if record.reached == len(record.seeds) else "red"),
                    (seconds(fmean(record.seconds)), "dim"),
                ]
            )
    screen.table(("lab", "", "mean", "worst seed", "target", "seeds", ""), rows, right=(2, 3))
    screen.gap()
    screen.prose(
        f"{plural(len(records), 'record')} in {short(folder)}; upslope lab NAME seed=S runs one again.", style="dim"
    )
    return Exit.DONE


def repository() -> Path | None:
    """The checkout that this library is imported from, if it is one."""
    from upslope.academy.source import PACKAGE

    root = PACKAGE.parent.parent
    return root if (root / "pyproject.toml").is_file() and PACKAGE.parent.name == "src" else None


def results_folder() -> Path:
    """results/ of the checkout; an installed package carries the same folder inside itself."""
    from upslope.academy.source import PACKAGE

    root = repository()
    for folder in (root / "results" if root else None, PACKAGE / "results"):
        if folder is not None and folder.is_dir():
            return folder
    raise Missing("this installation carries no records of results; they stand in RESULTS.md of the repository")

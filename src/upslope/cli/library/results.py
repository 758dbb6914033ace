"""`upslope results`: the committed records of the labs: what the library reached, over which seeds, on what machine."""

from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import Missing
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural, seconds
from upslope.cli.terminal.options import AsJson, Debug


def results(as_json: AsJson = False, debug: Debug = False) -> int:
    """Show what the labs reached when their records were made."""
    from dataclasses import asdict
    from statistics import fmean

    from upslope.runs.records import ablation_of, lab_cards, read_records, records_folder, standings
    from upslope.runs.workspace import short

    screen = Screen()
    folder = records_folder()
    if folder is None:
        raise Missing("this installation does not include the results; see RESULTS.md in the repository")
    records = read_records(folder)
    screen.give({"folder": str(folder), "records": [asdict(record) for record in records]})
    if screen.quiet:
        return Exit.DONE
    rows: list[list[Piece]] = []
    cards = lab_cards()
    whole = [each for each in records if not ablation_of(each, cards.get(each.lab)) and not each.rungs]
    for record in whole:
        for row in standings(record, cards.get(record.lab)):
            *cells, reached = row.said
            style = "green" if record.reached == len(record.seeds) else "red" if record.targets else ""
            rows.append([(record.name, "bold"), *cells, (reached, style), (seconds(fmean(record.seconds)), "dim")])
    screen.table(("lab", "", "mean", "worst seed", "target", "seeds", ""), rows, right=(2, 3))
    screen.gap()
    aside = len(records) - len(whole)
    also = f" {aside} more, ablations and ladders, are in RESULTS.md." if aside else ""
    said = f"{plural(len(whole), 'record')} in {short(folder)}; upslope lab NAME seed=S runs one again.{also}"
    screen.prose(said, style="dim")
    return Exit.DONE

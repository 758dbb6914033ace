"""How good the checks are, on record: planted wrong answers and mutants, caught and not, for RESULTS.md."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from upslope.academy.author import Report
from upslope.academy.mutation import SEEDS, Mutated, MutationReport
from upslope.runs.files import write_json

__all__ = ["checks_markdown", "keep"]

_FILES = {Report: "wrong_answers.json", MutationReport: "mutants.json"}


def keep(report: Report | MutationReport, folder: Path) -> Path:
    """Write the counts of a report on all exercises to `folder`, and say where."""
    rows = []
    for row in report.rows:
        counts = {"exercise": row.exercise, "name": row.name, "killed": row.killed}
        if isinstance(row, Mutated):
            rows.append({**counts, "made": row.made, "declared": row.declared})
        else:
            rows.append({**counts, "made": row.wrongs, "checks": row.checks})
    path = folder / _FILES[type(report)]
    folder.mkdir(parents=True, exist_ok=True)
    seeds = report.seeds if isinstance(report, Report) else len(SEEDS)
    write_json(path, {"day": date.today().isoformat(), "seeds": seeds, "rows": rows})
    return path


def checks_markdown(folder: Path) -> str:
    """The part of RESULTS.md on the checks: "" if nothing is on record."""
    wrongs, mutants = (_read(folder / name) for name in _FILES.values())
    if not wrongs or not mutants:
        return ""
    planted, made = (sum(row["made"] for row in each["rows"]) for each in (wrongs, mutants))
    caught, killed = (sum(row["killed"] for row in each["rows"]) for each in (wrongs, mutants))
    declared = sum(row["declared"] for row in mutants["rows"])
    lines = ["", "## The checks", ""]
    lines += [
        f"{caught:,} of {planted:,} planted wrong answers fail, each under {wrongs['seeds']} seeds "
        f"(`upslope author check`, {wrongs['day']}). Of {made:,} mutants, small edits of the references made by "
        f"program, the checks notice {killed:,}; {declared} ({declared / made:.1%}) are declared to change nothing "
        f"that a check could see, each with its reason, and {made - killed - declared} are neither "
        f"(`upslope author mutate`, {mutants['day']}).",
        "",
        "| exercise | checks | wrong answers | caught | mutants | noticed | declared |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    of = {row["name"]: row for row in mutants["rows"]}
    for row in wrongs["rows"]:
        other = of.get(row["name"], {"made": 0, "killed": 0, "declared": 0})
        cells = (row["name"], row["checks"], row["made"], row["killed"])
        lines.append("| " + " | ".join(map(str, (*cells, other["made"], other["killed"], other["declared"]))) + " |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}

"""How good the checks are, on record: planted wrong answers and mutants, caught and not, for RESULTS.md.

A row knows by a fingerprint which reference and which checks it is about, so that what has not changed need not be
tried again: `upslope author check --changed --write`. The grader itself is not in it: when that changes, try all.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from upslope.academy.author import Report
from upslope.academy.checklist import checks_path
from upslope.academy.lessons import exercises
from upslope.academy.mutation import SEEDS, Mutated, MutationReport
from upslope.academy.reference import PACKAGE, locate
from upslope.runs.files import write_json

__all__ = ["OtherSeeds", "changed", "checks_markdown", "keep", "to_keep"]

_FILES = {Report: "wrong_answers.json", MutationReport: "mutants.json"}


class OtherSeeds(Exception):
    """Some rows cannot be replaced in a record that was made under another number of seeds."""


def fingerprint(exercise: str) -> str:
    """Of an exercise's reference, of the file with its checks, and of what such files share in the folders above."""
    located = locate(exercise)
    path = checks_path(located)
    folders = [folder for folder in path.parents if folder.is_relative_to(PACKAGE / "checks")]
    shared = (each for folder in folders for each in sorted(folder.glob("*.py")) if not each.name.startswith("test_"))
    text = "".join([located.source, *(each.read_text(encoding="utf-8") for each in (path, *shared))])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changed(kind: type[Report] | type[MutationReport], folder: Path) -> list[str]:
    """The steps that are not on record with the reference and the checks that they have now."""
    known = {row["name"]: row.get("of") for row in _read(folder / _FILES[kind]).get("rows", ())}
    return [step.name for step in exercises() if known.get(step.name) != fingerprint(str(step.exercise))]


def to_keep(
    kind: type[Report] | type[MutationReport], names: Sequence[str], seeds: int, folder: Path
) -> dict[str, dict[str, Any]]:
    """The rows on record beside which rows of these steps may stand: none if the steps are all there are.

    OtherSeeds if some were made under another number of seeds.
    """
    before = _read(folder / _FILES[kind])
    if not before or {step.name for step in exercises()} <= set(names):
        return {}
    if before["seeds"] != seeds:
        raise OtherSeeds(f"the record was made under {before['seeds']} seeds, not {seeds}")
    return {row["name"]: row for row in before["rows"]}


def keep(report: Report | MutationReport, folder: Path) -> Path:
    """Write the counts of a report to `folder`, in the place of what is there of these steps; say where."""
    seeds = report.seeds if isinstance(report, Report) else len(SEEDS)
    rows = to_keep(type(report), [row.name for row in report.rows], seeds, folder)
    rows |= {row.name: _counts(row) for row in report.rows}
    path = folder / _FILES[type(report)]
    folder.mkdir(parents=True, exist_ok=True)
    kept = [rows[step.name] for step in exercises() if step.name in rows]
    write_json(path, {"day": date.today().isoformat(), "seeds": seeds, "rows": kept})
    return path


def _counts(row: Any) -> dict[str, Any]:
    counts = {"exercise": row.exercise, "name": row.name, "of": fingerprint(row.exercise), "killed": row.killed}
    if isinstance(row, Mutated):
        return {**counts, "made": row.made, "declared": row.declared}
    return {**counts, "made": row.wrongs, "checks": row.checks}


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

"""Committed records of reached runs, one small JSON file per lab, and RESULTS.md, which is made from them.

A record holds what somebody needs to judge the claim and to run it again: config, seeds, every seed's metrics, the
worst beside the mean, the target, seconds, the machine without its name, the code's hash and the day.
"""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from upslope import cards
from upslope.cards import Ablation, LabCard, Metric, discover
from upslope.runs.errors import RunProblem
from upslope.runs.files import make_folder, write_json
from upslope.runs.result import Result, Target, format_value, judge, metric_label
from upslope.runs.side_by_side import side_by_side

PACKAGE = Path(cards.__file__).resolve().parent  # resolved: in an overlay the files are links


@dataclass(frozen=True)
class Record:
    """A lab under one config, over several seeds."""

    lab: str
    title: str
    variant: str  # "" for the preset as it is; else a word for what differs
    preset: str
    config: dict[str, Any]  # without the seed
    seeds: list[int]
    metrics: dict[str, list[float]]  # in the order of the seeds
    mean: dict[str, float]
    worst: dict[str, float]  # of the metrics that have a target
    targets: list[dict[str, Any]]  # {"metric", "at_least", "at_most", "broken"}
    reached: int  # by how many seeds
    seconds: list[float]
    training_seconds: list[float]
    machine: dict[str, Any]
    code: str
    date: str
    rungs: list[dict[str, Any]] = field(default_factory=list)  # of a ladder: `upslope.runs.ablation.Rung`

    @property
    def name(self) -> str:
        """The record's file, without .json."""
        return f"{self.lab}-{self.variant}" if self.variant else self.lab

    def under(self, card: LabCard) -> dict[str, Any]:
        """What the runs ran with, also of settings that the lab did not have yet."""
        return {**card.added, **self.config}


def record(results: Sequence[Result], *, variant: str = "") -> Record:
    """One record of runs that differ in nothing but the seed.

    `variant` is a word for what differs from the lab as it is; if empty, preset and settings make it: data=mnist gives
    "mnist".
    """
    if not results:
        raise RunProblem("a record needs at least one finished run")
    if variant and not re.fullmatch(r"[a-z0-9-]+", variant):
        raise RunProblem(f'a variant is named in small letters, digits and hyphens, got "{variant}"')
    first = results[0]
    results = sorted(results, key=lambda result: result.seed)
    seeds = [result.seed for result in results]
    if len(set(seeds)) != len(seeds):
        raise RunProblem(f"a record holds each seed once, got {seeds}")
    for result in results:
        for what in ("lab", "preset", "code", "machine"):
            if getattr(result, what) != getattr(first, what):
                raise RunProblem(f"{result.run} and {first.run} differ in {what}: they make no common record")
        if _without_seed(result) != _without_seed(first):
            raise RunProblem(f"{result.run} and {first.run} have different settings: they make no common record")
        if any(whose == "yours" for whose in result.parts.values()):
            raise RunProblem(f"{result.run} ran with a learner's parts: records are of the library alone")
    if not variant:
        values = [first.preset] if first.preset != "laptop" else []
        values += [word.partition("=")[2] for word in first.settings if not word.startswith(("seed=", "threads="))]
        variant = re.sub(r"[^a-z0-9]+", "-", "-".join(values).lower()).strip("-")
    names = [n for n in first.metrics if all(r.metrics.get(n) is not None for r in results)]
    metrics = {n: [float(r.metrics[n] or 0.0) for r in results] for n in names}
    return Record(
        lab=first.lab,
        title=first.title,
        variant=variant,
        preset=first.preset,
        config=_without_seed(first),
        seeds=seeds,
        metrics=metrics,
        mean={n: statistics.fmean(values) for n, values in metrics.items()},
        worst=_worst(first.targets, metrics),
        targets=_bounds(first.targets),
        reached=sum(1 for result in results if result.reached),
        seconds=[round(result.seconds, 1) for result in results],
        training_seconds=[round(result.training_seconds, 1) for result in results],
        machine=first.machine,
        code=first.code,
        date=max(result.finished for result in results)[:10],
        rungs=first.facts.get("rungs", []),
    )


def judged(record: Record, card: LabCard) -> Record:
    """The record beside the targets that its lab has today: they are set after measuring, and raised later."""
    config = record.under(card)
    verdicts = [
        judge(card, config, {name: scores[number] for name, scores in record.metrics.items()})
        for number in range(len(record.seeds))
    ]
    return replace(
        record,
        worst=_worst(verdicts[0], record.metrics),
        targets=_bounds(verdicts[0]),
        reached=sum(bool(verdict) and all(target.reached for target in verdict) for verdict in verdicts),
    )


def ablation_of(record: Record, card: LabCard | None) -> Ablation | None:
    """The ablation of the lab's card that a record is of: then its target must be missed."""
    ablations = card.ablations if card is not None else ()
    return next((each for each in ablations if each.settings.items() <= record.config.items()), None)


def _bounds(targets: Sequence[Target]) -> list[dict[str, Any]]:
    return [{"metric": t.metric, "at_least": t.at_least, "at_most": t.at_most, "broken": t.broken} for t in targets]


def _worst(targets: Sequence[Target], metrics: dict[str, list[float]]) -> dict[str, float]:
    return {
        t.metric: (min if t.at_least is not None else max)(metrics[t.metric]) for t in targets if t.metric in metrics
    }


def write_record(record: Record, folder: Path) -> Path:
    """Write results/<lab>[-variant].json."""
    make_folder(folder)
    path = folder / f"{record.name}.json"
    write_json(path, asdict(record))
    return path


def checkout() -> Path | None:
    """The checkout that this library stands in, if it is one."""
    root = PACKAGE.parent.parent
    return root if PACKAGE.parent.name == "src" and (root / "pyproject.toml").is_file() else None


def records_folder() -> Path | None:
    """results/ of the checkout; an installed package carries the same inside itself."""
    root = checkout()
    folders = (root / "results" if root else None, PACKAGE / "results")
    return next((folder for folder in folders if folder is not None and folder.is_dir()), None)


def read_records(folder: Path) -> list[Record]:
    """All records, by lab and then by variant."""
    records = []
    for path in sorted(folder.glob("*.json")):
        try:
            records.append(Record(**json.loads(path.read_bytes())))
        except (ValueError, TypeError) as error:
            raise RunProblem(f"{path.name} is not a record of runs: {error}") from None
    return sorted(records, key=lambda record: (record.lab, record.variant))


def lab_cards() -> dict[str, LabCard]:
    """The cards of all labs, by name: they say how what was recorded is read."""
    return {name: found.card for name, found in discover("labs").items() if isinstance(found.card, LabCard)}


def results_markdown(records: Sequence[Record], cards: Mapping[str, LabCard]) -> str:
    """RESULTS.md, from the records and the cards of the labs. The same records give the same text."""
    broken = {record.name: ablation_of(record, cards.get(record.lab)) for record in records}
    lines = [
        "# Results",
        "",
        "Made from the records in `results/`; nothing here is typed by hand. Each row is one lab with its default",
        "preset unless it says otherwise, over the seeds listed below. Settings were chosen on validation data alone;",
        "the test set is used once per seed, at the end of its run. Targets were then set below the worst seed and",
        "above what is broken on purpose. Seconds are the mean of a whole run (data, training, evaluation, pictures)",
        "on the machine named, which other work may have shared. `upslope lab NAME seed=S` runs one again.",
        "",
        "| lab | measured | mean | worst seed | target | seeds that reached it | seconds (training) | machine |",
        "| --- | --- | ---: | ---: | --- | --- | ---: | --- |",
    ]
    for record in records:
        lines += [] if broken[record.name] or record.rungs else _rows(record, cards.get(record.lab))
    lines += ["", "## Broken on purpose", ""]
    lines += ["A target says something only if a lab with a part frozen or left out misses it, other things equal:", ""]
    lines += ["| lab | broken by | measured | best seed | target | seeds that reached it |"]
    lines += ["| --- | --- | --- | ---: | --- | --- |"]
    for record in records:
        ablation = broken[record.name]
        lines += _broken_rows(record, ablation, cards[record.lab]) if ablation else []
    for record in records:
        lines += _ladder(record, cards.get(record.lab)) if record.rungs else []
    for name, card in cards.items():
        own = [record for record in records if record.lab == name and not broken[record.name]]
        lines += side_by_side(own, card) if card.compared else []
    lines += ["", "## Settings", ""]
    for record in records:
        settings = " ".join(f"{name}={value}" for name, value in record.config.items())
        seeds = ", ".join(map(str, record.seeds))
        versions = f"Python {record.machine['python']}, NumPy {record.machine['numpy']}, code `{record.code[:12]}`"
        lines.append(
            f"- **{record.name}**: {record.title}. Preset {record.preset}, `{settings}`, seeds {seeds}; "
            f"{record.date}, {versions}."
        )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class RecordStatus:
    """One metric of a record beside its target, in words."""

    metric: str
    mean: str
    worst: str
    bound: str
    reached: str

    @property
    def said(self) -> tuple[str, ...]:
        """The cells of a table's row."""
        return (self.metric, self.mean, self.worst, self.bound, self.reached)


def standings(record: Record, card: LabCard | None) -> list[RecordStatus]:
    """A record's metrics that have a target; where the lab sets none under these settings, what the lab is about."""
    seeds, metrics = len(record.seeds), card.metrics if card is not None else {}
    units = {name: metrics.get(name, Metric()).unit for name in record.metrics}
    found = [
        RecordStatus(
            metric_label(target["metric"]),
            format_value(record.mean[target["metric"]], units[target["metric"]]),
            format_value(record.worst[target["metric"]], units[target["metric"]]),
            _bound(target, units[target["metric"]]),
            f"{record.reached} of {seeds}",
        )
        for target in record.targets
        if target["metric"] in record.mean
    ]
    first = next((name for name in metrics if name in record.metrics), None)
    if not found and first is not None:
        scores = record.metrics[first]
        worst = (min if metrics[first].higher_is_better else max)(scores)
        mean = format_value(statistics.fmean(scores), units[first])
        found.append(
            RecordStatus(metric_label(first), mean, format_value(worst, units[first]), "none", f"{seeds} seeds")
        )
    return found


def _rows(record: Record, card: LabCard | None) -> list[str]:
    seconds = f"{_mean(record.seconds)} ({_mean(record.training_seconds)})"
    cores = record.machine["cores"]
    machine = f"{cores} core{'s' if cores != 1 else ''}, {record.machine['os']}"
    return [f"| {' | '.join([record.name, *row.said, seconds, machine])} |" for row in standings(record, card)]


def _broken_rows(record: Record, ablation: Ablation, card: LabCard) -> list[str]:
    rows = []
    # A frozen part by its own word, as it stands in the settings; else the ablation's name.
    said = ablation.word if "freeze" in ablation.settings else ablation.name
    for target in record.targets:
        metric = target["metric"]
        best = format_value((max if target["at_least"] is not None else min)(record.metrics[metric]), card.unit(metric))
        name = record.name.removesuffix(f"-{ablation.word}")
        cells = [name, said, metric_label(metric), best, _bound(target, card.unit(metric))]
        rows.append(f"| {' | '.join(cells)} | {record.reached} of {len(record.seeds)} |")
    return rows


def _ladder(record: Record, card: LabCard | None) -> list[str]:
    """What each change bought."""
    first = record.rungs[0]
    metric = (card.metrics if card is not None else {}).get(first.get("metric", "test_accuracy"), Metric())
    key = "scores" if "scores" in first else "accuracies"  # as ladders of before say it
    seeds = len(first[key])
    lines = ["", f"## {record.name}: what each change bought", ""]
    lines += [
        f"Each line changes one thing of the line above it, and was trained with {seeds} seeds; the lines of one seed",
        "ran right after one another, up and down in turns. Time is that of training alone, as a part of the first",
        "line's under the same seed (the median over the seeds).",
        "",
        "| change | settings | mean | worst seed | best seed | time |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for number, rung in enumerate(record.rungs):
        scores = sorted(rung[key], reverse=not metric.higher_is_better)
        change = " ".join(f"{key}={value}" for key, value in rung["change"].items())
        cells = [("+ " if number else "") + rung["name"], f"`{change}`" if change else ""]
        cells += [format_value(score, metric.unit) for score in (statistics.fmean(scores), scores[0], scores[-1])]
        cells.append(f"{statistics.median(rung['ratios']):.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _bound(target: dict[str, Any], unit: str) -> str:
    parts = [(">=", target["at_least"]), ("<=", target["at_most"])]
    return " and ".join(f"{sign} {format_value(bound, unit)}" for sign, bound in parts if bound is not None)


def _without_seed(result: Result) -> dict[str, Any]:
    return {name: value for name, value in result.config.items() if name != "seed"}


def _mean(values: Sequence[float]) -> str:
    """Two digits say enough of a time that other work disturbs."""
    mean = statistics.fmean(values)
    return f"{mean:.1f}" if mean < 9.95 else f"{mean:.0f}"

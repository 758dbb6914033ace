"""A ladder: one lab from a plain recipe to its own, changed in one thing at a time, each rung over several seeds.

The gain of a change is measured against the rung below it, with the same seed and at about the same time: all rungs of
one seed run before the next seed begins, alternately up and down, so that other load on the machine affects all of them
alike.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from upslope.cards import Found, LabCard, discover
from upslope.runs.config import parse_settings, words_for
from upslope.runs.errors import ConfigProblem
from upslope.runs.figures import COLOURS, FAINT
from upslope.runs.launcher import start
from upslope.runs.records import Record, read_records, records_folder
from upslope.runs.result import Result, format_value, metric_label
from upslope.runs.run import Run
from upslope.runs.run_dir import list_runs

Rungs = Sequence[tuple[str, Mapping[str, str]]]  # what is changed, and the settings that change with it
CAPTION = (
    "What each change bought, from the plain network down to this recipe: mean and range of the score and median "
    "of the time over"
)


def words(text: str) -> dict[str, str]:
    """Settings as they are typed, "lr=0.01 epochs=2", by name."""
    return dict(word.split("=", 1) for word in text.split())


@dataclass(frozen=True)
class Rung:
    """What one rung reached over its seeds."""

    name: str
    change: dict[str, str]  # the settings that differ from the rung below
    scores: list[float]  # by seed
    seconds: list[float]  # of training, by seed
    ratios: list[float]  # of these seconds to those of the lowest rung under the same seed
    metric: str = "test_accuracy"  # what the scores are
    unit: str = "%"

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Rung":
        """The inverse of `asdict`; it also reads ladders of before, whose scores were accuracies."""
        return cls(**{"scores" if name == "accuracies" else name: value for name, value in content.items()})

    @property
    def score(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.scores)

    @property
    def ratio(self) -> float:
        """The median over the seeds."""
        return statistics.median(self.ratios)

    def __str__(self) -> str:
        score, seconds = format_value(self.score, self.unit), statistics.median(self.seconds)
        return f"{score}, {seconds:.1f} s, {self.ratio:.2f} of the first"


def climb(
    run: Run[Any], found: Found, rungs: Rungs, *, seeds: int, always: Mapping[str, str], metric: str = "test_accuracy"
) -> list[Rung]:
    """Train every rung under every seed, each as a run of its own below this one's folder.

    The first rung's settings are where the ladder stands; each further one changes some of those below it. `always`
    holds for all. A run that was interrupted trains only what is not finished yet.
    """
    card = found.card
    assert isinstance(card, LabCard)
    below = run.folder / "rungs"
    done = _finished(below)
    settings: list[dict[str, str]] = []
    for _, change in rungs:
        settings.append({**(settings[-1] if settings else always), **change})
    reached: dict[tuple[int, int], Result] = {}  # (rung, seed)
    run.goes_on = "trains what is not finished yet"
    with run.progress(len(rungs) * seeds, "climbing") as bar:
        for seed in range(seeds):
            for rung in sorted(range(len(rungs)), reverse=bool(seed % 2)):
                bar.update(len(reached), description=f"seed {seed + 1} of {seeds}, {rungs[rung][0]}")
                words = [f"{key}={value}" for key, value in settings[rung].items()]
                words.append(f"seed={run.config.seed + seed}")
                reached[rung, seed] = done.get(_key(found, words)) or start(
                    found, words, parts=run.parts, root=below, quiet=True
                )
                run.log(len(reached), **{metric: reached[rung, seed].metrics[metric] or 0.0})
    return [
        Rung(
            name,
            dict(change) if n else {},
            [reached[n, seed].metrics[metric] or 0.0 for seed in range(seeds)],
            [reached[n, seed].training_seconds for seed in range(seeds)],
            [reached[n, seed].training_seconds / reached[0, seed].training_seconds for seed in range(seeds)],
            metric,
            card.unit(metric),
        )
        for n, (name, change) in enumerate(rungs)
    ]


def finish(run: Run[Any], rungs: Rungs, *, seeds: int, always: Mapping[str, str]) -> None:
    """Climb in place of one training, draw what each change bought, and finish the run with it."""
    own = [name for name in type(run.config).model_fields if name not in {"ladder", "seed", "track", *always}]
    try:
        run.config.refuse_unused(*own, because="changes nothing, because each rung of the ladder has its own settings")
    except ValueError as error:
        raise ConfigProblem(f"{run.card.name}: {error}") from None
    climbed = climb(run, discover("labs")[run.card.name], rungs, seeds=seeds, always=always)
    run.picture("ladder", draw(climbed), f"{CAPTION} {seeds} seeds.")
    top = climbed[-1]
    said = {rung.name: str(rung) for rung in climbed}
    run.finish({top.metric: top.score, "time_ratio": top.ratio}, seeds=seeds, rungs=to_json(climbed), **said)


def draw_recorded(run: Run[Any]) -> None:
    """The measured ladder of this lab, for the page of any of its runs; nothing where there is no record of one."""
    for record in read_records(folder) if (folder := records_folder()) else ():
        if record.lab == run.card.name and record.rungs:
            climbed, cores = recorded(record), record.machine["cores"]
            seeds = len(climbed[0].scores)
            caption = f"{CAPTION} {seeds} seeds, measured on {cores} cores ({record.machine['os']}, {record.date})."
            run.picture("ladder", draw(climbed), caption)


def _finished(below: Path) -> dict[tuple[str, ...], Result]:
    return {summary.result.settings: summary.result for summary in list_runs(below) if summary.result}


def _key(found: Found, words: Sequence[str]) -> tuple[str, ...]:
    """The settings as a finished run states them."""
    card = found.card
    assert isinstance(card, LabCard)
    return tuple(words_for(parse_settings(found.load().Config, words, card=card), card=card, preset="laptop"))


def to_json(rungs: Sequence[Rung]) -> list[dict[str, Any]]:
    """As a run's facts and a record keep it."""
    return [asdict(rung) for rung in rungs]


def recorded(record: Record) -> list[Rung]:
    """The rungs of a record; none if it is of no ladder."""
    return [Rung.from_json(row) for row in record.rungs]


def draw(rungs: Sequence[Rung]) -> Figure:
    """Score and time of all rungs, the lowest on top; each one's first difference is to the line above it."""
    metric, unit = rungs[0].metric, rungs[0].unit
    scale = 100 if unit == "%" else 1
    figure = Figure(figsize=(9.0, 0.45 * len(rungs) + 1.2), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True)
    places = range(len(rungs))
    for place, rung in zip(places, rungs, strict=True):
        ends, mean = [scale * min(rung.scores), scale * max(rung.scores)], scale * rung.score
        left.plot(ends, [place, place], color=FAINT, linewidth=5, solid_capstyle="round")
        left.plot([mean], [place], "o", color=COLOURS[0])
        left.annotate(f"{mean:.4g}", (mean, place), (0, 6), fontsize=7, textcoords="offset points", ha="center")
        right.barh([place], [rung.ratio], color=COLOURS[0], height=0.5)
        taken = f" {rung.ratio:.2f}   {statistics.median(rung.seconds):.1f} s"
        right.annotate(taken, (rung.ratio, place), fontsize=7, va="center")
    left.set_yticks(list(places), [("+ " if n else "") + rung.name for n, rung in enumerate(rungs)], fontsize=8)
    left.set_ylim(len(rungs) - 0.5, -0.7)
    left.set_xlabel(f"{metric_label(metric)}, {unit}".removesuffix(", "), fontsize=8)
    right.set_xlabel("seconds of training, as parts of the first line's", fontsize=8)
    right.set_xlim(0, 1.35 * max(rung.ratio for rung in rungs))
    for axis in (left, right):
        axis.tick_params(labelsize=8, length=2)
        axis.grid(axis="x", color=FAINT, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure

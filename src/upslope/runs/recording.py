"""What a lab records, from its card: every variant over its seeds, as it is and with each ablation that fits it."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from upslope.cards import Ablation, Found, LabCard
from upslope.runs.config import setting_words
from upslope.runs.launcher import start
from upslope.runs.records import Record, record
from upslope.runs.result import Result, machine

PRESETS = ("smoke", "laptop", "full")  # which every lab has


@dataclass(frozen=True)
class Planned:
    """One record that is to be made: its name is the lab's and the variant."""

    variant: str
    words: tuple[str, ...]  # settings, as they are typed
    preset: str
    seeds: int
    ablation: Ablation | None = None
    may_miss: int = 0  # seeds


def planned(card: LabCard) -> list[Planned]:
    """All records of a lab, in the order of its card.

    A preset of the lab's own (a ladder, which trains under several seeds by itself) is recorded too, as one run.
    """
    plan = []
    for variant, settings in card.variants.items():
        for ablation in (None, *(each for each in card.ablations if each.fits(settings))):
            words = setting_words({**settings, **(ablation.settings if ablation else {})})
            name = "-".join(part for part in (variant, ablation.word if ablation else "") if part)
            plan.append(Planned(name, tuple(words), "laptop", card.seeds, ablation, card.may_miss))
    return plan + [Planned(preset, (), preset, 1) for preset in card.presets if preset not in PRESETS]


def make(
    found: Found, plan: Planned, *, quiet: bool, said: Callable[[int, Result], None], processes: int = 1
) -> Record:
    """Run the lab under every seed; `said` hears of each seed's result. A variant without a word is named by `record`.

    With several processes as many seeds train at once, each on its share of the cores: small networks keep one core
    busy, and two of them only just, so that more seeds are done in an hour.

    Raises RunProblem where the runs make no common record, ConfigProblem for settings that cannot be.
    """
    results = []
    if processes == 1:
        for seed in range(plan.seeds):
            results.append(_run(found, plan, seed, quiet=quiet))
            said(seed, results[-1])
        return record(results, variant=plan.variant)
    share = f"threads={max(1, machine()['cores'] // processes)}"
    with ProcessPoolExecutor(min(processes, plan.seeds), mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_run, found, plan, seed, share) for seed in range(plan.seeds)]
        for seed, future in enumerate(running):
            results.append(future.result())
            said(seed, results[-1])
    return record(results, variant=plan.variant)


def _run(found: Found, plan: Planned, seed: int, *more: str, quiet: bool = True) -> Result:
    return start(found, [*plan.words, f"seed={seed}", *more], preset=plan.preset, quiet=quiet)


def as_wanted(made: Record, plan: Planned) -> bool:
    """Whether every seed but those that may miss reached the targets, if there are any; with an ablation, none."""
    if not made.targets:
        return True
    return made.reached == 0 if plan.ablation else made.reached >= len(made.seeds) - plan.may_miss

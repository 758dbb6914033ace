"""Cleaning text: damaged in eight known ways in every script, and restored.

The damage is that of R. Speer, "ftfy: fixes text for you", 2012, https://ftfy.readthedocs.io/, which is measured beside
ours where it is installed; the text is the Universal Declaration of Human Rights in 388 languages and spellings.

Claim: at least 99.5 % of the damaged texts come back to the last character, and of 1,000 undamaged ones none is
changed, with every seed, in half a minute on one CPU core (3 seeds).

- Each of 1,000 paragraphs is damaged in each way that leaves a trace in it: UTF-8 read as Windows-1252 or as Latin-1,
  once and twice, HTML entities, characters without width, a byte order mark, normal forms mixed.
- Left out: U+200B, which in Thai or Khmer is part of the text; files whose encoding is not known.

Without evidence (`repair=naive`: decode once, drop all that is not seen) Persian loses its joiners.
"""

import html
import re
from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.runs import figures
from upslope.runs.config import LabConfig
from upslope.runs.run import Run
from upslope.text.clean import clean
from upslope.text.damage import KINDS
from upslope.text.mojibake import undo_mojibake
from upslope.text.scripts import main_script

PARTS = 20  # of the texts, each a step that is logged


class Config(LabConfig):
    """Settings of this lab."""

    unused: ClassVar = {"threads": "texts are repaired one after the other"}

    data: Literal["udhr", "toy"] = Field("udhr", description="toy is generated")
    texts: int = Field(1000, ge=PARTS, le=3000, description="how many paragraphs are damaged")
    repair: Literal["evidence", "naive"] = Field("evidence", description="naive: without asking what the text shows")


def run(config: Config, run: Run[Config]) -> None:
    """Damage, restore, compare."""
    rng = np.random.default_rng(config.seed)
    _, _, test = splits(config.data, toy="udhr", rng=rng)
    texts = [test["text"][number] for number in rng.permutation(len(test))[: config.texts]]
    systems = {"ours": naive if config.repair == "naive" else lambda text: clean(text).text}
    if find_spec("ftfy"):
        systems["ftfy"] = by_ftfy
    tally = Tally()
    run.register(tally=tally, rng=rng)
    for step in run.steps(PARTS):
        for text in texts[step - 1 :: PARTS]:
            for system, repair in systems.items():
                tally[f"changed by {system}"] += repair(text) != text
            for kind, damage in KINDS.items():
                if (broken := damage(text, rng)) == text:
                    continue
                tally[kind] += 1
                for system, repair in systems.items():
                    tally[f"{kind}, {system}"] += repair(broken) == text
        run.log(step, restored=tally.share("ours"), changed=tally["changed by ours"])
    shares = {s: {kind: tally[f"{kind}, {s}"] / max(1, tally[kind]) for kind in KINDS} for s in systems}
    run.picture("curves", figures.curves(run.logged(), {"restored": ("restored",), "undamaged changed": ("changed",)}))
    run.picture("kinds", figures.bars(shares), "Restored to the last character, by kind of damage.")
    run.save_model({"counts": np.array([tally[name] for name in sorted(tally)], dtype=np.float32)})
    metrics = {"test_restored": tally.share("ours"), "test_undamaged_changed": tally["changed by ours"]}
    peers = {f"test_{s}_restored": tally.share(s) for s in systems if s != "ours"}
    run.finish(metrics | peers, counts=tally, shares=shares, scripts=len(set(map(main_script, texts)) - {""}))


class Tally(Counter[str]):
    """How often each thing happened; a run keeps it."""

    def state_dict(self) -> dict[str, int]:
        """All counts."""
        return dict(self)

    load_state_dict = Counter.update

    def share(self, system: str) -> float:
        """How much of all damage a system has undone."""
        return sum(self[f"{kind}, {system}"] for kind in KINDS) / max(1, sum(self[kind] for kind in KINDS))


def naive(text: str) -> str:
    """What three obvious lines make of it."""
    return re.sub("[\u200b-\u200d\u2060\ufeff]", "", undo_mojibake(html.unescape(text)))


def by_ftfy(text: str) -> str:
    """What ftfy makes of it, with all switched off that changes text which is not damaged."""
    fixed: str = import_module("ftfy").fix_text(
        text, uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False
    )
    return fixed


CARD = LabCard(
    name="clean",
    title="Damaged text restored, in every script",
    paper="Speer 2012",
    claim=(
        "at least 99.5 % of the damaged texts come back to the last character, and of 1,000 undamaged ones none is "
        "changed, with every seed, in half a minute on one CPU core"
    ),
    domain="language",
    seconds={"smoke": 2, "laptop": 20, "full": 60},
    data=("udhr",),
    expect=(
        Expect("test_restored", at_least=0.995, when={"data": "udhr"}, ablations={"naive repair": 0.715}),
        Expect("test_undamaged_changed", at_most=0, when={"data": "udhr"}, ablations={"naive repair": 3}),
    ),
    presets={"smoke": {"data": "toy", "texts": 60}, "laptop": {}, "full": {"texts": 3000}},
    metrics={
        "test_restored": Metric(unit="%", chance=0.0),
        "test_undamaged_changed": Metric(higher_is_better=False),
        "test_ftfy_restored": Metric(unit="%"),
        "restored": Metric(unit="%"),
    },
    ablations=(Ablation(name="naive repair", settings={"repair": "naive"}),),
    seeds=3,
)

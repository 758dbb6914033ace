"""Prompt engineering, measured: what wording, examples and calibration do for a language model of 135 million weights.

T. Brown et al., "Language Models are Few-Shot Learners", 2020, https://arxiv.org/abs/2005.14165.
Z. Zhao et al., "Calibrate Before Use", 2021, https://arxiv.org/abs/2102.09690. The model is SmolLM2-135M-Instruct.

Claim: on a subset of SST-2's test sentences a prompt with 4 examples, chosen on validation texts, is right at least 20
points more often than TF-IDF with logistic regression that learned from the same 4, with every seed, in 8 minutes on 2
CPU cores (3 seeds). The subset is the same for every seed: 80 texts of each data set.

- Film reviews, news and questions; three wordings each; 0, 4 and 16 examples; 3 orders of the examples.
- Labels are compared by their likelihood, as it is and calibrated by texts without content.
- One table, with bootstrap intervals, says what each step bought, beside the largest class and TF-IDF.
- Left out: the chat template, examples chosen by likeness, more orders, larger models (`texts` and `tried` ask more).

The prompts are nothing without what the weights know: random ones (`weights=random`) miss the target.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from upslope.blocks.int8 import with_int8
from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.models import pretrained
from upslope.models.build import built
from upslope.runs import figures
from upslope.runs.config import LabConfig
from upslope.runs.run import Run
from upslope.text.wordings import WORDINGS
from upslope.training.prompt_bench import Encode, PromptBench, Texts, summary

MODEL = "smollm2-135m-instruct"


class Config(LabConfig):
    """Settings of this lab."""

    data: Literal["real", "toy"] = Field("real", description="toy: generated texts, and a toy model of bytes")
    weights: Literal["published", "random"] = Field("published", description="random: a model that never read a text")
    shots: tuple[int, ...] = Field((0, 4, 16), description="how many examples stand in a prompt")
    orders: int = Field(3, ge=1, le=24, description="orders of the examples that are tested")
    tried: int = Field(32, ge=1, le=500, description="validation texts of each data set, by which wordings are chosen")
    texts: int = Field(80, ge=2, le=500, description="test texts of each data set")
    int8: bool = Field(True, description="the model's linear layers in eight bits: three times as fast")


def run(config: Config, run: Run[Config]) -> None:
    """Try prompts on validation texts, test the chosen ones, draw the table."""
    torch.set_num_threads(config.threads)
    bench = PromptBench(*language_model(config), texts(config), WORDINGS, shots=config.shots, seed=config.seed)
    run.register(bench=bench)
    trials = bench.trials(orders=config.orders)
    for step in run.steps(len(trials)):
        bench.measure(trials[step - 1])
        run.log(step, validation_best=bench.best())
    metrics, table = summary(run, bench)
    run.picture("curves", figures.curves(run.logged(), {"best accuracy on validation texts": ("validation_best",)}))
    right = [value for pair in bench.right.values() for row in pair for value in row]
    run.save_model({"right": np.array(right, dtype=np.float32)})
    run.finish(metrics, table=table, chosen=bench.words())


def language_model(config: Config) -> tuple[nn.Module, Encode]:
    """A network, and the function that turns a text into its tokens."""
    if config.data == "toy":
        other = int(config.weights == "random")  # of a toy both are random, and yet two models
        module = built("llama-toy", seed=config.seed + other, vocab_size=256, context=4096).module
        return module.eval(), lambda text: list(text.encode())
    module = pretrained.load(MODEL) if config.weights == "published" else built(MODEL, seed=config.seed).module.eval()
    tokenizer = pretrained.tokenizer(MODEL).byte_level()
    module = with_int8(module.requires_grad_(False)) if config.int8 else module
    return module, lambda text: tokenizer.encode(text).tolist()


def texts(config: Config) -> Texts:
    """By the name of each data set: texts to draw examples from, and as many others as are asked for."""
    found = {}
    for name in WORDINGS:
        rng = np.random.default_rng(0)
        train, validation, test = splits(
            "toy" if config.data == "toy" else name, toy=name, rng=rng, counts=(60, 30, 60)
        )
        chosen = (rng.permutation(len(part)) for part in (validation, test))
        found[name] = (train, validation.take(next(chosen)[: config.tried]), test.take(next(chosen)[: config.texts]))
    return found


SHARE = Metric(unit="%")
CARD = LabCard(
    name="prompting",
    title="Prompt engineering, measured",
    paper="Brown et al. 2020",
    claim=(
        "on a subset of SST-2's test sentences a prompt with 4 examples, chosen on validation texts, is right at least "
        "20 points more often than TF-IDF with logistic regression that learned from the same 4, with every seed, in 8 "
        "minutes on 2 CPU cores"
    ),
    domain="language",
    seconds={"smoke": 5, "laptop": 440, "full": 7200},
    data=("sst2", "ag_news", "trec_questions"),
    expect=(
        Expect("test_sst2_few_shot_lead", at_least=0.2, when={"data": "real"}, ablations={"random weights": 0.059}),
    ),
    presets={
        "smoke": {"data": "toy", "shots": (0, 1, 4), "tried": 6, "texts": 12, "orders": 2, "int8": False},
        "laptop": {"threads": 2},
        "full": {"threads": 2, "tried": 200, "texts": 500, "int8": False},
    },
    metrics={
        "test_sst2_few_shot_lead": SHARE,
        "test_gain": SHARE,
        "test_best_accuracy": SHARE,
        "test_bare_accuracy": SHARE,
        "test_counted_accuracy": SHARE,
        "validation_best": SHARE,
    },
    ablations=(Ablation(name="random weights", settings={"weights": "random"}),),
    seeds=3,
)

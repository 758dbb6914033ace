"""Our BERT-base, GPT-2 and T5-small beside transformers': forward pass and training step, time and peak memory.

    python benchmarks/language.py                two threads, float32, 4 texts of 128 tokens
    python benchmarks/language.py --check        exit status 1 if ours takes more time or more memory
    python benchmarks/language.py --json         one line of JSON

Both have the same configuration and the same weights, and their outputs are compared before anything is timed. The step
is forward, cross-entropy at every position (for BERT, taken without its heads, over the features of its states),
backward and AdamW. Dropout is as published but for the weights of attention, which ours leaves out: it is 0 there, and
everywhere in T5, which has one rate for all. How time and memory are measured stands in models.py.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from growth import MALLOC, can_be_measured, growth
from models import BOUND, THREADS, Case, Row, Step, rows, show, times  # first, since it sets what libraries read

# isort: split
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

from upslope.models.build import build, find
from upslope.models.checkpoints import translate
from upslope.models.pretrained import formats

BATCH, LENGTH = 4, 128
FORMS = ("ours", "transformers")
MODELS = {"BERT-base": "bert-base", "GPT-2": "gpt2-small", "T5-small": "t5-small"}
CASES = tuple(
    Case(f"{name} {said}", model, mode, FORMS)
    for name, model in MODELS.items()
    for mode, said in (("forward", "forward"), ("step", "training step"))
)


def theirs(name: str) -> nn.Module:
    """transformers' model of the same configuration, with random weights that are always the same."""
    torch.manual_seed(0)
    if name == "bert-base":
        return BertModel(BertConfig(attention_probs_dropout_prob=0.0))
    if name == "gpt2-small":
        return GPT2LMHeadModel(GPT2Config(attn_pdrop=0.0, use_cache=False))
    return T5ForConditionalGeneration(T5Config(dropout_rate=0.0, use_cache=False))


def ours(name: str, peer: nn.Module) -> nn.Module:
    """Our model with the peer's weights, by the rules for its files."""
    model = build(name, **({"dropout": 0.0} if name == "t5-small" else {}))
    rules = formats(find(name)[0])["huggingface"]
    model.load_state_dict(translate(peer.state_dict(), rules, model.state_dict(), name="the peer"))
    return model


def make(name: str, mode: str, form: str) -> Step:
    """One form of a case, ready to be called again and again."""
    model = theirs(name)
    if form == "ours":
        model = ours(name, model)
    model.train(mode == "step")
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(1000, (BATCH, LENGTH), generator=generator)
    targets = torch.randint(768 if name == "bert-base" else 1000, (BATCH, LENGTH), generator=generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def outputs() -> Tensor:
        if form == "ours":
            out = model(tokens, targets) if name == "t5-small" else model(tokens)
            return out if isinstance(out, Tensor) else out.states
        out = model(input_ids=tokens, **({"decoder_input_ids": targets} if name == "t5-small" else {}))
        return out.last_hidden_state if name == "bert-base" else out.logits

    def forward() -> Tensor:
        with torch.inference_mode():
            return outputs()

    def step() -> float:
        loss = F.cross_entropy(outputs().flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return forward if mode == "forward" else step


def memory(case: Case, *, processes: int) -> dict[str, float]:
    """By form, the median growth in bytes over processes."""
    grown = {}
    for form in case.forms:
        words = [sys.executable, __file__, "--grow", case.model, case.mode, form]
        runs = [
            subprocess.run(words, env={**os.environ, **MALLOC}, stdout=subprocess.PIPE, text=True, check=True)
            for _ in range(processes)
        ]
        grown[form] = statistics.median(int(run.stdout.split()[-1]) for run in runs)
    return grown


def measure(case: Case, *, rounds: int, budget: float, processes: int) -> list[Row]:
    """A case beside transformers: first whether both say the same, then time and memory."""
    first, second = (make(case.model, "forward", form)() for form in case.forms)
    torch.testing.assert_close(second, first, atol=1e-4, rtol=1e-4)
    del first, second
    taken = times({form: make(case.model, case.mode, form) for form in case.forms}, rounds=rounds, budget=budget)
    grown = memory(case, processes=processes) if can_be_measured() else {}
    return rows(case, taken, grown, threads=THREADS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds per form and round")
    parser.add_argument("--processes", type=int, default=3, help="measurements of memory for each form")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--grow", nargs=3, metavar=("MODEL", "MODE", "FORM"), help="one measurement of memory")
    args = parser.parse_args()

    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    if args.grow:
        print(growth(make(*args.grow)))
        return 0
    if not args.json:
        print(f"torch {torch.__version__}, transformers {transformers.__version__}; ours, then the peer")
    results: list[Row] = []
    for case in [case for case in CASES if args.only in case.name]:
        for row in measure(case, rounds=args.rounds, budget=args.budget, processes=args.processes):
            results.append(row)
            if not args.json:
                show(row)
    # Ratios are good to two figures.
    broken = [row["case"] for row in results if row["bound"] and round(row["ratio"], 2) > BOUND]
    if args.json:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        print(json.dumps({"results": results, "broken": broken, **versions}))
    elif broken:
        print(f"bound broken: {'; '.join(map(str, broken))}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""The lab `gpt` beside nanoGPT's setting for a CPU: the loss on the last tenth of the text, and seconds of training.

    python benchmarks/gpt.py                    three seeds
    python benchmarks/gpt.py --check            exit status 1 above 1.60 nats in the mean, or above the peer's time
    python benchmarks/gpt.py --json             one line of JSON

The peer is written from its description (A. Karpathy, nanoGPT, 2022, README, "I only have a macbook"): 4 blocks of 128
numbers in 4 heads, context 64, batch 12, 2,000 steps, no dropout; learned positions, layer norm without bias, GELU,
head and embedding shared; AdamW (0.9, 0.99), weight decay 0.1 on matrices, gradients clipped to 1, the learning rate up
to 1e-3 in 100 steps and down a cosine to 1e-4. It learns from the first 90 % of the text, which includes the part that
the lab keeps for its choices. Ours is the lab as anybody runs it; its time is that of `training.fit` from end to end,
with Lightning's set-up and the validation on the way in it. Testing counts for neither.

Both are tested by the same function, in windows that overlap by half; beside it stands the loss in windows that do not
overlap, which is nanoGPT's own way on average. Both train with the same threads, in turns and in changing order. The
data comes from UPSLOPE_MIRROR, the cache or the network.
"""

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.characters import Characters
from upslope.cards import discover
from upslope.data import tinyshakespeare
from upslope.labs.language import gpt as lab
from upslope.runs.errors import DataProblem
from upslope.runs.launcher import start
from upslope.training.tasks.text_generation import TextGeneration

LOSS, RATIO = 1.60, 1.0
CONTEXT, BATCH, STEPS, DIM, DEPTH, HEADS = 64, 12, 2000, 128, 4, 4  # the peer's


@dataclass(frozen=True)
class Timed:
    """One training: its seconds, those of all threads, and the loss on the test text, in nats, in both ways."""

    seconds: float
    cpu_seconds: float
    loss: float
    apart: float  # in windows that do not overlap
    mixed: float | None = None  # with Kneser-Ney
    kneser_ney: float | None = None


class PeerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM, bias=False), nn.LayerNorm(DIM, bias=False)
        self.qkv, self.projection = nn.Linear(DIM, 3 * DIM, bias=False), nn.Linear(DIM, DIM, bias=False)
        self.up, self.down = nn.Linear(DIM, 4 * DIM, bias=False), nn.Linear(4 * DIM, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, dim = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, dim // HEADS).permute(2, 0, 3, 1, 4)
        gathered = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(gathered.transpose(1, 2).reshape(batch, length, dim))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Peer(nn.Module):
    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.context = CONTEXT
        self.tokens, self.positions = nn.Embedding(vocab_size, DIM), nn.Embedding(CONTEXT, DIM)
        self.blocks = nn.Sequential(*(PeerBlock() for _ in range(DEPTH)))
        self.norm, self.head = nn.LayerNorm(DIM, bias=False), nn.Linear(DIM, vocab_size, bias=False)
        self.head.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                writes = name.endswith(("projection.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * DEPTH) if writes else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        return self.head(self.norm(self.blocks(x)))


def rate(step: int) -> float:
    if step < 100:
        return 1e-3 * (step + 1) / 101
    done = (step - 100) / (STEPS - 100)
    return 1e-4 + 0.5 * (1 + math.cos(math.pi * done)) * (1e-3 - 1e-4)


class Text:
    """The text as tokens, and a model's losses on its end."""

    def __init__(self) -> None:
        self.tokenizer = Characters(tinyshakespeare.ALPHABET)
        parts = {name: "".join(tinyshakespeare.load(name)["text"]) for name in ("train", "validation", "test")}
        place = int(tinyshakespeare.CUTS[0] * sum(map(len, parts.values())))
        whole = parts["train"][:place] + parts["validation"] + parts["train"][place:]  # the first 90 %
        self.train = torch.from_numpy(self.tokenizer.encode(whole))
        self.test = tinyshakespeare.load("test")

    def loss(self, model: nn.Module) -> float:
        """On the test text, in windows that overlap by half, as the lab measures it."""
        return float(TextGeneration(model, tokenizer=self.tokenizer).predict(self.test).mean())

    def loss_apart(self, model: nn.Module) -> float:
        """The same in windows that do not overlap."""
        tokens = torch.from_numpy(self.tokenizer.encode("".join(self.test["text"])))
        count = (len(tokens) - 1) // model.context
        inputs, wanted = (tokens[shift:][: count * model.context].view(count, -1) for shift in (0, 1))
        model.eval()
        pairs = zip(inputs.split(256), wanted.split(256), strict=True)
        with torch.no_grad():
            apart = [F.cross_entropy(model(x).mT, y) * len(x) for x, y in pairs]
        return float(torch.stack(apart).sum() / count)


def theirs(seed: int, text: Text) -> Timed:
    torch.manual_seed(seed)
    model = Peer(len(text.tokenizer))
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
    begun, used = time.perf_counter(), time.process_time()
    for step in range(STEPS):
        starts = torch.randint(len(text.train) - CONTEXT, (BATCH, 1))
        windows = text.train[starts + torch.arange(CONTEXT + 1)]
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        loss = F.cross_entropy(model(windows[:, :-1]).mT, windows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    seconds = time.perf_counter() - begun, time.process_time() - used
    return Timed(*seconds, text.loss(model), text.loss_apart(model))


def ours(seed: int, text: Text, threads: int) -> Timed:
    """The lab as anybody runs it, with a watch around its training."""
    took: list[float] = []
    models: list[nn.Module] = []
    fit = lab.fit

    def watched(run, task, *args, **settings):
        begun, used = time.perf_counter(), time.process_time()
        fit(run, task, *args, **settings)
        took.extend((time.perf_counter() - begun, time.process_time() - used))
        models.append(task.model)

    lab.fit = watched
    try:
        with tempfile.TemporaryDirectory() as folder:
            words = [f"seed={seed}", f"threads={threads}"]
            result = start(discover("labs")["gpt"], words, root=Path(folder), quiet=True)
    finally:
        lab.fit = fit
    measured = {name: float(value or math.nan) for name, value in result.metrics.items()}
    apart = text.loss_apart(models[0])
    return Timed(*took, measured["test_loss"], apart, measured["test_mixed_loss"], measured["test_kneser_ney_loss"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    try:
        text = Text()
    except DataProblem as problem:
        print(f"gpt: left out, {problem}", file=sys.stderr)
        return 3 if args.check or args.json else 0
    rounds: list[dict[str, Timed]] = []
    for seed in range(args.seeds):
        forms = {"ours": lambda s: ours(s, text, args.threads), "nanoGPT": lambda s: theirs(s, text)}
        timed = {name: forms[name](seed) for name in sorted(forms, reverse=bool(seed % 2))}
        rounds.append(timed)
        if not args.json:
            cells = [
                f"{n} {t.seconds:6.1f} s (CPU {t.cpu_seconds:.0f})  {t.loss:.4f} ({t.apart:.4f}) nats"
                for n, t in sorted(timed.items())
            ]
            ratio = timed["ours"].seconds / timed["nanoGPT"].seconds
            mixed = f"Kneser-Ney {timed['ours'].kneser_ney:.4f}   mixed {timed['ours'].mixed:.4f}"
            print(f"seed {seed}   {'   '.join(cells)}   ratio {ratio:.2f}   {mixed}", flush=True)
    ratio = statistics.median(timed["ours"].seconds / timed["nanoGPT"].seconds for timed in rounds)
    means = {name: statistics.fmean(timed[name].loss for timed in rounds) for name in ("ours", "nanoGPT")}
    broken = [f"ratio {ratio:.2f} > {RATIO}"] if ratio > RATIO else []
    broken += [f"mean {means['ours']:.4f} nats > {LOSS}"] if means["ours"] > LOSS else []
    if args.json:
        measured = [{name: asdict(one) for name, one in timed.items()} for timed in rounds]
        case = f"the lab gpt ({means['ours']:.3f} nats) beside nanoGPT's CPU setting ({means['nanoGPT']:.3f} nats)"
        results = [{"case": case, "threads": args.threads, "ratio": ratio, "bound": RATIO, "rounds": measured}]
        versions = {"torch": torch.__version__, "lightning": lightning.__version__}
        print(json.dumps({"results": results, "broken": broken, **versions}))
    else:
        print(f"mean     ours {means['ours']:.4f}   nanoGPT {means['nanoGPT']:.4f} nats", end="   ")
        print(f"ratio of the times {ratio:.2f} (bound {RATIO})")
        if broken:
            print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

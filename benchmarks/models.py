"""Our ResNet-18 and ViT-S beside transformers': forward pass and training step, time and peak memory, in one run.

    python benchmarks/models.py                  two threads, float32, 8 pictures of 224 x 224
    python benchmarks/models.py --check          exit status 1 if ours takes more time or more memory
    python benchmarks/models.py --json           one line of JSON
    python benchmarks/models.py --gpu            on a GPU: bf16, channels-last, compiled, beside torchvision and timm

All forms have the same configuration and the same weights, and their scores are compared before anything is timed. The
step is forward, cross-entropy, backward and AdamW. transformers' models are taken as they come, in PyTorch's default
layout, channels first. Our ResNet lies channels-last, which is much of what makes it quick; so another line, without a
bound, has transformers' ResNet with weights and pictures in channels-last, too.

Time: the forms run in turns and in changing order, so that whatever else the machine does falls on all of them; the
ratio is the median over rounds of ours / theirs within a round.

Memory: each form runs three times in a process of its own. What counts is how far the process grows beyond what it held
when libraries, model and pictures were there: activations, gradients, the optimizer's moments, scratch space. The
kernel keeps that high-water mark exactly; malloc is told to give back at once what is freed and not to keep arenas, so
the mark follows what is alive. The ratio is that of the medians over the processes. Linux only.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from growth import MALLOC, can_be_measured, growth
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification

from upslope.models.build import build, find
from upslope.models.checkpoints import read, translate
from upslope.models.pretrained import formats

BATCH, THREADS, BOUND = 8, 2, 1.0
GPU_BATCH = 256
Step = Callable[[], object]
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One model and what it does, in several forms, the first of which is ours."""

    name: str
    model: str
    mode: str  # "forward" or "step"
    forms: tuple[str, ...]


RESNET = ("ours", "transformers", "transformers channels-last")
CASES = (
    Case("ResNet-18 forward", "resnet18", "forward", RESNET),
    Case("ResNet-18 training step", "resnet18", "step", RESNET),
    Case("ViT-S forward", "vit-small", "forward", RESNET[:2]),
    Case("ViT-S training step", "vit-small", "step", RESNET[:2]),
)


def theirs(name: str) -> nn.Module:
    """transformers' model of the same configuration, with random weights that are always the same."""
    torch.manual_seed(0)
    if name == "resnet18":
        widths = [64, 128, 256, 512]
        config = ResNetConfig(layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=widths, num_labels=1000)
        return ResNetForImageClassification(config)
    sizes = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
    return ViTForImageClassification(ViTConfig(**sizes, layer_norm_eps=1e-6, num_labels=1000))


def ours(name: str, peer: nn.Module) -> nn.Module:
    """Our model with the peer's weights, by way of a file in its format."""
    model = build(name)
    with tempfile.TemporaryDirectory() as folder:
        peer.save_pretrained(folder)
        tensors, rules = read(Path(folder) / "model.safetensors"), formats(find(name)[0])["huggingface"]
        model.load_state_dict(translate(tensors, rules, model.state_dict(), name="the peer"))
    return model


def make(name: str, mode: str, form: str) -> Step:
    """One form of a case, ready to be called again and again."""
    model = theirs(name)
    if form == "ours":
        model = ours(name, model)
    x = torch.randn(BATCH, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    if form.endswith("channels-last"):
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    model.train(mode == "step")
    y = torch.arange(BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def scores() -> Tensor:
        out = model(x)
        return out if isinstance(out, Tensor) else out.logits

    def forward() -> Tensor:
        with torch.inference_mode():
            return scores()

    def step() -> float:
        loss = F.cross_entropy(scores(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return forward if mode == "forward" else step


def memory(case: Case, *, processes: int, script: str = __file__) -> dict[str, float]:
    """By form, the median growth in bytes over processes that run a script with --grow."""
    grown = {}
    for form in case.forms:
        words = [sys.executable, script, "--grow", case.model, case.mode, form]
        runs = [
            subprocess.run(words, env={**os.environ, **MALLOC}, stdout=subprocess.PIPE, text=True, check=True)
            for _ in range(processes)
        ]
        grown[form] = statistics.median(int(run.stdout.split()[-1]) for run in runs)
    return grown


def seconds(step: Step, calls: int) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        step()
    if torch.cuda.is_available():
        torch.cuda.synchronize()  # what was only asked for so far
    return (time.perf_counter() - begun) / calls


def times(steps: dict[str, Step], *, rounds: int, budget: float) -> dict[str, list[float]]:
    """By form, seconds per call in each round; the forms run in turns, in changing order."""
    calls = {form: max(1, round(budget / seconds(step, 2))) for form, step in steps.items()}
    taken: dict[str, list[float]] = {form: [] for form in steps}
    for number in range(rounds):
        for form in sorted(steps, reverse=bool(number % 2)):
            taken[form].append(seconds(steps[form], calls[form]))
    return taken


def rows(
    case: Case,
    taken: dict[str, list[float]],
    grown: dict[str, float],
    *,
    bounded: str = "transformers",
    **where: object,
) -> list[Row]:
    """One line for time and one for memory beside each peer; beside that named `bounded` there is a bound."""
    lines: list[Row] = []
    for peer in case.forms[1:]:
        said = {"bound": BOUND if peer == bounded else None, **where}
        ratios = [a / b for a, b in zip(taken["ours"], taken[peer], strict=True)]
        ms = {"ours_ms": 1e3 * statistics.median(taken["ours"]), "peer_ms": 1e3 * statistics.median(taken[peer])}
        lines.append({"case": f"{case.name}, time, {peer}", "ratio": statistics.median(ratios), **ms, **said})
        if grown:
            ratio, mb = grown["ours"] / grown[peer], {"ours_mb": grown["ours"] / 1e6, "peer_mb": grown[peer] / 1e6}
            lines.append({"case": f"{case.name}, peak memory, {peer}", "ratio": ratio, **mb, **said})
    return lines


def agree(name: str, forms: tuple[str, ...]) -> None:
    """The forms of one model give the same scores."""
    first, *others = [make(name, "forward", form)() for form in forms]
    for other in others:
        torch.testing.assert_close(other, first, atol=1e-4, rtol=0)


def on_cpu(case: Case, *, rounds: int, budget: float) -> list[Row]:
    """A case beside transformers."""
    agree(case.model, case.forms)
    taken = times({form: make(case.model, case.mode, form) for form in case.forms}, rounds=rounds, budget=budget)
    grown = memory(case, processes=3) if can_be_measured() else {}
    return rows(case, taken, grown, threads=THREADS)


def on_gpu(case: Case, *, rounds: int, budget: float) -> list[Row]:
    """A case in bf16, channels-last and compiled, beside torchvision and timm where they can be imported."""
    models = {"ours": build(case.model), **gpu_peers(case.model)}
    x = torch.randn(GPU_BATCH, 3, 224, 224).to("cuda", memory_format=torch.channels_last)
    steps, grown = {}, {}
    for form, model in models.items():
        model = model.to("cuda", memory_format=torch.channels_last).train(case.mode == "step")
        steps[form] = gpu_step(torch.compile(model), x, case.mode)
        seconds(steps[form], 5)  # compiles
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        seconds(steps[form], 1)
        grown[form] = float(torch.cuda.max_memory_allocated() - before)
    taken = times(steps, rounds=rounds, budget=budget)
    shown = replace(case, name=f"{case.name}, {torch.cuda.get_device_name()}", forms=tuple(models))
    return rows(shown, taken, grown, threads="GPU")


def gpu_peers(name: str) -> dict[str, nn.Module]:
    """The same model from the libraries that can be imported; torchvision has no ViT-S."""
    peers: dict[str, nn.Module] = {}
    with contextlib.suppress(ImportError, RuntimeError):
        import torchvision

        if hasattr(torchvision.models, name):
            peers["torchvision"] = getattr(torchvision.models, name)()
    with contextlib.suppress(ImportError, RuntimeError):
        import timm

        peers["timm"] = timm.create_model({"vit-small": "vit_small_patch16_224"}.get(name, name))
    return peers


def gpu_step(model: nn.Module, x: Tensor, mode: str) -> Step:
    """A forward pass or a training step under bf16 autocast."""
    y = torch.arange(len(x), device=x.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def forward() -> None:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            model(x)

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return forward if mode == "forward" else step


def show(row: Row) -> None:
    """One line for a person."""
    unit = "ms" if "ours_ms" in row else "mb"
    numbers = f"{row[f'ours_{unit}']:8.1f} {row[f'peer_{unit}']:8.1f} {unit.replace('mb', 'MB')}"
    bound = f"  (bound {row['bound']})" if row["bound"] else ""
    print(f"{row['case']:<63}{numbers}   ratio {row['ratio']:.2f}{bound}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--gpu", action="store_true", help="on a GPU, beside torchvision and timm")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds per form and round")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--grow", nargs=3, metavar=("MODEL", "MODE", "FORM"), help="one measurement of memory")
    args = parser.parse_args()

    torch.set_num_threads(THREADS)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if args.grow:
        print(growth(make(*args.grow)))
        return 0
    if args.gpu and not torch.cuda.is_available():
        print("the models on a GPU: left out, PyTorch finds none", file=sys.stderr)
        return 3 if args.check or args.json else 0

    if not args.json:
        print(f"torch {torch.__version__}, transformers {transformers.__version__}; ours, then the peer")
    results: list[Row] = []
    for case in [case for case in CASES if args.only in case.name]:
        for row in (on_gpu if args.gpu else on_cpu)(case, rounds=args.rounds, budget=args.budget):
            results.append(row)
            if not args.json:
                show(row)
    # Ratios are good to two figures.
    broken = [row["case"] for row in results if row["bound"] and round(row["ratio"], 2) > row["bound"]]
    if args.json:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        print(json.dumps({"results": results, "broken": broken, **versions}))
    elif broken:
        print(f"bound broken: {'; '.join(map(str, broken))}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

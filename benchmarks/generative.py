"""Our diffusion beside diffusers': a training step and 20 steps of sampling, time and peak memory, in one run.

    python benchmarks/generative.py               two threads, float32
    python benchmarks/generative.py --check       exit status 1 if ours takes more time or more memory
    python benchmarks/generative.py --json        one line of JSON

The network is DDPM's for CIFAR-10 with a quarter of its channels, 2.2 million parameters without dropout, on pictures
of 32 x 32; both forms have the same weights. The step adds noise to 8 pictures, predicts it, and ends with AdamW; their
noise is added by DDPMScheduler. Sampling takes DDIM from the same noise to 4 pictures, theirs by DDIMScheduler, and
what comes out is compared before anything is timed. How time and memory are measured: `benchmarks/models.py`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.append(str(Path(__file__).parents[1]))

import diffusers
import torch
from growth import can_be_measured, growth
from tests.peers.diffusers_unet import diffusers_unet
from torch import Tensor
from torch.nn import functional as F

from models import THREADS, Case, Row, Step, memory, rows, show, times
from upslope.blocks.generative.add_noise import add_noise
from upslope.blocks.generative.noise_schedules import alpha_bars
from upslope.blocks.samplers.denoise import Recipe, denoise
from upslope.blocks.samplers.path import path
from upslope.blocks.samplers.samplers import SAMPLERS
from upslope.models.generative.ddpm import UNet

FORMS = ("ours", "diffusers")
CASES = (
    Case("DDPM training step", "ddpm", "step", FORMS),
    Case("DDPM, 20 steps of DDIM", "ddpm", "sample", FORMS),
)
SIZES = {"widths": (32, 64, 64, 64), "attention": (1,), "groups": 8}
SHAPE, LEARNED, STEPS = (3, 32, 32), 1000, 20


def make(_: str, mode: str, form: str) -> Step:
    """One form of a case, ready to be called again and again."""
    torch.manual_seed(0)
    network = UNet(dropout=0.0, **SIZES)
    with torch.no_grad():
        network.last.weight.normal_(std=0.01)
    ours = form == "ours"
    model = network if ours else diffusers_unet(network, **SIZES)
    drawn = torch.Generator().manual_seed(1)
    x, noise = torch.randn(2, 8, *SHAPE, generator=drawn).clamp(-1, 1)
    step = torch.randint(LEARNED, (8,), generator=drawn)
    if mode == "sample":
        start = torch.randn(4, *SHAPE, generator=drawn)
        return (lambda: our_samples(model, start)) if ours else (lambda: their_samples(model, start))
    levels, scheduler = alpha_bars("linear"), diffusers.DDPMScheduler(LEARNED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def training_step() -> float:
        if ours:
            said = model(add_noise(x, noise, step, levels), step)
        else:
            said = model(scheduler.add_noise(x, noise, step), step).sample
        loss = F.mse_loss(said, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return training_step


@torch.no_grad()
def our_samples(model: torch.nn.Module, start: Tensor) -> Tensor:
    """Pictures by our loop and DDIM."""
    recipe = Recipe(path(alpha_bars("linear"), STEPS, spacing="leading"), SAMPLERS["ddim"], no_class=0)
    *_, last = denoise(lambda x, step, _: model(x, step), lambda _: start, torch.zeros(len(start), dtype=int), recipe)
    return last.x


@torch.no_grad()
def their_samples(model: torch.nn.Module, start: Tensor) -> Tensor:
    """Pictures by diffusers' DDIM."""
    scheduler = diffusers.DDIMScheduler(LEARNED, set_alpha_to_one=True, timestep_spacing="leading")
    scheduler.set_timesteps(STEPS)
    x = start
    for step in scheduler.timesteps:
        x = scheduler.step(model(x, step).sample, step, x, use_clipped_model_output=True).prev_sample
    return x


def beside_diffusers(case: Case, *, rounds: int, budget: float) -> list[Row]:
    """One case: the same answers, then time and memory."""
    steps = {form: make(case.model, case.mode, form) for form in case.forms}
    mine, peers = (torch.as_tensor(steps[form]()) for form in case.forms)
    torch.testing.assert_close(mine, peers, atol=1e-3, rtol=1e-4)
    taken = times(steps, rounds=rounds, budget=budget)
    grown = memory(case, processes=3, script=__file__) if can_be_measured() else {}
    return rows(case, taken, grown, bounded="diffusers", threads=THREADS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds per form and round")
    parser.add_argument("--grow", nargs=3, metavar=("MODEL", "MODE", "FORM"), help="one measurement of memory")
    args = parser.parse_args()

    torch.set_num_threads(THREADS)
    if args.grow:
        print(growth(make(*args.grow)))
        return 0
    results = [row for case in CASES for row in beside_diffusers(case, rounds=args.rounds, budget=args.budget)]
    if not args.json:
        for row in results:
            show(row)
    broken = [row["case"] for row in results if row["bound"] and round(row["ratio"], 2) > row["bound"]]
    if args.json:
        versions = {"torch": torch.__version__, "diffusers": diffusers.__version__}
        print(json.dumps({"results": results, "broken": broken, **versions}))
    elif broken:
        print(f"bound broken: {'; '.join(map(str, broken))}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

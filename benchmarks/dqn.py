"""Steps per second of DQN on CartPole: the lab `dqn` beside Stable-Baselines3, in one run.

    python benchmarks/dqn.py                    three rounds
    python benchmarks/dqn.py --check            exit status 1 if a bound is broken
    python benchmarks/dqn.py --json             one line of JSON

Two cases. *theirs*: the settings of Stable-Baselines3's zoo for CartPole (one environment, 256 + 256 units, batch 64,
128 updates after every 256 steps). *lab*: the settings of our lab (128 + 128 units, batch 128, ten-step returns, one
update for two steps), each with as many environments as it does best with, theirs one and ours eight. In both cases
both sides make the same number of updates, of the same size, for each step. One thread each, in turns and in changing
order. Time is training from the first step on; the ratio is the median over rounds of ours / theirs within a round.
Stable-Baselines3 is no dependency: `pip install --no-deps --target DIR stable-baselines3`, and PYTHONPATH=DIR.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import torch

from upslope.cards import discover
from upslope.labs.play import dqn as lab
from upslope.runs.launcher import start

BOUNDS = {"theirs": 1.5, "lab": 3.0}
AIMS = {"theirs": 1.5, "lab": 5.0}
OURS = {
    "theirs": ["units=256", "batch_size=64", "n_step=1", "target_every=1", "memory=50000", "lr=0.0023"],
    "lab": [],
}
THEIRS: dict[str, dict[str, Any]] = {
    "theirs": {
        "learning_rate": 2.3e-3,
        "batch_size": 64,
        "train_freq": 256,
        "gradient_steps": 128,
        "target_update_interval": 10,
        "policy_kwargs": {"net_arch": [256, 256]},
    },
    "lab": {
        "learning_rate": 2e-3,
        "batch_size": 128,
        "train_freq": 2,
        "gradient_steps": 1,
        "target_update_interval": 256,
        "n_steps": 10,
        "policy_kwargs": {"net_arch": [128, 128]},
    },
}


def ours(case: str, frames: int, seed: int) -> float:
    """Steps per second of the lab's loop."""
    took: list[float] = []
    steps = lab.seeded_steps

    def watched(*args: Any, **settings: Any) -> Any:
        begun = time.perf_counter()
        yield from steps(*args, **settings)
        took.append(time.perf_counter() - begun)

    lab.seeded_steps = watched
    try:
        with tempfile.TemporaryDirectory() as folder:
            words = [f"frames={frames}", f"seed={seed}", "threads=1", "episodes=1", *OURS[case]]
            start(discover("labs")["dqn"], words, root=Path(folder), quiet=True)
    finally:
        lab.seeded_steps = steps
    return frames / took[0]


def theirs(case: str, frames: int, seed: int) -> float:
    """Steps per second of Stable-Baselines3's `learn`."""
    from stable_baselines3 import DQN

    common = {"buffer_size": 50_000, "learning_starts": 1000, "gamma": 0.99, "exploration_fraction": 0.2}
    agent = DQN(
        "MlpPolicy", gymnasium.make("CartPole-v1"), seed=seed, device="cpu", verbose=0, **common, **THEIRS[case]
    )
    begun = time.perf_counter()
    agent.learn(frames)
    return frames / (time.perf_counter() - begun)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=6000)
    args = parser.parse_args()
    try:
        import stable_baselines3
    except ImportError:
        print("dqn: left out, stable-baselines3 is not installed", file=sys.stderr)
        return 3 if args.check or args.json else 0

    torch.set_num_threads(1)
    forms: dict[str, Callable[[str, int, int], float]] = {"ours": ours, "stable-baselines3": theirs}
    results, broken = [], []
    for case, bound in BOUNDS.items():
        rounds = []
        for number in range(args.rounds):
            rounds.append({name: forms[name](case, args.frames, number) for name in sorted(forms, reverse=number % 2)})
            if not args.json:
                cells = [f"{name} {speed:6.0f} steps/s" for name, speed in rounds[-1].items()]
                print(f"settings {case:7} {'   '.join(sorted(cells))}", flush=True)
        ratio = statistics.median(each["ours"] / each["stable-baselines3"] for each in rounds)
        broken += [f"settings {case}: {ratio:.2f} < {bound}"] if ratio < bound else []
        results.append({"case": f"settings {case}", "threads": 1, "ratio": ratio, "bound": bound, "rounds": rounds})
        if not args.json:
            print(f"settings {case:7} ratio {ratio:.2f} (bound {bound}, aim {AIMS[case]})")
    if args.json:
        versions = {"torch": torch.__version__, "stable_baselines3": stable_baselines3.__version__}
        print(json.dumps({"results": results, "broken": broken, **versions}))
    elif broken:
        print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())

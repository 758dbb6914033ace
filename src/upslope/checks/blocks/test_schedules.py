"""What warmup_cosine must do."""

import math

import numpy as np

from upslope.blocks import schedules
from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo

# total, warmup
SIZES = ((6, 1), (5, 0), (10, 3), (7, 4), (2, 0), (5000, 250))
SCHEDULE = OpInfo(schedules.warmup_cosine, samples=lambda rng: [], truth=lambda **_: None)


def factors(count, **settings):
    """The factors of the steps 0 to count - 1, and the call in words."""
    words = ", ".join(f"{name}={value:g}" for name, value in settings.items())
    return [schedules.warmup_cosine(step, **settings) for step in range(count)], f"steps 0 to {count - 1}, {words}"


@grades(schedules.warmup_cosine)
def test_by_hand(rng):
    """with total=6 and warmup=1 the factors are 0.5, 1, 0.854, 0.5, 0.146, 0"""
    got, case = factors(6, total=6, warmup=1)
    half = math.sqrt(0.5) / 2
    close(got, [0.5, 1, 0.5 + half, 0.5, 0.5 - half, 0], case=case)


@grades(schedules.warmup_cosine)
def test_warm_up(rng):
    """it climbs in even steps from 1 / (warmup + 1) to 1"""
    for warmup in (1, 4, int(rng.integers(5, 20))):
        got, case = factors(warmup + 1, total=30, warmup=warmup)
        close(got, np.linspace(0, 1, warmup + 2)[1:], case=case)


@grades(schedules.warmup_cosine)
def test_descent(rng):
    """after it half a cosine, here as the square of a cosine of half the angle, over 5,000 steps as well"""
    for total, warmup in (*SIZES, (int(rng.integers(20, 40)), int(rng.integers(0, 10)))):
        got, case = factors(total, total=total, warmup=warmup)
        angles = np.linspace(0, math.pi / 2, total - warmup)
        close(got[warmup:], np.cos(angles) ** 2, case=f"{case}, from step {warmup} on")


@grades(schedules.warmup_cosine)
def test_final(rng):
    """it ends at final, with the whole curve above that"""
    for final in (0.1, 1.0, float(np.round(rng.uniform(0.2, 0.8), 2))):
        got, case = factors(5, total=5, warmup=0, final=final)
        curve = np.cos(np.linspace(0, math.pi / 2, 5)) ** 2
        close(got, final + (1 - final) * curve, case=case)
    got, case = factors(5, total=5, warmup=2, final=0.25)
    close(got, [1 / 3, 2 / 3, 1, 0.625, 0.25], case=case)


@grades(schedules.warmup_cosine)
def test_afterwards(rng):
    """after the last step it stays final"""
    for final in (0.0, 0.3):
        got, case = factors(16, total=6, warmup=2, final=final)
        close(got[6:], [final] * 10, case=f"{case}, from step 6 on")


@grades(schedules.warmup_cosine)
def test_no_room_to_descend(rng):
    """where the warm-up leaves one step only, that step has the factor 1"""
    for total in (1, 4):
        got, case = factors(total + 1, total=total, warmup=total - 1)
        close(got, [*(np.arange(1, total + 1) / total), 0.0], case=case)


test_refuses = SCHEDULE.refuses(
    "a warm-up that leaves no step raises a ValueError that names both",
    *(
        ({"step": 0, "total": total, "warmup": warmup}, [f"warmup={warmup}", f"total={total}"])
        for total, warmup in ((6, 6), (6, 9), (0, 0), (6, -1))
    ),
)


wrong(
    schedules.warmup_cosine,
    {
        "the cosine runs over all steps, as if there were no warm-up": (
            "(step - warmup) / max(1, total - 1 - warmup)",
            "step / max(1, total - 1)",
        ),
        "the cosine is one step too long: the last step does not reach final": (
            "max(1, total - 1 - warmup)",
            "max(1, total - warmup)",
        ),
        "after the last step the cosine goes on, and the factor rises again": (
            "min(1.0, (step - warmup) / max(1, total - 1 - warmup))",
            "(step - warmup) / max(1, total - 1 - warmup)",
        ),
        "final cuts the curve off from below, where it should lift all of it": (
            "final + (1 - final) * (1 + math.cos(math.pi * done)) / 2",
            "max(final, (1 + math.cos(math.pi * done)) / 2)",
        ),
        "final is added to the whole curve, so the peak is higher than 1": ("(1 - final) * (1", "(1"),
        "the descent is a straight line": ("(1 + math.cos(math.pi * done)) / 2", "(1 - done)"),
        "a descent of a single step divides by 0": ("max(1, total - 1 - warmup)", "(total - 1 - warmup)"),
        "a warm-up as long as the whole training is accepted": ("0 <= warmup < total", "0 <= warmup <= total"),
    },
)
survives(
    schedules.warmup_cosine,
    {
        "at the end of the warm-up both formulas give lr": [("if step < warmup:", "if step <= warmup:")],
    },
)

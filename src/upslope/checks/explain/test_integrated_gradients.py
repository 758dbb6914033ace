"""What integrated_gradients must do."""

from functools import partial

import numpy as np
import torch

from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import tensor
from upslope.checks.expect import close, equal, tensor_of, true
from upslope.checks.samples import some, spelled
from upslope.explain import integrated_gradients as module

SHAPES = ((2,), (1, 2, 2), (3,), (2, 1, 3))


def cubes(points, weights):
    """Sum of w x^3 for each point, whose gradient is 3 w x^2."""
    return (weights * points**3).flatten(1).sum(dim=1)


def by_middles(x, baseline, weights, steps):
    """The same in NumPy: the gradient at the middle of each step."""
    total = np.zeros(x.shape)
    for k in range(steps):
        total += 3 * weights * (baseline + (k + 0.5) / steps * (x - baseline)) ** 2
    return (x - baseline) * total / steps


def drawn(rng):
    """Scores with their inputs and baselines, no two alike."""
    for shape in SHAPES:
        yield some(rng, *shape), some(rng, *shape), some(rng, *shape)


def said(x, baseline, steps, score="sum of w x^3"):
    return f"score = {score}, x = {spelled(x)}, baseline = {spelled(baseline)}, steps = {steps}"


def product(points):
    return points[:, 0] * points[:, 1]


@grades(module.integrated_gradients)
def test_integrated_by_hand(rng):
    """x1 * x2 at [2, 3] over [0, 0]: [3, 3], with any number of steps"""
    for steps in (1, 2, 64):
        got = module.integrated_gradients(product, tensor([2, 3]), baseline=tensor([0, 0]), steps=steps)
        close(got, [3.0, 3.0], case=said([2, 3], [0, 0], steps, "x1 * x2"))


@grades(module.integrated_gradients)
def test_integrated_over_a_baseline(rng):
    """x1 * x2 at [2, 3] over [1, 1]: [2, 3], which sums to 6 - 1"""
    got = module.integrated_gradients(product, tensor([2, 3]), baseline=tensor([1, 1]), steps=8)
    close(got, [2.0, 3.0], case=said([2, 3], [1, 1], 8, "x1 * x2"))


@grades(module.integrated_gradients)
def test_integrated_random(rng):
    """random cubic scores: the gradients at the middles of the steps, averaged"""
    for x, baseline, weights in drawn(rng):
        for steps in (1, 3, 5):
            score = partial(cubes, weights=tensor(weights))
            got = module.integrated_gradients(score, tensor(x), baseline=tensor(baseline), steps=steps)
            close(got, by_middles(x, baseline, weights, steps), case=said(x, baseline, steps))


@grades(module.integrated_gradients)
def test_integrated_complete(rng):
    """with many steps the sum is nearly the difference of the scores"""
    for x, baseline, weights in drawn(rng):
        score = partial(cubes, weights=tensor(weights))
        got = module.integrated_gradients(score, tensor(x), baseline=tensor(baseline))
        close(got, by_middles(x, baseline, weights, 64), case=said(x, baseline, 64))
        change = float(score(tensor(x)[None]) - score(tensor(baseline)[None]))
        close(float(got.sum()), change, case=f"{said(x, baseline, 64)}: the sum", atol=2e-2)


@grades(module.integrated_gradients)
def test_integrated_asks_along_the_line(rng):
    """4 steps ask the score at 1/8, 3/8, 5/8 and 7/8 of the line; if nothing is said there are 64 steps"""
    asked = []

    def score(points):
        asked.extend(points.detach().double()[:, 0].tolist())
        return points.sum(dim=1)

    module.integrated_gradients(score, tensor([9.0, 1.0]), baseline=tensor([1.0, 1.0]), steps=4)
    close(
        sorted(asked), [2.0, 4.0, 6.0, 8.0], case="x = [9, 1], baseline = [1, 1], steps = 4: the points that are asked"
    )
    asked.clear()
    module.integrated_gradients(score, tensor([9.0, 1.0]), baseline=tensor([1.0, 1.0]))
    equal(len(asked), 64, case="x = [9, 1], baseline = [1, 1]: how many points are asked")


@grades(module.integrated_gradients)
def test_integrated_of_a_network(rng):
    """a picture and a small network in float32: shape and dtype of the picture, and no graph"""
    picture, weight = (torch.from_numpy(some(rng, *shape)).float() for shape in ((2, 3, 3), (18,)))
    baseline = torch.full_like(picture, 0.5)

    def score(points):
        return (points.flatten(1) @ weight).tanh()

    got = module.integrated_gradients(score, picture, baseline=baseline, steps=6)
    tensor_of(got, (2, 3, 3), dtype="float32", case="a picture of shape (2, 3, 3) in float32")
    true(not got.requires_grad, "the result hangs on a graph", case="a picture of shape (2, 3, 3) in float32")
    along = (np.arange(6) + 0.5) / 6
    points = baseline.numpy() + along[:, None, None, None] * (picture - baseline).numpy()
    slopes = (1 - np.tanh(points.reshape(6, -1) @ weight.numpy()) ** 2)[:, None] * weight.numpy()
    expected = (picture - baseline).numpy() * slopes.mean(axis=0).reshape(2, 3, 3)
    close(got, expected, case="a picture of shape (2, 3, 3), score = tanh(w x)", rtol=1e-3, atol=1e-5)


@grades(module.integrated_gradients)
def test_integrated_leaves_everything(rng):
    """x and the baseline stay as they were, where they want a gradient and under torch.no_grad()"""
    for x, baseline, weights in drawn(rng):
        given, over = tensor(x).requires_grad_(), tensor(baseline).requires_grad_()
        score, case = partial(cubes, weights=tensor(weights)), said(x, baseline, 2)
        with torch.no_grad():
            got = module.integrated_gradients(score, given, baseline=over, steps=2)
        close(got, by_middles(x, baseline, weights, 2), case=f"{case}, under torch.no_grad()")
        again = module.integrated_gradients(score, given, baseline=over, steps=2)
        true(not again.requires_grad, "the result hangs on a graph", case=f"{case}, where x wants a gradient")
        equal((given.grad, over.grad), (None, None), case=f"{case}: gradients of x and the baseline afterwards")
        close(given.detach(), x, case=f"{case}: x afterwards")


wrong(
    module.integrated_gradients,
    {
        "the gradient is taken at x alone: this is gradient times input": ("+ 0.5) / steps", "* 0 + 1)"),
        "the end of each step is taken, not its middle": ("+ 0.5)", "+ 1)"),
        "the beginning of each step is taken, not its middle": ("+ 0.5)", "+ 0)"),
        "the gradients are summed, not averaged": (".mean(dim=0)", ".sum(dim=0)"),
        "the mean of the gradients comes back without the difference": ("return difference * ", "return "),
        "the gradients are multiplied by x, as if the baseline were 0": (
            "return difference * ",
            "return x.detach() * ",
        ),
        "the line begins at 0, not at the baseline": (
            "points = baseline.detach() + along",
            "points = torch.zeros_like(baseline) + along",
        ),
        "the difference counts without its sign": ("return difference * ", "return difference.abs() * "),
        "where the caller records no graph there is none": (
            "with torch.enable_grad():",
            "with torch.set_grad_enabled(torch.is_grad_enabled()):",
        ),
        "the result hangs on the graph of x": ("difference = (x - baseline).detach()", "difference = x - baseline"),
        "a backward pass leaves gradients behind in x": (
            "difference = (x - baseline).detach()",
            "(x - baseline).sum().backward() if x.requires_grad and torch.is_grad_enabled() else None\n"
            "    difference = (x - baseline).detach()",
        ),
    },
)
survives(
    module.integrated_gradients,
    {"in single precision the points lie where they did, to seven digits": [("dtype=x.dtype, ", "")]},
)

"""What sigmoid_focal_loss must do."""

import math

from upslope.blocks.detection import focal_loss as module
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

LN3 = math.log(3)
SIZES = ((1,), (4,), (2, 3), (3, 2, 2), (40, 5), (0,))


def drawn(rng, share=0.3, **settings):
    for size in SIZES:
        targets = (rng.random(size) < share).astype(float)
        yield {"logits": some(rng, *size, spread=2.0), "targets": targets, **settings}


def by_equation(logits, targets, alpha=0.25, gamma=2.0):
    """Place by place in Python's numbers."""
    losses = []
    for z, target in zip(logits.ravel().tolist(), targets.ravel().tolist(), strict=True):
        z = z if target else -z
        p_t = 1 / (1 + math.exp(-z)) if z > -700 else 0.0
        surprise = math.log1p(math.exp(-z)) if z > -700 else -z
        losses.append((alpha if target else 1 - alpha) * (1 - p_t) ** gamma * surprise)
    return math.fsum(losses) / max(targets.sum(), 1)


def settings(rng):
    for alpha, gamma in ((0.25, 0.0), (0.5, 1.0), (0.9, 3.0), (0.1, 0.5)):
        yield from list(drawn(rng, alpha=alpha, gamma=gamma))[1:4]


LOSS = TorchOp(module.sigmoid_focal_loss, samples=drawn, truth=by_equation)

test_shape = LOSS.shape("a scalar of the logits' dtype")
test_by_hand = LOSS.by_hand(
    "p = 0.75 for an object costs 0.0045, for none 0.5848; certain and right costs next to nothing",
    ({"logits": [LN3], "targets": [1.0]}, 0.25 * 0.25**2 * math.log(4 / 3)),
    ({"logits": [LN3], "targets": [0.0]}, 0.75 * 0.75**2 * math.log(4)),
    ({"logits": [20.0], "targets": [1.0]}, 0.0),
)
test_mean = LOSS.by_hand(
    "the sum over all places is divided by the number of objects, not of places",
    (
        {"logits": [LN3, LN3, LN3, -50.0, -50.0], "targets": [1.0, 1.0, 1.0, 0.0, 0.0]},
        0.25 * 0.25**2 * math.log(4 / 3),
    ),
)
test_random = LOSS.random("random logits, of some of which nothing is there")
test_settings = LOSS.random("other alphas and gammas; gamma = 0 is weighted cross-entropy", settings)
test_nothing = LOSS.random(
    "a batch without objects has the finite loss of its negatives", lambda rng: drawn(rng, share=0.0)
)
test_stable = LOSS.stable(
    "logits of +-1000, right and wrong: loss and gradient stay finite",
    ({"logits": [1000.0], "targets": [1.0]}, 0.0, 1, {"logits": [0.0]}),
    ({"logits": [-1000.0], "targets": [1.0]}, 250.0, 1, {"logits": [-0.25]}),
    ({"logits": [1000.0], "targets": [0.0]}, 750.0, 1, {"logits": [0.75]}),
    ({"logits": [-1000.0, -100.0], "targets": [0.0, 0.0]}, 0.0, 1, {"logits": [0.0, 0.0]}),
    ({"logits": [1000.0], "targets": [1.0], "gamma": 0.5}, 0.0, 1, {"logits": [0.0]}),
)
test_gradient = LOSS.gradient("the gradient agrees with finite differences", wanted=("logits",))
test_large = LOSS.large(
    "100 x 20 places, a handful of objects",
    lambda rng: [{"logits": some(rng, 100, 20, spread=3.0), "targets": (rng.random((100, 20)) < 0.01).astype(float)}],
    atol=1e-3,
)
test_laws = LOSS.laws("calls, passes and memory do not get mixed up", lambda rng: list(drawn(rng))[1:4])


wrong(
    module.sigmoid_focal_loss,
    {
        "the mean over all places is taken: the more background, the less an object counts": (
            "(weight * focus * surprise).sum() / targets.sum().clamp(min=1)",
            "(weight * focus * surprise).mean()",
        ),
        "a batch without objects is divided by 0": (".clamp(min=1)", ""),
        "alpha is the weight of both kinds": ("alpha * targets + (1 - alpha) * (1 - targets)", "alpha"),
        "alpha and 1 - alpha are exchanged": (
            "alpha * targets + (1 - alpha) * (1 - targets)",
            "(1 - alpha) * targets + alpha * (1 - targets)",
        ),
        "p is taken for p_t: what is easy background is not weighed down": (
            "focus = (gamma * doubt).exp()",
            "focus = (gamma * -F.softplus(logits)).exp()",
        ),
        "p_t^gamma is the weight, not (1 - p_t)^gamma: what is easy counts most": (
            "focus = (gamma * doubt).exp()",
            "focus = (gamma * -surprise).exp()",
        ),
        "the weight (1 - p_t)^gamma has no gradient": ("(gamma * doubt).exp()", "(gamma * doubt).exp().detach()"),
        "the logarithm is taken of a probability that may have been rounded to 0": (
            "surprise, doubt = F.softplus(-z), -F.softplus(z)",
            "surprise, doubt = -z.sigmoid().log(), (1 - z.sigmoid()).log()",
        ),
        "gamma multiplies where it should be an exponent": ("(gamma * doubt).exp()", "gamma * doubt.exp()"),
        "the loss is always float64": (
            "(weight * focus * surprise).sum()",
            "(weight * focus * surprise).double().sum()",
        ),
    },
)
survives(
    module.sigmoid_focal_loss,
    {"times 1 or -1 is divided by 1 or -1": [("logits * (2 * targets - 1)", "logits / (2 * targets - 1)")]},
)

"""What discriminator_loss, generator_loss and r1_penalty must do."""

import math
from functools import partial

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks.generative import gan_losses
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, gradients, leaf
from upslope.checks.expect import close, equal, true
from upslope.checks.samples import some

# Logits of real and of generated images.
SHAPES = (((2,), (2,)), ((1,), (3,)), ((4,), (2,)), ((3, 1), (5, 1)), ((2, 1, 3, 3), (1, 1, 3, 3)), ((64, 1), (64, 1)))
LN3 = math.log(3)


def mean_cost(logits, *, real):
    """The mean of -ln D or of -ln(1 - D) over these logits, one by one, in the form that cannot overflow."""
    signed = [-t if real else t for t in logits.ravel().tolist()]
    return math.fsum(max(t, 0.0) + math.log1p(math.exp(-abs(t))) for t in signed) / len(signed)


def pytorchs(logits, *, real):
    """The same by PyTorch's binary cross-entropy."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


DISCRIMINATOR = TorchOp(
    gan_losses.discriminator_loss,
    samples=lambda rng: [
        {"real_logits": some(rng, *ours, spread=2), "fake_logits": some(rng, *theirs, spread=2)}
        for ours, theirs in SHAPES
    ],
    truth=lambda real_logits, fake_logits: mean_cost(real_logits, real=True) + mean_cost(fake_logits, real=False),
    peer=lambda real_logits, fake_logits: pytorchs(real_logits, real=True) + pytorchs(fake_logits, real=False),
)

test_discriminator_shape_and_dtype = DISCRIMINATOR.shape("a scalar of the logits' dtype")
test_discriminator_by_hand = DISCRIMINATOR.by_hand(
    "ln 3 for a real image and -ln 3 for a generated one cost 0.5754; knowing nothing costs 2 ln 2",
    ({"real_logits": [LN3], "fake_logits": [-LN3]}, -2 * math.log(3 / 4)),
    ({"real_logits": [-LN3], "fake_logits": [LN3]}, -2 * math.log(1 / 4)),
    ({"real_logits": [LN3], "fake_logits": [LN3]}, -math.log(3 / 4) - math.log(1 / 4)),
    ({"real_logits": [0.0], "fake_logits": [0.0]}, 2 * math.log(2)),
)
test_discriminator_random = DISCRIMINATOR.random(
    "random logits: the mean over the real ones plus that over the generated ones, also of other counts"
)
test_discriminator_gradient = DISCRIMINATOR.gradient(
    "the gradients of both kinds of logits agree with finite differences"
)
test_discriminator_large = DISCRIMINATOR.stable(
    "logits of +-1000: losses and gradients are finite",
    ({"real_logits": [-1000.0], "fake_logits": [1000.0]}, 2000, 1, {"real_logits": [-1], "fake_logits": [1]}),
    ({"real_logits": [1000.0], "fake_logits": [-1000.0]}, 0, 1, {"real_logits": [0], "fake_logits": [0]}),
    ({"real_logits": [-100.0, 100.0], "fake_logits": [100.0]}, 150, 1, {"real_logits": [-0.5, 0], "fake_logits": [1]}),
)
test_discriminator_laws = DISCRIMINATOR.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    lambda rng: [{"real_logits": some(rng, *s), "fake_logits": some(rng, *s)} for s in ((2, 3), (4, 1))],
)

GENERATOR = TorchOp(
    gan_losses.generator_loss,
    samples=lambda rng: [{"fake_logits": some(rng, *shape, spread=2)} for _, shape in SHAPES],
    truth=lambda fake_logits: mean_cost(fake_logits, real=True),
    peer=lambda fake_logits: pytorchs(fake_logits, real=True),
)

test_generator_shape_and_dtype = GENERATOR.shape("a scalar of the logits' dtype")
test_generator_by_hand = GENERATOR.by_hand(
    "a logit of -ln 3 costs ln 4, one of ln 3 costs ln(4/3)",
    ({"fake_logits": [-LN3]}, math.log(4), 1, {"fake_logits": [-0.75]}),
    ({"fake_logits": [LN3]}, math.log(4 / 3)),
    ({"fake_logits": [0.0, -LN3]}, math.log(8) / 2),
)
test_generator_random = GENERATOR.random("random logits: the mean of -ln D")
test_generator_gradient = GENERATOR.gradient("the gradient agrees with finite differences")
test_generator_does_not_saturate = GENERATOR.stable(
    "a fake that is found out for sure still has a gradient of -1; logits of +-1000 stay finite",
    ({"fake_logits": [-1000.0]}, 1000, 1, {"fake_logits": [-1]}),
    ({"fake_logits": [1000.0]}, 0, 1, {"fake_logits": [0]}),
    ({"fake_logits": [-30.0, 100.0]}, 15, 1, {"fake_logits": [-0.5, 0]}),
)
test_generator_laws = GENERATOR.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    lambda rng: [{"fake_logits": some(rng, *shape)} for shape in ((2, 3), (4, 1))],
)


# The penalty is of logits that were computed from images: here by functions whose slope is known.


def curved(x, w):
    """Logits (B, 1) of images or points: a bent function, whose slope at an image is 2 w^2 x + w."""
    flat = (x * w).flatten(1)
    return (flat.square() + flat).sum(dim=1, keepdim=True)


def penalty(x, w, *, shape):
    """R1 of the bent function."""
    x = x.reshape(shape)
    return gan_losses.r1_penalty(curved(x, w.reshape(1, *shape[1:])), x)


def written_out(x, w):
    """The mean over images of the sum over pixels of the slope squared."""
    slope = 2 * w * w * x + w
    return float(np.square(slope).reshape(len(x), -1).sum(axis=1).mean())


def cases(rng):
    """Points, images of one channel, of two channels, one image alone."""
    for shape in ((3, 2), (2, 1, 2, 2), (3, 2, 1, 2), (1, 1, 2, 3)):
        yield some(rng, *shape), some(rng, *shape[1:])


@grades(gan_losses.r1_penalty)
def test_penalty_by_hand(rng):
    """the logit 3 x1 + 4 x2 has a penalty of 25 wherever the images are"""
    for count in (1, 3):
        x = leaf(some(rng, count, 1, 1, 2))
        logits = (x * torch.tensor([3.0, 4.0])).sum(dim=(2, 3))
        got = gan_losses.r1_penalty(logits, x)
        equal(tuple(got.shape), (), case=f"{count} images, logit 3 x1 + 4 x2: the shape of the penalty")
        close(got, 25, case=f"{count} images, logit 3 x1 + 4 x2")


@grades(gan_losses.r1_penalty)
def test_penalty_of_random_images(rng):
    """points and images, one or several channels: summed over pixels, averaged over images"""
    for x, w in cases(rng):
        got = penalty(leaf(x), leaf(w), shape=x.shape)
        close(got, written_out(x, w), case=f"a bent function of numbers of shape {x.shape}")


@grades(gan_losses.r1_penalty)
def test_penalty_can_be_brought_down(rng):
    """the penalty has a graph: its gradients at weights and images agree with finite differences"""
    for x, w in cases(rng):
        case = f"a bent function of numbers of shape {x.shape}"
        gradients(partial(penalty, shape=x.shape), {"real": x, "weights": w}, rng=rng, case=case)


@grades(gan_losses.r1_penalty)
def test_penalty_leaves_the_rest(rng):
    """no gradient is left at images or weights, and the logits' graph can still be walked through"""
    x, w = leaf(some(rng, 3, 1, 2, 2)), leaf(some(rng, 1, 2, 2))
    logits = curved(x, w)
    got = gan_losses.r1_penalty(logits, x)
    true(x.grad is None and w.grad is None, "a gradient was left behind", case="after r1_penalty")
    (logits.sum() + got).backward()
    (alone,) = torch.autograd.grad(curved(x, w).sum() + gan_losses.r1_penalty(curved(x, w), x), w)
    close(w.grad, alone, case="loss and penalty through one graph: the gradient of the weights")


@grades(gan_losses.r1_penalty)
def test_penalty_dtype(rng):
    """the penalty has the images' dtype, and real size costs no precision"""
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor(some(rng, 16, 1, 28, 28), dtype=dtype, requires_grad=True)
        got = gan_losses.r1_penalty(curved(x, torch.full((1, 28, 28), 0.1, dtype=dtype)), x)
        equal(got.dtype, dtype, case=f"16 images in {dtype}: the dtype of the penalty")
        expected = written_out(x.detach().double().numpy(), np.full((1, 28, 28), 0.1))
        close(got, expected, case=f"16 images of 28 x 28 in {dtype}", rtol=1e-4)


wrong(
    gan_losses.discriminator_loss,
    {
        "real and generated images have changed places": (
            """softplus(-real_logits).mean()
    # -log(1 - sigmoid(t)) is softplus(t): a generated one costs where its logit is high.
    fooled = softplus(fake_logits).mean()
""",
            """softplus(real_logits).mean()
    fooled = softplus(-fake_logits).mean()
""",
        ),
        "the loss is half of what it should be": ("missed + fooled", "(missed + fooled) / 2"),
        "one mean over both kinds: the kind with more images weighs more": (
            "missed + fooled",
            "2 * (missed * len(real_logits) + fooled * len(fake_logits)) / (len(real_logits) + len(fake_logits))",
        ),
        "the logarithm is taken of a probability that may have been rounded to 0": (
            "softplus(-real_logits).mean()",
            "-real_logits.sigmoid().log().mean()",
        ),
        "the generated images are cut from the graph": ("softplus(fake_logits)", "softplus(fake_logits.detach())"),
        "the losses are summed over the images, not averaged": (
            "softplus(fake_logits).mean()",
            "softplus(fake_logits).sum()",
        ),
        "the loss is always float64": ("softplus(-real_logits)", "softplus(-real_logits.double())"),
    },
)
wrong(
    gan_losses.generator_loss,
    {
        "log(1 - D) is brought down, which has no gradient where the discriminator is sure": (
            "softplus(-fake_logits)",
            "-softplus(fake_logits)",
        ),
        "the generator is rewarded for being found out": ("softplus(-fake_logits)", "softplus(fake_logits)"),
        "the logarithm is taken of a probability that may have been rounded to 0": (
            "softplus(-fake_logits)",
            "-fake_logits.sigmoid().log()",
        ),
        "the mean of D itself: the gradient vanishes where D is near 0": (
            "softplus(-fake_logits)",
            "-fake_logits.sigmoid()",
        ),
        "the losses are summed over the images, not averaged": ("costs.mean()", "costs.sum()"),
        "cut from the graph: the generator learns nothing": ("return costs.mean()", "return costs.mean().detach()"),
        "the loss has a dimension: it is no scalar": ("return costs.mean()", "return costs.mean()[None]"),
    },
)
wrong(
    gan_losses.r1_penalty,
    {
        "the penalty has no graph: bringing it down moves nothing": ("create_graph=True", "retain_graph=True"),
        "backward() leaves gradients at the weights, which the loss then adds to": (
            "(slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)",
            "real_logits.sum().backward(create_graph=True)\n    slope = real.grad",
        ),
        "the length of the slope, not its square": (
            "slope.square().flatten(1).sum(dim=1).mean()",
            "slope.square().flatten(1).sum(dim=1).sqrt().mean()",
        ),
        "the slope should be 1 and not 0: that is the penalty of WGAN-GP": (
            "slope.square().flatten(1).sum(dim=1).mean()",
            "(slope.square().flatten(1).sum(dim=1).sqrt() - 1).square().mean()",
        ),
        "averaged over the pixels as well: larger images weigh less": ("sum(dim=1).mean()", "mean(dim=1).mean()"),
        "summed over the images: larger batches weigh more": ("sum(dim=1).mean()", "sum(dim=1).sum()"),
        "the slope of the mean logit: smaller by the number of images": ("real_logits.sum()", "real_logits.mean()"),
        "the slope of the probability, which vanishes where the discriminator is sure": (
            "real_logits.sum()",
            "real_logits.sigmoid().sum()",
        ),
    },
)

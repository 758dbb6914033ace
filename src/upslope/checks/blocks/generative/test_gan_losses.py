"""What discriminator_loss and generator_loss must do."""

import math

import torch
from torch.nn import functional as F

from upslope.blocks.generative import gan_losses
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
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

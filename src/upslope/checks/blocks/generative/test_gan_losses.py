"""What discriminator_loss and generator_loss must do."""

import math

import torch
from torch.nn import functional as F

from upslope.blocks.generative import gan_losses
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, leaf, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Logits of real and of generated images.
SHAPES = (((2,), (2,)), ((1,), (3,)), ((4,), (2,)), ((3, 1), (5, 1)), ((2, 1, 3, 3), (1, 1, 3, 3)))


def softplus(t):
    """ln(1 + e^t) by Python's math, in the form that cannot overflow."""
    return max(t, 0.0) + math.log1p(math.exp(-abs(t)))


def mean_cost(logits, *, real):
    """The mean of -ln D or of -ln(1 - D) over these logits, one by one."""
    costs = [softplus(-t if real else t) for t in logits.ravel().tolist()]
    return math.fsum(costs) / len(costs)


def pytorchs(logits, *, real):
    """The same by PyTorch's binary cross-entropy."""
    t = tensor(logits)
    return F.binary_cross_entropy_with_logits(t, torch.full_like(t, float(real)))


@grades(gan_losses.discriminator_loss)
def test_discriminator_shape_and_dtype(rng):
    """a scalar of the logits' dtype"""
    for dtype in ("float32", "float64"):
        real, fake = (tensor(some(rng, 3, 1), getattr(torch, dtype)) for _ in range(2))
        tensor_of(gan_losses.discriminator_loss(real, fake), (), dtype=dtype, case=f"{dtype} logits of shape (3, 1)")


@grades(gan_losses.discriminator_loss)
def test_discriminator_by_hand(rng):
    """ln 3 for a real image and -ln 3 for a generated one cost 0.5754; knowing nothing costs 2 ln 2"""
    third = math.log(3)
    for real, fake, expected in (
        ([third], [-third], -2 * math.log(3 / 4)),
        ([-third], [third], -2 * math.log(1 / 4)),
        ([third], [third], -math.log(3 / 4) - math.log(1 / 4)),
        ([0.0], [0.0], 2 * math.log(2)),
    ):
        got = gan_losses.discriminator_loss(tensor(real), tensor(fake))
        close(got, expected, case=f"real logits {spelled(real)}, fake logits {spelled(fake)}")


@grades(gan_losses.discriminator_loss)
def test_discriminator_random(rng):
    """random logits: the mean over the real ones plus that over the generated ones, also of other counts"""
    for ours, theirs in SHAPES:
        real, fake = some(rng, *ours, spread=2), some(rng, *theirs, spread=2)
        case = f"real logits {spelled(real)}, fake logits {spelled(fake)}"
        got = gan_losses.discriminator_loss(tensor(real), tensor(fake))
        close(got, mean_cost(real, real=True) + mean_cost(fake, real=False), case=case)
        close(got, pytorchs(real, real=True) + pytorchs(fake, real=False), case=case)


@grades(gan_losses.discriminator_loss)
def test_discriminator_gradient(rng):
    """the gradients of both kinds of logits agree with finite differences"""
    for ours, theirs in SHAPES[:4]:
        inputs = {"real_logits": some(rng, *ours), "fake_logits": some(rng, *theirs)}
        case = f"real logits {spelled(inputs['real_logits'])}, fake logits {spelled(inputs['fake_logits'])}"
        gradients(gan_losses.discriminator_loss, inputs, rng=rng, case=case)


@grades(gan_losses.discriminator_loss)
def test_discriminator_large(rng):
    """logits of +-1000: losses and gradients are finite"""
    for real, fake, expected, slopes in ((-1000.0, 1000.0, 2000.0, (-1.0, 1.0)), (1000.0, -1000.0, 0.0, (0.0, 0.0))):
        r, f = leaf([real]), leaf([fake])
        case = f"real logit {real:g}, fake logit {fake:g}"
        out = gan_losses.discriminator_loss(r, f)
        close(out, expected, case=case)
        out.backward()
        close(r.grad, [slopes[0]], case=f"{case}: gradient of the real logit")
        close(f.grad, [slopes[1]], case=f"{case}: gradient of the fake logit")


@grades(gan_losses.generator_loss)
def test_generator_shape_and_dtype(rng):
    """a scalar of the logits' dtype"""
    for dtype in ("float32", "float64"):
        fake = tensor(some(rng, 3, 1), getattr(torch, dtype))
        tensor_of(gan_losses.generator_loss(fake), (), dtype=dtype, case=f"{dtype} logits of shape (3, 1)")


@grades(gan_losses.generator_loss)
def test_generator_by_hand(rng):
    """a logit of -ln 3 costs ln 4, one of ln 3 costs ln(4/3)"""
    third = math.log(3)
    for fake, expected in (([-third], math.log(4)), ([third], math.log(4 / 3)), ([0.0, -third], math.log(8) / 2)):
        close(gan_losses.generator_loss(tensor(fake)), expected, case=f"fake logits {spelled(fake)}")


@grades(gan_losses.generator_loss)
def test_generator_random(rng):
    """random logits: the mean of -ln D"""
    for _, shape in SHAPES:
        fake = some(rng, *shape, spread=2)
        got = gan_losses.generator_loss(tensor(fake))
        close(got, mean_cost(fake, real=True), case=f"fake logits {spelled(fake)}")
        close(got, pytorchs(fake, real=True), case=f"fake logits {spelled(fake)}")


@grades(gan_losses.generator_loss)
def test_generator_gradient(rng):
    """the gradient agrees with finite differences"""
    for _, shape in SHAPES[:4]:
        fake = some(rng, *shape)
        gradients(gan_losses.generator_loss, {"fake_logits": fake}, rng=rng, case=f"fake logits {spelled(fake)}")


@grades(gan_losses.generator_loss)
def test_generator_does_not_saturate(rng):
    """a fake that is found out for sure still has a gradient of -1; logits of +-1000 stay finite"""
    for fake, expected, slope in ((-1000.0, 1000.0, -1.0), (1000.0, 0.0, 0.0), (-30.0, softplus(30.0), -1.0)):
        t = leaf([fake])
        out = gan_losses.generator_loss(t)
        close(out, expected, case=f"fake logit {fake:g}")
        out.backward()
        close(t.grad, [slope], case=f"fake logit {fake:g}: gradient")


@grades(gan_losses.discriminator_loss)
def test_discriminator_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(gan_losses.discriminator_loss, [some(rng, *s), some(rng, *s)]) for s in ((2, 3), (4, 1)))
    keeps_laws(*calls, tensor=laid)


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
        "generated images count as real ones": ("softplus(fake_logits)", "softplus(-fake_logits)"),
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
        "the loss has a dimension: it is no scalar": ("return missed + fooled", "return (missed + fooled)[None]"),
        "the loss is always float64": ("softplus(-real_logits)", "softplus(-real_logits.double())"),
    },
)


@grades(gan_losses.generator_loss)
def test_generator_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(gan_losses.generator_loss, [some(rng, *shape)]) for shape in ((2, 3), (4, 1)))
    keeps_laws(*calls, tensor=laid)


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
        "the logit itself, without a logarithm: this is the loss of another GAN": (
            "softplus(-fake_logits)",
            "-fake_logits",
        ),
        "the losses are summed over the images, not averaged": ("costs.mean()", "costs.sum()"),
        "cut from the graph: the generator learns nothing": ("return costs.mean()", "return costs.mean().detach()"),
        "the loss has a dimension: it is no scalar": ("return costs.mean()", "return costs.mean()[None]"),
    },
)

"""The two losses of a generative adversarial network, from logits, and a penalty on the discriminator's slope.

I. Goodfellow et al., "Generative Adversarial Networks", 2014, https://arxiv.org/abs/1406.2661, section 3. For the
discriminator's logit t, sigmoid(t) is the probability that an image comes from the data.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real_logits: Float[Tensor, "*N"], fake_logits: Float[Tensor, "*M"]) -> Float[Tensor, ""]:
    """-mean log D(x) - mean log(1 - D(G(z))), with D = sigmoid of the logit: what the discriminator brings down.

    `real_logits` belong to images of the data, `fake_logits` to generated ones; each mean is over its own logits, of
    which there may be different numbers. Logits of +-1000 give no infinity and no nan. For the real logit ln 3 and the
    fake logit -ln 3, D is 3/4 and 1/4, and the loss -2 ln(3/4) = 0.5754; where D says 1/2 to all, it is 2 ln 2.
    Goodfellow et al. 2014, equation 1 with the sign turned.
    """
    # -log sigmoid(t) is softplus(-t): a real image costs where its logit is low.
    missed = softplus(-real_logits).mean()
    # -log(1 - sigmoid(t)) is softplus(t): a generated one costs where its logit is high.
    fooled = softplus(fake_logits).mean()
    # Both kinds weigh the same, however many there are of each.
    return missed + fooled


def generator_loss(fake_logits: Float[Tensor, "*N"]) -> Float[Tensor, ""]:
    """-mean log D(G(z)): what the generator brings down, without saturating.

    `fake_logits` are the discriminator's for generated images. Where it is sure that one is fake (t = -1000) the loss
    is 1000 and its gradient -1 for that image; log(1 - D), which is what the two play for, has a gradient of 0 there.
    Logits of +-1000 give no infinity and no nan. For a fake logit of -ln 3, D is 1/4, the loss ln 4 = 1.3863 and its
    gradient -3/4. Goodfellow et al. 2014, section 3, the last paragraph.
    """
    # The generator wants its images to be taken for real: each costs -log sigmoid(t), which is softplus(-t).
    costs = softplus(-fake_logits)
    # The mean over the images.
    return costs.mean()


def r1_penalty(real_logits: Float[Tensor, "B 1"], real: Float[Tensor, "B *S"]) -> Float[Tensor, ""]:
    """The mean over the samples of |d logit / d sample|^2: how steep the discriminator is where the data are.

    `real_logits` were computed from `real`, images or points, which wants a gradient; the squares are summed over all
    numbers of a sample. The result has a graph of its own, so it can be brought down; no gradient is left anywhere. For
    the logit 3 x1 + 4 x2 the penalty is 9 + 16 = 25 everywhere. L. Mescheder et al. 2018,
    https://arxiv.org/abs/1801.04406, equation 9, without its factor of gamma / 2.
    """
    # A logit depends on its own sample only, so the gradient of the sum holds each sample's own.
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    # Squared length over all numbers of a sample, averaged over the samples.
    return slope.square().flatten(1).sum(dim=1).mean()

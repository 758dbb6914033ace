"""Variational inference with an encoder: what an autoencoder needs to become a model of the data's density.

D. P. Kingma, M. Welling, "Auto-Encoding Variational Bayes", 2013, https://arxiv.org/abs/1312.6114 (K&W below);
Y. Burda, R. Grosse, R. Salakhutdinov, "Importance Weighted Autoencoders", 2015, https://arxiv.org/abs/1509.00519.

- The encoder gives a diagonal Gaussian q(z|x); the prior p(z) is the standard normal distribution.
- Everything is in nats, one number for each sample: averaging over the batch is left to the caller.
- Left out: other posteriors and priors, full covariances, the doubly reparameterized gradient of the bound.
"""

import math

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def reparameterize(
    mean: Float[Tensor, "*B D"], log_variance: Float[Tensor, "*B D"], noise: Float[Tensor, "*K D"]
) -> Float[Tensor, "*K D"]:
    """mean + exp(log_variance / 2) * noise: a sample of N(mean, exp(log_variance)), differentiable in both.

    `noise` is standard normal and drawn by the caller. It may have more dimensions in front, (K, B, D): then there are
    K samples for each mean. Nothing is changed in place. With mean 1, log_variance ln 4 and noise 1.5 the sample is
    1 + 2 * 1.5 = 4. K&W, section 2.4.
    """
    # Half of the logarithm of the variance is the logarithm of the standard deviation, which is thus always positive.
    deviation = (0.5 * log_variance).exp()
    # The noise is scaled and moved; that it is random is no part of the graph, so gradients reach mean and deviation.
    return mean + deviation * noise


def gaussian_kl(mean: Float[Tensor, "*B D"], log_variance: Float[Tensor, "*B D"]) -> Float[Tensor, "*B"]:
    """KL(N(mean, exp(log_variance)) || N(0, I)) in nats: the sum over D of (mean^2 + variance - log_variance - 1) / 2.

    One number for each sample; never negative, and 0 where mean and log_variance are 0. For mean [1, 0] and
    log_variance [0, ln 4] it is 0.5 + (4 - ln 4 - 1) / 2 = 1.3069. K&W, appendix B.
    """
    # What each latent pays for its mean, for being wide, and for being narrow; the 1 makes the prior itself cost 0.
    each = mean.square() + log_variance.exp() - log_variance - 1
    # The latents are independent, so that their divergences add up.
    return 0.5 * each.sum(dim=-1)


def bernoulli_log_likelihood(logits: Float[Tensor, "*K D"], x: Float[Tensor, "*B D"]) -> Float[Tensor, "*K"]:
    """log p(x) in nats of D independent pixels, each 1 with probability sigmoid(logit).

    It is the sum over D of x * logit - softplus(logit), softplus(a) = log(1 + exp(a)). `logits` may have more
    dimensions in front than `x`, (K, B, D) against (B, D). Logits of +-1000 give no nan, and cost 0 where x agrees
    with them. Logits [0, ln 3] and x = [1, 0] give ln 0.5 + ln 0.25, which is -2.0794. K&W, appendix C.1.
    """
    # log sigmoid(a) = a - softplus(a) for a pixel of 1, and log(1 - sigmoid(a)) = -softplus(a) for one of 0.
    each = x * logits - F.softplus(logits)
    # Independent pixels: their logarithms add up.
    return each.sum(dim=-1)


def importance_weighted_bound(
    log_likelihood: Float[Tensor, "K B"],
    z: Float[Tensor, "K B D"],
    mean: Float[Tensor, "B D"],
    log_variance: Float[Tensor, "B D"],
) -> Float[Tensor, " B"]:
    """A lower bound of log p(x) from K samples z of q(z|x): log (1/K) sum_k w_k, w_k = p(x|z_k) p(z_k) / q(z_k|x).

    q is N(mean, exp(log_variance)), p(z) is N(0, I), and `log_likelihood` holds log p(x|z_k), in nats. One sample gives
    the usual bound (ELBO); more samples make it tighter, and where q is the exact posterior any number gives log p(x).
    Weights of exp(-1000) give no infinity. For two samples z = 0 of q = N(0, 1) with log likelihoods ln 0.2 and ln 0.4
    it is ln 0.3 = -1.2040. Burda et al. 2015, equation 8.
    """
    # log p(z) and log q(z|x), (K, B); both hold -D/2 ln(2 pi), which their difference does not.
    log_prior = -0.5 * z.square().sum(dim=-1)
    squares = (z - mean).square() / log_variance.exp()
    log_posterior = -0.5 * (squares + log_variance).sum(dim=-1)
    # The logarithm of each weight.
    log_weights = log_likelihood + log_prior - log_posterior
    # The logarithm of their mean over the K samples, without leaving the logarithms.
    return log_weights.logsumexp(dim=0) - math.log(len(log_weights))

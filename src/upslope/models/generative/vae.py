"""VAE, the variational autoencoder: an encoder and a decoder that together are a model of the data's density.

D. P. Kingma, M. Welling, "Auto-Encoding Variational Bayes", 2013, https://arxiv.org/abs/1312.6114.

- The encoder gives a Gaussian q(z|x) with a diagonal covariance; the decoder gives the logit of every pixel (appendix
  C.1 and C.2). Trained together by the evidence lower bound, section 2.3.
- `tanh` with hidden layers of 500 units is the paper's, of twice 200 that of Burda, Grosse and Salakhutdinov 2015
  (https://arxiv.org/abs/1509.00519, one stochastic layer); `silu` trains faster.
- In evaluation z is the posterior's mean, unless noise is given: encoder and decoder are then a plain function.
- Left out: Gaussian decoders, convolutions, richer posteriors and priors.
"""

import itertools
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from upslope.blocks.generative.variational import bernoulli_log_likelihood, gaussian_kl, reparameterize
from upslope.cards import Input, ModelCard, Size


class VAEOutput(NamedTuple):
    """What one pass gives."""

    reconstruction: Float[Tensor, "B C H W"]  # a logit for each pixel
    mean: Float[Tensor, "B D"]  # of q(z|x)
    log_variance: Float[Tensor, "B D"]


class VAE(nn.Module):
    """Images of a fixed shape with pixels in [0, 1], through `latent` numbers, to the logits of their pixels."""

    def __init__(
        self,
        *,
        shape: tuple[int, int, int] = (1, 28, 28),
        hidden: tuple[int, ...] = (512, 512),
        latent: int = 32,
        activation: Literal["silu", "tanh"] = "silu",
    ) -> None:
        super().__init__()
        if min(shape) < 1 or min(hidden, default=0) < 1 or latent < 1:
            raise ValueError(f"shape={shape}, hidden={hidden}, latent={latent}: at least one of each, none below 1")
        self.shape, self.latent = tuple(shape), latent
        pixels = torch.Size(shape).numel()
        self.encoder = _layers((pixels, *hidden), 2 * latent, activation)
        self.decoder = _layers((latent, *reversed(hidden)), pixels, activation)

    def encode(self, x: Num[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """The mean and the logarithm of the variance of q(z|x)."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"images of shape {tuple(x.shape[1:])}, and this network was made for {self.shape}")
        # Most pixels are 0, and a weight learns nothing of an input of 0: so they are given as -1.
        pixels = 2 * x.flatten(1).to(next(self.parameters()).dtype) - 1
        mean, log_variance = self.encoder(pixels).chunk(2, dim=-1)
        return mean, log_variance

    def decode(self, z: Float[Tensor, "*B D"]) -> Float[Tensor, "*B C H W"]:
        """The logit of every pixel; `z` may have any number of dimensions in front."""
        return self.decoder(z).unflatten(-1, self.shape)

    def forward(self, x: Num[Tensor, "B C H W"], *, noise: Float[Tensor, "B D"] | None = None) -> VAEOutput:
        """Through one sample of q(z|x), by `noise` where it is given, or in evaluation through the mean."""
        mean, log_variance = self.encode(x)
        if noise is None and self.training:
            noise = torch.randn_like(mean)
        z = mean if noise is None else reparameterize(mean, log_variance, noise)
        return VAEOutput(self.decode(z), mean, log_variance)

    @torch.no_grad()
    def sample(self, count: int, *, generator: torch.Generator) -> Float[Tensor, "N C H W"]:
        """New images: the probability of each pixel, in [0, 1], for latents drawn from the prior on the CPU."""
        z = torch.randn(count, self.latent, generator=generator)
        parameter = next(self.parameters())
        return self.decode(z.to(parameter)).sigmoid()


def negative_elbo(outputs: VAEOutput, x: Num[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """The loss: the negative evidence lower bound of `x` in nats, in the mean over the batch (equation 10)."""
    logits = outputs.reconstruction.flatten(1)
    log_likelihood = bernoulli_log_likelihood(logits, x.flatten(1).to(logits.dtype))
    return (gaussian_kl(outputs.mean, outputs.log_variance) - log_likelihood).mean()


def _layers(widths: tuple[int, ...], out: int, activation: str) -> nn.Sequential:
    """Linear layers of these widths, each followed by the activation, and a last one without."""
    kind = {"silu": nn.SiLU, "tanh": nn.Tanh}[activation]
    layers: list[nn.Module] = []
    for width, following in itertools.pairwise(widths):
        layers += [nn.Linear(width, following), kind()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], out))


MNIST = (Input(shape=(1, 28, 28), dtype="int64", high=2),)  # black and white

# Encoder and decoder by the layer sizes of the papers: weights and biases of each linear layer.
CARD = ModelCard(
    name="vae",
    title="Variational autoencoder",
    paper="Kingma and Welling 2013",
    link="https://arxiv.org/abs/1312.6114",
    domain="generative",
    builder="VAE",
    sizes={
        "toy": Size(
            arguments={"shape": (1, 16, 16), "hidden": (48,), "latent": 4},
            inputs=(Input(shape=(1, 16, 16), dtype="int64", high=2),),
            outputs={"reconstruction": (1, 16, 16), "mean": (4,), "log_variance": (4,)},
        ),
        "vae-mnist": Size(
            arguments={},
            inputs=MNIST,
            outputs={"reconstruction": (1, 28, 28), "mean": (32,), "log_variance": (32,)},
            parameters=1_379_152,
            counted_by="hand: 401,920 + 262,656 + 32,832 in the encoder, 16,896 + 262,656 + 402,192 in the decoder",
        ),
        "vae-kingma2013": Size(
            arguments={"hidden": (500,), "latent": 20, "activation": "tanh"},
            inputs=MNIST,
            outputs={"reconstruction": (1, 28, 28), "mean": (20,), "log_variance": (20,)},
            parameters=815_824,
            counted_by="the layer sizes of the paper",
        ),
        "vae-burda2015": Size(
            arguments={"hidden": (200, 200), "latent": 50, "activation": "tanh"},
            inputs=MNIST,
            outputs={"reconstruction": (1, 28, 28), "mean": (50,), "log_variance": (50,)},
            parameters=425_284,
            counted_by="the layer sizes of the paper",
        ),
    },
    differs_in_training=("VAE",),
    loss="negative_elbo",
)

"""With precision=bf16 networks multiply in 16 bits, but losses are computed of 32: gradients as exact as 16 bits allow.

A network that only says numbers that 16 bits can hold takes every other error away. What is left of the difference to
a training in 32 bits is then the rounding of each gradient on its way back into the network: a half of 2^-8.
"""

import pytest
import torch
from torch import nn

from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel, Image
from upslope.models.generative.vae import VAEOutput
from upslope.training.tasks.autoencoder import Autoencoder
from upslope.training.tasks.image_classification import ImageClassification
from upslope.training.tasks.reinforcement_learning import ReinforcementLearning
from upslope.training.tasks.task import Task, in_float32
from upslope.training.tasks.text_generation import TextGeneration
from upslope.training.tasks.unconditional_image_generation import Adversarial

pytestmark = pytest.mark.needs("torch")

HALF_A_STEP = 2.0**-8
B, K = 32, 10


class Says(nn.Module):
    """Whatever it is asked, it says its parameters: in 16 bits, or in 32."""

    def __init__(self, *shapes, bits, wrap=lambda *parts: parts[0], seed=0):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        numbers = [3 * torch.randn(shape, generator=draw) for shape in shapes]
        self.parts = nn.ParameterList([x.bfloat16().float() for x in numbers])
        self.bits, self.wrap = bits, wrap
        self.latent, self.context = 4, 8

    def forward(self, *_, noise=None):
        said = list(self.parts)
        return self.wrap(*(x.bfloat16() if self.bits == 16 else x for x in said))


def classification(bits):
    torch.manual_seed(0)
    pixels, labels = torch.rand(B, 4, 4), torch.randint(0, K, (B,))
    columns = {"image": pixels.clone().numpy(), "label": labels.clone().numpy()}
    rows = Dataset(columns, {"image": Image((4, 4)), "label": ClassLabel(tuple("0123456789"))})
    network = Says((B, K), bits=bits)
    return network, ImageClassification(network, train=rows, label_smoothing=0.1).forward(
        {"image": pixels[:, None], "label": labels}
    )


def text(bits):
    network = Says((B, 8, 65), bits=bits)
    torch.manual_seed(0)
    tokens = torch.randint(0, 65, (B, 8))
    return network, TextGeneration(network).forward({"tokens": tokens, "next": tokens})


def autoencoder(bits):
    torch.manual_seed(0)
    images = torch.rand(B, 1, 8, 8)
    rows = Dataset({"image": images[:, 0].numpy()}, {"image": Image((8, 8))})
    network = Says((B, 1, 8, 8), (B, 4), (B, 4), bits=bits, wrap=VAEOutput)
    return network, Autoencoder(network, train=rows).forward({"image": images.round()})


def q_learning(bits):
    torch.manual_seed(0)
    task = ReinforcementLearning.__new__(ReinforcementLearning)
    network = Says((B, 2), bits=bits)
    Task.__init__(task, network)
    task.gamma, task.target = 0.99, Says((B, 2), bits=bits, seed=1)
    seen = torch.zeros(B, 4)
    batch = {"observations": seen, "next_observations": seen, "actions": torch.randint(0, 2, (B,))}
    return network, task.forward({**batch, "returns": torch.randn(B), "discounts": torch.full((B,), 0.9)})


def adversarial(bits):
    task = Adversarial.__new__(Adversarial)
    Task.__init__(task, nn.Identity())
    real, fake = Says((B,), bits=bits), Says((B,), bits=bits, seed=1)
    task.discriminator = lambda images: real() if images.any() else fake()
    outputs = task.forward({"real": torch.ones(B, 1), "fake": torch.zeros(B, 1)})
    real.parts.extend(fake.parts)
    return real, outputs


def adversarial_turn_of_the_generator(bits):
    task = Adversarial.__new__(Adversarial)
    Task.__init__(task, nn.Identity())
    network = task.discriminator = Says((B,), bits=bits)
    return network, task.forward({"fake": torch.zeros(B, 1)})


@pytest.mark.parametrize(
    "of", [classification, text, autoencoder, q_learning, adversarial, adversarial_turn_of_the_generator]
)
def test_gradients_in_sixteen_bits_are_those_of_thirty_two_but_for_rounding(of):
    gradients = {}
    for bits in (16, 32):
        network, outputs = of(bits)
        assert all(value.dtype == torch.float32 for value in outputs.values())
        outputs["loss"].backward()
        gradients[bits] = torch.cat([part.grad.flatten() for part in network.parts])
    assert gradients[32].abs().sum() > 0
    apart = (gradients[16] - gradients[32]).abs()
    assert (apart <= HALF_A_STEP * gradients[32].abs() + 1e-12).all()


def test_only_fewer_bits_become_more():
    kept = torch.arange(3), torch.zeros(2, dtype=torch.float64), "word"
    out = in_float32({"a": torch.zeros(2, dtype=torch.bfloat16), "b": kept})
    assert out["a"].dtype == torch.float32
    assert all(one is other for one, other in zip(out["b"], kept, strict=True))

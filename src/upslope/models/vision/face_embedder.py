"""A small network that turns a picture of a face into a vector, its embedding.

The idea of comparing faces by learned vectors: F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet", 2015,
https://arxiv.org/abs/1503.03832. The end, a linear layer and batch norm over all places of the last maps, is that
of J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace", 2019, https://arxiv.org/abs/1801.07698, section 3.1.

- Four stages of a 3 x 3 convolution, batch norm, ReLU and maxima over 2 x 2, each with twice as many channels.
- A picture is first brought to mean 0 and deviation 1 by itself: how bright it is says nothing about who it is.
- Where a feature is counts: faces are cropped alike, and eyes are above the mouth. So there is no global pooling.
- `embed` adds the embeddings of a picture and of its mirror image, and gives the sum the length 1.
- Left out: the papers' hundred layers, millions of pictures, dropout, and their alignment by eyes, nose and mouth.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.initialization import he_normal_
from upslope.cards import Input, ModelCard, Size


class FaceEmbedder(nn.Module):
    """Pictures of `side` x `side` pixels to embeddings; of these only the direction counts."""

    def __init__(
        self,
        *,
        side: int = 64,
        in_channels: int = 1,
        widths: tuple[int, ...] = (16, 32, 64, 128),
        dim: int = 64,
    ) -> None:
        super().__init__()
        last = side // 2 ** len(widths)
        if last < 1:
            raise ValueError(f"side={side} is too small: {len(widths)} stages halve it to less than one pixel")
        self.dim = dim
        self.trunk = nn.Sequential()
        for before, width in zip((in_channels, *widths), widths, strict=False):
            conv = nn.Conv2d(before, width, 3, padding=1, bias=False)
            he_normal_(conv.weight, mode="fan_out")
            self.trunk.append(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.MaxPool2d(2)))
        self.head = nn.Linear(widths[-1] * last * last, dim, bias=False)
        self.norm = nn.BatchNorm1d(dim)

    def forward(self, x: Float[Tensor, "B C S S"]) -> Float[Tensor, "B D"]:
        std, mean = torch.std_mean(x, dim=(1, 2, 3), keepdim=True, correction=0)
        x = self.trunk((x - mean) / (std + 1e-3))  # (B, 128, S/16, S/16)
        return self.norm(self.head(x.flatten(1)))


def embed(model: nn.Module, x: Float[Tensor, "B C S S"]) -> Float[Tensor, "B D"]:
    """Embeddings of length 1, the same for a picture and its mirror image: dot products are cosines."""
    return F.normalize(model(x) + model(x.flip(3)))


CARD = ModelCard(
    name="face-embedder",
    title="A small face embedder",
    paper="after Schroff et al. 2015 and Deng et al. 2019",
    link="https://arxiv.org/abs/1801.07698",
    domain="vision",
    builder="FaceEmbedder",
    sizes={
        "toy": Size(
            arguments={"side": 16, "widths": (8, 16), "dim": 8}, inputs=(Input(shape=(1, 16, 16)),), output=(8,)
        ),
        "face-embedder-64": Size(
            arguments={},
            inputs=(Input(shape=(1, 64, 64)),),
            output=(64,),
            parameters=228_592,
            counted_by="hand: 144 + 4,608 + 18,432 + 73,728 in convolutions, 480 in norms, 131,072 + 128 in the head",
        ),
    },
    differs_in_training=("BatchNorm2d", "BatchNorm1d"),
)

"""A small residual network over log-mel spectrograms.

S. Hershey et al., "CNN Architectures for Large-Scale Audio Classification", 2017, https://arxiv.org/abs/1609.09430,
which puts image networks on log-mel patches; the blocks are those of K. He et al. 2015,
https://arxiv.org/abs/1512.03385.

- A convolution that halves bands and frames, then stages of one residual block each; the mean over what is left, so
  that any length fits.
- For a thousand recordings in place of millions: three stages of 16, 32 and 64 channels, where the paper has ResNet-50.
- The parameters lie channels-last in memory, in which convolutions are fastest.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.pooling import global_average_pool
from upslope.blocks.residual import BasicBlock
from upslope.cards import Input, ModelCard, Size


class MelResNet(nn.Module):
    """Spectrograms (B, bands, frames) of any size to logits (B, num_classes)."""

    def __init__(self, *, num_classes: int = 10, widths: tuple[int, ...] = (16, 32, 64), dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, widths[0], 5, stride=2, padding=2, bias=False)
        self.norm1 = nn.BatchNorm2d(widths[0])
        before = (widths[0], *widths[:-1])
        self.stages = nn.Sequential(
            *(
                BasicBlock(narrow, wide, stride=1 if stage == 0 else 2)
                for stage, (narrow, wide) in enumerate(zip(before, widths, strict=True))
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], num_classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B F T"]) -> Float[Tensor, "B K"]:
        x = self.norm1(self.conv1(x.unsqueeze(1))).relu()  # (B, C, F / 2, T / 2)
        x = self.stages(x)  # (B, D, F / 8, T / 8) after three stages
        return self.head(self.dropout(global_average_pool(x)))


CARD = ModelCard(
    name="mel-resnet",
    title="Residual network on log-mel spectrograms",
    paper="after Hershey et al. 2017",
    link="https://arxiv.org/abs/1609.09430",
    domain="audio",
    builder="MelResNet",
    sizes={
        "toy": Size(arguments={"widths": (4, 6), "dropout": 0.2}, inputs=(Input(shape=(12, 16)),), output=(10,)),
        "mel-resnet-10": Size(
            arguments={"widths": (16, 32, 64)},
            inputs=(Input(shape=(40, 64)),),
            output=(10,),
            parameters=78_010,
            counted_by="hand: 400 + 73,728 + 2,560 in convolutions, 672 in norms, 650 in the head",
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
)

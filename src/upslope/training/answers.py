"""What a trained network says about pictures."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.data.loading.arrays import Arrays


@torch.no_grad()
def probabilities(
    model: nn.Module, pictures: Float[Tensor, "N C H W"], *, precision: str = "32", batch_size: int = 500
) -> NDArray[np.float32]:
    """What the network believes of each picture: (N, classes). It is asked in evaluation mode, and left as it was."""
    before = model.training
    model.eval()
    device = next(model.parameters()).device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        scores = [model(piece.to(device)).float().cpu() for piece in torch.split(pictures, batch_size)]
    model.train(before)
    return torch.cat(scores).softmax(dim=1).numpy()


def accuracy(answers: NDArray[np.float32], data: Arrays) -> float:
    """The share of pictures whose most probable class is right."""
    return float((answers.argmax(axis=1) == data.labels).mean())


def confusion(answers: NDArray[np.float32], data: Arrays) -> NDArray[np.int64]:
    """How often each true class (row) was taken for each class (column)."""
    counts = np.zeros((len(data.classes), len(data.classes)), dtype=np.int64)
    np.add.at(counts, (data.labels, answers.argmax(axis=1)), 1)
    return counts

"""A network of pictures that standardizes them itself: whoever uses its file gives pixels in [0, 1]."""

from typing import TYPE_CHECKING, cast

from upslope.runs.model_spec import ModelSpec

if TYPE_CHECKING:
    from torch import nn


def standardized(model: "nn.Module", spec: ModelSpec) -> "nn.Module":
    """Pixels in [0, 1] in: the mean is subtracted and the standard deviation divided by inside."""
    import torch
    from torch import Tensor, nn

    from upslope.training.tasks.image_classification import standardize

    class Standardized(nn.Module):
        """Subtracts the mean, divides by the standard deviation, asks the network."""

        mean: Tensor
        std: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            for name in ("mean", "std"):
                value = torch.tensor(spec.preprocessing[name], dtype=torch.float32)
                self.register_buffer(name, value.reshape(-1, 1, 1))

        def forward(self, image: Tensor) -> Tensor:
            return cast(Tensor, self.model(standardize(image, self.mean, self.std)))

    return Standardized()

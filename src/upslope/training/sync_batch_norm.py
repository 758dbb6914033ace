"""Batch normalization over the batches of all processes: two half batches then give what one whole batch gives.

PyTorch's own SyncBatchNorm works on GPUs only; this one works wherever the processes can add tensors up.
"""

from typing import cast

import torch
from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import Tensor, nn
from torch import distributed as dist


class SharedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d with the mean and the variance of the pictures of all processes; all hold equally many."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        everywhere = dist.get_world_size()
        dims = (0, 2, 3)
        mean = summed(x.mean(dims)) / everywhere
        centred = x - mean[:, None, None]
        variance = summed(centred.square().mean(dims)) / everywhere
        with torch.no_grad():
            count = everywhere * x.numel() / x.shape[1]
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            assert self.momentum is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None, None] + self.bias[:, None, None]


class _Sum(torch.autograd.Function):
    """The sum over all processes. Each of them depends on every part, so the gradients are summed as well."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def setup_context(context: object, inputs: tuple[Tensor], output: Tensor) -> None:
        """Nothing of the forward is needed for the backward."""

    @staticmethod
    def backward(context: object, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def summed(x: Tensor) -> Tensor:
    """The sum of x over all processes, with its gradient."""
    return cast(Tensor, _Sum.apply(x))  # type: ignore[no-untyped-call]


class SharedBatchNorm(LayerSync):
    """Lightning's place for this: before training every BatchNorm2d shares its statistics, afterwards none does."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Turn the layers into shared ones; their parameters stay the same objects, so optimizers keep theirs."""
        for layer in model.modules():
            if type(layer) is nn.BatchNorm2d:
                layer.__class__ = SharedBatchNorm2d
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """The inverse of `apply`."""
        for layer in model.modules():
            if type(layer) is SharedBatchNorm2d:
                layer.__class__ = nn.BatchNorm2d  # type: ignore[assignment]
        return model

"""Global average pooling against PyTorch's adaptive pooling."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.nn import functional as F


def test_the_worked_number(blocks):
    assert blocks.pooling.global_average_pool(torch.tensor([[[[1.0, 2], [3, 6]]]])).tolist() == [[3]]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 1), (2, 3, 1, 7)], ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_equals_adaptive_pooling_to_one_pixel(blocks, generator, same_gradients, shape, layout):
    x = torch.randn(shape, generator=generator).to(memory_format=layout)
    same_gradients(blocks.pooling.global_average_pool, lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), x)

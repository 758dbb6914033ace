"""Attention rollout: the product of the layers' mixtures, by NumPy, and the map of a Vision Transformer."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch

from upslope.blocks.attention_weights import recorded_attention
from upslope.explain.rollout import attention_rollout, patches_of_class_token, rollout
from upslope.models.build import built


def test_by_numpy():
    rng = np.random.default_rng(0)
    tables = [rng.dirichlet(np.ones(5), size=(2, 3, 5)) for _ in range(4)]
    got = rollout([torch.from_numpy(table) for table in tables])
    for picture in range(2):
        halves = [0.5 * table[picture].mean(axis=0) + 0.5 * np.eye(5) for table in tables]
        expected = np.linalg.multi_dot(halves[::-1])
        np.testing.assert_allclose(got[picture].numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(got.sum(dim=-1).numpy(), 1, atol=1e-12)


def test_by_hand():
    table = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    assert rollout([table, table]).tolist() == [[[0.25, 0.75], [0, 1]]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fused", [False, True])
def test_the_map_has_the_patches_grid(channels, fused):
    model = built("vit-28", seed=2, in_channels=channels, fused=fused).module.eval()
    x = torch.rand(2, channels, 28, 28, generator=torch.Generator().manual_seed(0))
    got = attention_rollout(model, x, grid=(4, 4))
    assert got.shape == (2, 4, 4)
    with recorded_attention() as tables:
        model(x)
    whole = rollout(tables)
    torch.testing.assert_close(got.flatten(1).sum(dim=1) + whole[:, 0, 0], torch.ones(2), rtol=0, atol=1e-5)
    assert attention_rollout(model, x, grid=(4, 4)).equal(got)


def test_what_is_refused():
    with pytest.raises(ValueError, match="10 tokens are not a class token and 3 x 4 patches"):
        patches_of_class_token(torch.eye(10)[None], (3, 4))
    with pytest.raises(ValueError, match="the network computes no attention"):
        attention_rollout(built("resnet8", seed=0).module.eval(), torch.rand(1, 1, 28, 28), grid=(4, 4))

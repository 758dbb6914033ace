"""int8 layers beside float32's, and with a token that is a thousand times as large as the others."""

import warnings

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch import nn

from upslope.blocks.int8 import Int8Linear, quantize_rows, with_int8
from upslope.models.build import build


def test_rows_come_back_within_half_a_step():
    w = torch.randn(7, 30, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 3, 7)[:, None]
    w[3] = 0
    q, scale = quantize_rows(w)
    assert q.dtype == torch.int8
    assert ((q * scale[:, None] - w).abs() <= 0.5001 * scale[:, None]).all()
    assert set(q.abs().amax(dim=1).tolist()) == {0, 127}


def test_rows_are_those_of_pytorchs_observer():
    """torch.ao finds the same scales, and PyTorch's own quantized tensors hold the same whole numbers."""
    from torch.ao.quantization import PerChannelMinMaxObserver

    w = torch.randn(40, 60, generator=torch.Generator().manual_seed(0)) * torch.logspace(-2, 2, 40)[:, None]
    q, scale = quantize_rows(w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both are on their way to torchao
        observer = PerChannelMinMaxObserver(
            ch_axis=0, dtype=torch.qint8, qscheme=torch.per_channel_symmetric, quant_min=-127, quant_max=127
        )
        observer(w)
        scales, zeros = observer.calculate_qparams()
        theirs = torch.quantize_per_channel(w, scales, zeros, 0, torch.qint8).int_repr()
    assert not zeros.any()
    torch.testing.assert_close(scale, scales)
    assert torch.equal(q, theirs)


def test_halves_keep_their_signs():
    """In bfloat16's own few digits the largest weight of many a row would be 127.5, which is -128 in int8."""
    for dtype in (torch.float16, torch.bfloat16):
        w = 1e-3 * torch.randn(500, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
        q, scale = quantize_rows(w)
        assert scale.dtype == torch.float32
        assert (q.abs().amax(dim=1) == 127).all()
        assert ((q * scale[:, None] - w.float()).abs() <= 0.5001 * scale[:, None]).all()


def test_a_token_does_not_spoil_another():
    """One scale for all tokens would leave the small ones nothing but zeros."""
    generator = torch.Generator().manual_seed(0)
    w, x = torch.randn(20, 64, generator=generator), torch.randn(5, 64, generator=generator)
    x[2] *= 1000
    x[4] = 0
    exact, got = x @ w.T, Int8Linear(w)(x)
    error = (got - exact).abs().amax(dim=1) / exact.abs().amax(dim=1).clamp(min=1)
    assert error.max() < 0.03


def test_a_whole_model_says_nearly_the_same():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models = [build("llama-toy", tied=True).eval() for _ in range(2)]
    for parameter in models[0].parameters():
        nn.init.normal_(parameter, std=0.3)
    models[1].load_state_dict(models[0].state_dict())
    small = with_int8(models[1])
    assert not any(isinstance(module, nn.Linear) for module in small.modules())
    tokens = torch.randint(20, (2, 16), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact, got = models[0](tokens), small(tokens)
    assert not torch.equal(got, exact)
    assert (got - exact).abs().max() < 0.1 * exact.abs().max()

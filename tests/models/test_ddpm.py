"""DDPM's U-Net beside diffusers' UNet2DModel: same weights, same answers, same gradients."""

import os

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.models.build import build
from upslope.models.generative.ddpm import UNet

RESIDUAL = {"time": "time_emb_proj", "shortcut": "conv_shortcut"}
ATTENTION = {"norm": "group_norm", "projection": "to_out.0"}
OUTER = {
    "time.0": "time_embedding.linear_1",
    "time.2": "time_embedding.linear_2",
    "label": "class_embedding",
    "first": "conv_in",
    "norm": "conv_norm_out",
    "last": "conv_out",
}


def theirs(key, *, blocks):
    """The names that a parameter of ours has in diffusers: one, or three that are joined."""
    module, _, kind = key.rpartition(".")
    if module in OUTER:
        return [f"{OUTER[module]}.{kind}"]
    side, number, *rest = module.split(".")
    if side in ("shrink", "grow"):
        return [f"{'down' if side == 'shrink' else 'up'}_blocks.{number}.{side_of(side)}samplers.0.conv.{kind}"]
    if side == "middle":
        where = {"0": "resnets.0", "1": "attentions.0", "2": "resnets.1"}[number]
        part, (name,) = f"mid_block.{where}", rest
    else:
        level, within = divmod(int(number), blocks + (side == "up"))
        which, name = rest
        part = f"{side}_blocks.{level}.{'resnets' if which == '0' else 'attentions'}.{within}"
    if name == "qkv":
        return [f"{part}.to_{letter}.{kind}" for letter in "qkv"]
    names = ATTENTION if "attentions" in part else RESIDUAL
    return [f"{part}.{names.get(name, name)}.{kind}"]


def side_of(side):
    return "down" if side == "shrink" else "up"


@pytest.mark.needs("diffusers")
@pytest.mark.parametrize(("classes", "blocks"), [(3, 2), (0, 1)])
def test_it_is_diffusers_network(classes, blocks):
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import diffusers

    torch.manual_seed(0)
    ours = UNet(channels=2, widths=(8, 16, 16), blocks=blocks, attention=(1,), groups=4, dropout=0.0, classes=classes)
    other = diffusers.UNet2DModel(
        in_channels=2,
        out_channels=2,
        block_out_channels=(8, 16, 16),
        layers_per_block=blocks,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=None,
        norm_num_groups=4,
        norm_eps=1e-6,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        num_class_embeds=classes + 1 if classes else None,
    )
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    state = {}
    for key, value in ours.state_dict().items():
        names = theirs(key, blocks=blocks)
        state |= dict(zip(names, value.chunk(len(names)), strict=True))
    other.load_state_dict(state)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in other.parameters())
    x = torch.randn(3, 2, 16, 16)
    step, label = torch.tensor([0, 400, 999]), torch.tensor([0, 2, 3]) if classes else None
    got, expected = ours(x, step, label), other(x, step, class_labels=label).sample
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)
    upstream = torch.randn_like(got)
    got.backward(upstream)
    expected.backward(upstream)
    gradients = {name: parameter.grad for name, parameter in other.named_parameters()}
    for key, parameter in ours.named_parameters():
        joined = torch.cat([gradients[name] for name in theirs(key, blocks=blocks)])
        torch.testing.assert_close(parameter.grad, joined, rtol=1e-3, atol=1e-3)


def test_a_fresh_network_predicts_nothing_and_hears_step_and_class():
    torch.manual_seed(0)
    model = build("ddpm-toy").eval()
    x, step, label = torch.randn(2, 1, 8, 8), torch.tensor([0, 999]), torch.tensor([0, 3])
    assert not model(x, step, label).any()
    with torch.no_grad():
        model.last.weight.normal_()
    before = model(x, step, label)
    assert (model(x, step - torch.tensor([0, 1]), label) - before).abs().amax((1, 2, 3)).tolist()[0] == 0
    assert not torch.equal(model(x, step.flip(0), label), before)
    assert not torch.equal(model(x, step, label.flip(0)), before)
    assert model.no_class == 3


def test_folding_is_undone():
    """Squares of 2 x 2 pixels as channels: what comes in at a place goes out at that place."""
    torch.manual_seed(0)
    model = UNet(channels=1, widths=(8, 8), blocks=1, attention=(), groups=4, dropout=0.0, patch=2)
    with torch.no_grad():
        model.last.weight.normal_(std=0.1)
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    model(x, torch.tensor([5]))[0, 0, 9, 9].backward()
    far = x.grad.abs()[0, 0]
    assert far[8:10, 8:10].max() > 0
    assert model(x, torch.tensor([5])).shape == x.shape


def test_what_cannot_be_is_refused():
    model = build("ddpm-toy")
    x, step = torch.randn(1, 1, 8, 8), torch.tensor([1])
    with pytest.raises(ValueError, match=r"images of 7 x 8: 2 must divide both sides"):
        model(x[:, :, :7], step, step)
    with pytest.raises(ValueError, match="3 classes, and no label"):
        model(x, step)
    with pytest.raises(ValueError, match="0 classes, and a label"):
        UNet(channels=1, widths=(8,), blocks=1, attention=(), groups=4)(x, step, step)

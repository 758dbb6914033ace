"""diffusers' UNet2DModel with the weights of our U-Net: an oracle, and whom the benchmark runs beside."""

import os

from torch import nn

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


def theirs(key: str, *, blocks: int) -> list[str]:
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


def side_of(side: str) -> str:
    return "down" if side == "shrink" else "up"


def diffusers_unet(ours: nn.Module, *, widths: tuple[int, ...], attention: tuple[int, ...], groups: int) -> nn.Module:
    """The same network as ours, an upslope.models.generative.ddpm.UNet without dropout that folds no pixels."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import diffusers

    channels, kinds = ours.last.out_channels, ["AttnDown" if n in attention else "Down" for n in range(len(widths))]
    other = diffusers.UNet2DModel(
        in_channels=channels,
        out_channels=channels,
        block_out_channels=widths,
        layers_per_block=ours.blocks,
        down_block_types=tuple(f"{kind}Block2D" for kind in kinds),
        up_block_types=tuple(f"{kind.replace('Down', 'Up')}Block2D" for kind in reversed(kinds)),
        attention_head_dim=None,
        norm_num_groups=groups,
        norm_eps=1e-6,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        num_class_embeds=ours.classes + 1 if ours.classes else None,
    )
    state = {}
    for key, value in ours.state_dict().items():
        names = theirs(key, blocks=ours.blocks)
        state |= dict(zip(names, value.chunk(len(names)), strict=True))
    other.load_state_dict(state)
    return other

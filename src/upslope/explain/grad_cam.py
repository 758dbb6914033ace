"""Grad-CAM: which places of a network's last feature maps speak for a class.

R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017,
https://arxiv.org/abs/1610.02391, section 3.

- The weight of a map is the mean of the gradient of the class's logit over that map's places (equation 1); the maps are
  summed with these weights, and the ReLU keeps what speaks for the class (equation 2).
- Any layer will do whose output has places. Tokens of a Vision Transformer are laid out on the grid of their patches,
  and what is no patch, the class token, is left out.
- `last_maps` finds the layer: the last convolution that still has places, or what follows it at the same size.
- Left out: Guided Grad-CAM (section 3.2), which multiplies with a picture that hardly depends on the weights (Adebayo
  et al. 2018, https://arxiv.org/abs/1810.03292), and counterfactual maps (section 3.3).
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.transformer import EncoderBlock


def grad_cam(maps: Float[Tensor, "B C H W"], gradients: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
    """relu(sum over c of w_c * maps_c) with w_c the mean of gradients_c over its places (Selvaraju et al. 2017).

    `gradients` are those of each picture's class score with respect to its feature maps. A map whose growth would raise
    the score has a positive weight. What is left is at least 0; where no map speaks for the class it is 0 everywhere.

    Two maps, [[4, 0]] with gradients [[1, 3]] and [[6, 2]] with gradients [[-2, 0]]: the weights are 2 and -1, the sum
    is [[8 - 6, 0 - 2]] = [[2, -2]], and the result [[2, 0]]. Equations 1 and 2.
    """
    # How much a map as a whole moves the score: the mean of its gradients over height and width.
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    # The maps of each picture, summed with these weights.
    total = (weights * maps).sum(dim=1)
    # What speaks against the class, or for another one, is not shown.
    return total.relu()


def class_activation_map(
    model: nn.Module,
    x: Float[Tensor, "B C H W"],
    target: Int[Tensor, "B"],
    *,
    layer: nn.Module,
    grid: tuple[int, int] | None = None,
) -> Float[Tensor, "B h w"]:
    """Grad-CAM of each picture for its class in `target`, on the places of `layer`, a module of `model`.

    `grid` says how the last tokens lie in the picture where the layer gives a sequence (B, T, D). The model should be
    in evaluation mode; neither its gradients nor its hooks are touched.
    """
    kept: list[Tensor] = []

    def keep(module: nn.Module, given: Any, output: Tensor) -> Tensor:
        # What comes next gets a copy: an in-place ReLU behind the layer must not change what is kept.
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            # Pictures do not mix in evaluation, so the sum over the batch has each picture's own gradients.
            total = model(x).gather(1, target[:, None]).sum()
    finally:
        handle.remove()
    if len(kept) != 1:
        raise ValueError(f"the layer ran {len(kept)} times in one forward pass: take one that runs once")
    (gradients,) = torch.autograd.grad(total, kept)
    maps = kept[0].detach()
    if maps.ndim == 3 and grid is not None:
        maps, gradients = tokens_to_maps(maps, grid), tokens_to_maps(gradients, grid)
    if maps.ndim != 4:
        raise ValueError(f"the layer gives {tuple(maps.shape)}: feature maps are (B, C, H, W), or tokens with a grid")
    return grad_cam(maps, gradients)


def tokens_to_maps(tokens: Float[Tensor, "B T D"], grid: tuple[int, int]) -> Float[Tensor, "B D h w"]:
    """Tokens as feature maps on the grid of patches; those before the patches, the class token, are left out."""
    height, width = grid
    if tokens.shape[1] < height * width:
        raise ValueError(f"{tokens.shape[1]} tokens do not cover a grid of {height} x {width} patches")
    patches = tokens[:, tokens.shape[1] - height * width :]
    return patches.transpose(1, 2).reshape(len(tokens), -1, height, width)


def last_maps(model: nn.Module, x: Float[Tensor, "B C H W"]) -> tuple[nn.Module, tuple[int, int] | None]:
    """The layer that Grad-CAM looks at, found by one forward pass, and the grid of patches where it gives tokens.

    Of a convolutional network it is the last module that ends with maps of the size that the last convolution gave, and
    that runs once; of a Vision Transformer the norm in front of its last attention, behind which only the class token
    is read.
    """
    done: list[tuple[nn.Module, tuple[int, ...]]] = []

    def note(module: nn.Module, given: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            done.append((module, tuple(output.shape)))

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        with torch.no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    convolutions = [n for n, (module, shape) in enumerate(done) if isinstance(module, nn.Conv2d) and _places(shape) > 1]
    if not convolutions:
        raise ValueError("the network has no convolution whose maps have places, so Grad-CAM has nowhere to look")
    last = convolutions[-1]
    size = done[last][1][2:]
    blocks = [module for module in model.modules() if isinstance(module, EncoderBlock)]
    if blocks:
        return blocks[-1].norm1, (size[0], size[1])
    behind = [module for module, shape in done[last:] if len(shape) == 4 and shape[2:] == size]
    ran = [module for module, _ in done]
    return [module for module in behind if sum(module is other for other in ran) == 1][-1], None


def _places(shape: tuple[int, ...]) -> int:
    return shape[-1] * shape[-2] if len(shape) == 4 else 0

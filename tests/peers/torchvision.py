"""torchvision's networks beside ours with the same random weights, in a process of its own.

    python -P tests/peers/torchvision.py googlenet-bn-auxiliary evaluation

torchvision is a test-only oracle, installed with `--no-deps` in a folder of its own (`make peers`). Its wheels come
with operators made for another build of PyTorch, which do not load. What its Python code asks for at import is that
they are declared: with their schemas declared here it imports, and its classifiers, which use none of them, run.

Weights are drawn into torchvision's network and come to ours by the rules of the card, by which published files do.
Prints one line of JSON: the scale of the scores and the largest differences, of gradients relative to the largest one.
"""

import importlib
import json
import sys
import warnings
from collections.abc import Mapping
from types import ModuleType

import torch
from torch import Tensor, nn

from upslope.models.build import build, find
from upslope.models.checkpoints import translate
from upslope.models.pretrained import formats

# Ours -> theirs, and the side of a picture, which AlexNet and VGG do not leave open.
NETWORKS = {
    "alexnet": ("alexnet", 224),
    "vgg11": ("vgg11", 224),
    "vgg11-bn": ("vgg11_bn", 224),
    "vgg16": ("vgg16", 224),
    "googlenet-bn": ("googlenet", 95),
    "googlenet-bn-auxiliary": ("googlenet", 224),
    "inception-v3": ("inception_v3", 107),
    "inception-v3-auxiliary": ("inception_v3", 299),
    "efficientnet-b0": ("efficientnet_b0", 65),
    "efficientnet-b1": ("efficientnet_b1", 64),
    "efficientnet-b5": ("efficientnet_b5", 64),
}
# As torchvision registers them in C++ (torchvision/csrc/ops, version 0.28).
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "box_iou_rotated(Tensor boxes1, Tensor boxes2) -> Tensor",
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor",
    "qroi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor",
    "_roi_align_backward(Tensor grad, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "SymInt batch_size, SymInt channels, SymInt height, SymInt width, int sampling_ratio, bool aligned) -> Tensor",
    "roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> "
    "(Tensor, Tensor)",
    "_roi_pool_backward(Tensor grad, Tensor rois, Tensor argmax, float spatial_scale, SymInt pooled_height, "
    "SymInt pooled_width, SymInt batch_size, SymInt channels, SymInt height, SymInt width) -> Tensor",
    "ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
    "int sampling_ratio) -> (Tensor, Tensor)",
    "_ps_roi_align_backward(Tensor grad, Tensor rois, Tensor channel_mapping, float spatial_scale, "
    "SymInt pooled_height, SymInt pooled_width, int sampling_ratio, SymInt batch_size, SymInt channels, "
    "SymInt height, SymInt width) -> Tensor",
    "ps_roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width) -> "
    "(Tensor, Tensor)",
    "_ps_roi_pool_backward(Tensor grad, Tensor rois, Tensor channel_mapping, float spatial_scale, "
    "SymInt pooled_height, SymInt pooled_width, SymInt batch_size, SymInt channels, SymInt height, SymInt width) -> "
    "Tensor",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, "
    "SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, "
    "SymInt offset_groups, bool use_mask) -> Tensor",
    "_deform_conv2d_backward(Tensor grad, Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, "
    "SymInt groups, SymInt offset_groups, bool use_mask) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
)


def torchvision() -> ModuleType:
    """torchvision, with its operators declared where they did not load."""
    if not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in SCHEMAS:
            library.define(schema)
        globals()["declared"] = library  # its operators go when it goes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it finds missing around it
        return importlib.import_module("torchvision")


def theirs_of(name: str) -> nn.Module:
    """torchvision's network, with ten classes."""
    function, _ = NETWORKS[name]
    branched = function in ("googlenet", "inception_v3")
    more = {"aux_logits": name.endswith("auxiliary"), "init_weights": False} if branched else {}
    return getattr(torchvision().models, function)(weights=None, num_classes=10, **more)


def scatter(model: nn.Module) -> None:
    """Weights and batch statistics far from those of a fresh network, in which many mistakes do not show."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            drawn = torch.randn(tensor.shape, generator=generator)
            if not tensor.is_floating_point():
                continue
            if name.endswith("running_var"):
                tensor.copy_(0.5 + drawn.abs())
            elif tensor.ndim == 1:
                tensor.copy_(0.2 * drawn + (name.endswith("weight")))
            else:
                tensor.copy_(drawn * (2 / tensor[0].numel()) ** 0.5)


def without_chance(model: nn.Module) -> nn.Module:
    """Dropout and stochastic depth leave everything as it is."""
    for module in model.modules():
        for name in ("p", "rate"):
            if hasattr(module, name):
                setattr(module, name, 0.0)
    return model


def named(output: object) -> dict[str, Tensor]:
    """What a network gives, under our names; torchvision gives the later auxiliary first (vision #8736)."""
    if isinstance(output, Tensor):
        return {"logits": output}
    if isinstance(output, Mapping):
        return dict(output)
    found = output._asdict()  # type: ignore[attr-defined]
    names = {"logits": "logits", "aux_logits1": "aux1", "aux_logits2": "aux2", "aux_logits": "aux"}
    return {names[key]: value for key, value in found.items()}


def main(name: str, mode: str) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    found, size = find(name)
    card = next(one for one in found.card.sizes.values() if one.weights)
    own = next(iter(found.card.sizes[size].weights or card.weights))
    theirs, ours = without_chance(theirs_of(name)), without_chance(build(name, num_classes=10, **own.arguments))
    scatter(theirs)
    rules, training = formats(found)["torchvision"], mode == "training"
    ours.load_state_dict(translate(theirs.state_dict(), rules, ours.state_dict(), name="torchvision"))
    # Hundreds of layers with scattered weights multiply rounding, and two orders of the same sums differ by it; in
    # float64 what differs is a mistake.
    dtype = torch.float64
    theirs, ours = theirs.to(dtype).train(training), ours.to(dtype).train(training)
    side = NETWORKS[name][1]
    x = torch.randn(2, 3, side, side, dtype=dtype)
    expected, got = named(theirs(x)), named(ours(x))
    assert set(expected) == set(got), (list(expected), list(got))
    upstream = {key: torch.randn_like(value) for key, value in expected.items()}
    for outputs in (expected, got):
        torch.autograd.backward(list(outputs.values()), [upstream[key] for key in outputs])
    reached = {key: p.grad for key, p in theirs.named_parameters() if p.grad is not None}
    wanted = {key: p.grad for key, p in ours.named_parameters() if p.grad is not None}
    moved = translate(reached, rules, wanted, name="torchvision")
    # In training a shift in front of another norm has no gradient: what is left of it is rounding.
    least = 1e-6 * max(gradient.abs().max().item() for gradient in moved.values())
    off = {
        key: (wanted[key] - moved[key]).abs().max().item() / max(moved[key].abs().max().item(), least) for key in wanted
    }
    print(
        json.dumps(
            {
                "outputs": sorted(got),
                "gradients": len(off),
                "parameters": len([key for key, _ in theirs.named_parameters()]),
                "scale": min(value.abs().max().item() for value in expected.values()),
                "scores": max(
                    ((got[key] - value).abs().max() / max(1.0, value.abs().max())).item()
                    for key, value in expected.items()
                ),
                "worst_gradient": max(off, key=lambda key: off[key]),
                "off": max(off.values()),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

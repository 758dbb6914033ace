"""What grad_cam must do."""

import numpy as np

from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some
from upslope.explain import grad_cam as module

# Pictures, maps, height, width.
SHAPES = ((1, 2, 1, 2), (2, 3, 2, 2), (1, 1, 3, 2), (3, 4, 2, 3), (1, 5, 1, 1), (0, 2, 2, 2))
MAPS, GRADIENTS = [[[[4.0, 0.0]], [[6.0, 2.0]]]], [[[[1.0, 3.0]], [[-2.0, 0.0]]]]


def drawn(*shapes):
    return lambda rng: [{"maps": some(rng, *shape), "gradients": some(rng, *shape)} for shape in shapes]


def behind_relu(rng):
    """Maps as a ReLU leaves them, at least 0."""
    return [{"maps": np.abs(some(rng, *shape)), "gradients": some(rng, *shape)} for shape in SHAPES[:4]]


def written_out(maps, gradients):
    """Equations 1 and 2, a picture and a map at a time."""
    found = np.zeros((len(maps), *maps.shape[2:]))
    for picture, (each, slopes) in enumerate(zip(maps, gradients, strict=True)):
        for one, slope in zip(each, slopes, strict=True):
            found[picture] += one * slope.sum() / slope.size
    return np.maximum(found, 0)


CAM = TorchOp(module.grad_cam, samples=drawn(*SHAPES), truth=written_out)

test_shape = CAM.shape("(B, C, H, W) becomes (B, H, W), in the maps' dtype")
test_by_hand = CAM.by_hand(
    "[[4, 0]] and [[6, 2]] with the weights 2 and -1 become [[2, 0]]",
    ({"maps": MAPS, "gradients": GRADIENTS}, [[[2.0, 0.0]]]),
)
test_against_the_class = CAM.by_hand(
    "a map that lowers the score takes away from the others, and alone leaves 0 everywhere",
    ({"maps": [[[[1.0, 2.0]]]], "gradients": [[[[-1.0, -1.0]]]]}, [[[0.0, 0.0]]]),
    ({"maps": [[[[3.0, 3.0]], [[1.0, 5.0]]]], "gradients": [[[[1.0, 1.0]], [[-1.0, -1.0]]]]}, [[[2.0, 0.0]]]),
)
test_random = CAM.random("random maps and gradients: equations 1 and 2, a map at a time")
test_behind_relu = CAM.random("maps as a ReLU leaves them", behind_relu)
test_large = CAM.large("512 maps of 14 x 14, as in VGG", drawn((2, 512, 14, 14)), atol=1e-4)
test_laws = CAM.laws(
    "the laws of every operation: calls and memory do not get mixed up", drawn((2, 3, 2, 2), (1, 2, 3, 4))
)

wrong(
    module.grad_cam,
    {
        "every place is weighted by its own gradient, not by the mean over the map: this is HiResCAM": (
            "gradients.mean(dim=(2, 3), keepdim=True)",
            "gradients",
        ),
        "the weights are sums of the gradients, not means": (
            "gradients.mean(dim=(2, 3), keepdim=True)",
            "gradients.sum(dim=(2, 3), keepdim=True)",
        ),
        "the ReLU is left out: what speaks against the class is shown, too": ("total.relu()", "total"),
        "what speaks against the class is shown as if it spoke for it": ("total.relu()", "total.abs()"),
        "maps with a negative weight are dropped before the sum": ("keepdim=True)", "keepdim=True).relu()"),
        "each map's part goes through the ReLU by itself, before the sum": (
            "(weights * maps).sum(dim=1)",
            "(weights * maps).relu().sum(dim=1)",
        ),
        "the mean over the maps, not their sum": (".sum(dim=1)", ".mean(dim=1)"),
        "all pictures of the batch share their weights": ("dim=(2, 3)", "dim=(0, 2, 3)"),
        "the maps stay there with size 1": (".sum(dim=1)", ".sum(dim=1, keepdim=True)"),
        "the maps that were given are themselves multiplied by the weights": (
            "(weights * maps)",
            "maps.detach().mul_(weights)",
        ),
        "the result is scaled so that its largest number is 1": (
            "return total.relu()",
            "return total.relu() / total.relu().amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)",
        ),
    },
)

"""What PatchEmbedding must do."""

import numpy as np
from torch.nn import functional as F

from upslope.blocks import patches
from upslope.checks import survives, wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.samples import some

# Batch, channels, height, width, patch_size, dim.
CUTS = ((1, 1, 2, 4, 2, 1), (2, 2, 4, 6, 2, 3), (2, 1, 4, 2, 2, 3), (1, 3, 3, 6, 3, 2), (1, 2, 3, 2, 1, 3))
LARGE = (2, 1, 28, 28, 7, 64)


def drawn(*cuts):
    return lambda rng: [
        ({"in_channels": channels, "patch_size": size, "dim": dim}, {"x": some(rng, batch, channels, height, width)})
        for batch, channels, height, width, size, dim in cuts
    ]


def unfolded(x, weights, *, patch_size, **_):
    """Every patch as a column of its numbers, and one matrix for all."""
    weight, bias = weights["projection.weight"].flatten(1), weights["projection.bias"]
    return (weight @ F.unfold(x, patch_size, stride=patch_size)).transpose(1, 2) + bias


PATCHES = ModuleInfo(patches.PatchEmbedding, samples=drawn(*CUTS), truth=unfolded)

test_patches_parameters = PATCHES.parameters(
    "one convolution, projection, with a filter as large as a patch, and a bias",
    ({"in_channels": 3, "patch_size": 4, "dim": 5}, {"projection.weight": [5, 3, 4, 4], "projection.bias": [5]}),
)
test_patches_shape_and_dtype = PATCHES.shape("(B, C, H, W) becomes (B, T, dim), one token for each patch")
test_patches_by_hand = PATCHES.by_hand(
    "with weights of 1 [[1, 2, 5, 6], [3, 4, 7, 8]] becomes [[10], [26]]",
    (
        {"in_channels": 1, "patch_size": 2, "dim": 1},
        {"projection.weight": np.ones((1, 1, 2, 2)), "projection.bias": [0.0]},
        [[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]],
        [[[10], [26]]],
    ),
)
test_patches_random = PATCHES.random(
    "random pictures: each patch cut out and multiplied, row by row", drawn(*CUTS, LARGE)
)
test_patches_gradient = PATCHES.gradient(
    "the gradients of picture, weights and bias are those that PyTorch finds", drawn(*CUTS[:2])
)
test_patches_memory_order = PATCHES.laws("pictures are read as they lie in memory, and calls do not get mixed up")
test_patches_refuse = PATCHES.refuses(
    "a side that patch_size does not divide raises a ValueError that says so",
    *(
        (
            {"in_channels": 1, "patch_size": 4, "dim": 2},
            (1, 1, height, width),
            ["patch_size=4", f"{height} x {width}"],
        )
        for height, width in ((30, 30), (30, 32), (32, 30))
    ),
)
test_learns = PATCHES.learns(
    "a plain backward pass, in training and in evaluation, reaches every parameter and the input", drawn(CUTS[1])
)


wrong(
    patches.PatchEmbedding,
    {
        "the stride is 1, so patches overlap": ("kernel_size=patch_size, stride=patch_size", "kernel_size=patch_size"),
        "the patches are read column by column": ("B D h w -> B (h w) D", "B D h w -> B (w h) D"),
        "tokens and their numbers are exchanged: (B, dim, T)": ("B D h w -> B (h w) D", "B D h w -> B D (h w)"),
        "a plain reshape to (B, T, dim), which mixes the numbers of different patches": (
            'rearrange(self.projection(x), "B D h w -> B (h w) D")',
            "self.projection(x).reshape(len(x), -1, self.projection.out_channels)",
        ),
        "a side that patch_size does not divide is accepted, and its border lost in silence": (
            "if height % self.patch_size or width % self.patch_size:",
            "if False:",
        ),
        "the projection has no bias": ("stride=patch_size)", "stride=patch_size, bias=False)"),
        "the picture is lined up by view, which only the usual memory order allows": (
            'rearrange(self.projection(x), "B D h w -> B (h w) D")',
            "self.projection(x.view(-1).view(x.shape)).flatten(2).transpose(1, 2)",
        ),
        "the projection is cut from the graph, so it never learns": (
            "self.projection(x)",
            "self.projection(x).detach()",
        ),
    },
)
survives(
    patches.PatchEmbedding,
    {
        "the last two of four dimensions are those from the third on": [("x.shape[-2:]", "x.shape[(2):]")],
    },
)

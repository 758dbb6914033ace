"""What global_average_pool must do."""

from torch.nn import functional as F

from upslope.blocks import pooling
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

# Batch, channels, height, width.
SHAPES = ((1, 2, 2, 3), (2, 3, 1, 1), (1, 1, 2, 2), (3, 2, 5, 4), (2, 1, 1, 7), (0, 3, 2, 2))
DTYPES = ("float32", "float64", "bfloat16")

POOL = TorchOp(
    pooling.global_average_pool,
    samples=lambda rng: [{"x": some(rng, *shape)} for shape in SHAPES],
    truth=lambda x: x.mean(axis=(2, 3)),
    peer=lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0],
)

test_shape = POOL.shape("(B, C, H, W) becomes (B, C), for pictures of any size and dtype", dtypes=DTYPES)
test_by_hand = POOL.by_hand("the picture [[1, 2], [3, 6]] becomes [3]", ({"x": [[[[1.0, 2.0], [3.0, 6.0]]]]}, [[3.0]]))
test_random = POOL.random("random pictures: one mean for each channel")
test_large = POOL.large("64 feature maps of 32 x 32", lambda rng: [{"x": some(rng, 2, 64, 32, 32)}])
test_gradient = POOL.gradient("every pixel gets the same share of the gradient")
test_laws = POOL.laws("calls, passes and memory do not get mixed up", dtypes=("float16", "float32", "float64"))

wrong(
    pooling.global_average_pool,
    {
        "the sum over the pixels, not their mean": ("x.mean(dim=(2, 3))", "x.sum(dim=(2, 3))"),
        "channels are averaged as well: one number for each picture": ("dim=(2, 3)", "dim=(1, 2, 3)"),
        "the mean runs over the channels, and the pixels stay": ("dim=(2, 3)", "dim=1"),
        "height and width stay there with size 1": ("dim=(2, 3))", "dim=(2, 3), keepdim=True)"),
        "the batch is averaged as well: all pictures become one": (
            "x.mean(dim=(2, 3))",
            "x.mean(dim=(0, 2, 3)).expand(x.shape[:2])",
        ),
        "the largest pixel, not the mean: this is global max pooling": ("x.mean(dim=(2, 3))", "x.amax(dim=(2, 3))"),
        "the pixels are lined up by view, which only a picture in the usual memory order allows": (
            "x.mean(dim=(2, 3))",
            "x.view(x.shape[0], x.shape[1], x.shape[2] * x.shape[3]).mean(dim=2)",
        ),
        "the result is always float32": ("x.mean(", "x.float().mean("),
    },
)

"""What the residual blocks share: pictures to try them with, and their norms and shortcuts by PyTorch's functions."""

from typing import Any

from torch.nn import functional as F

from upslope.checks.samples import some

# Channels in and out, height and width, settings.
Size = tuple[int, int, int, int, dict[str, Any]]


def drawn(*sizes):
    """Samples of these sizes."""
    return lambda rng: [
        ({"in_channels": n_in, "channels": channels, **settings}, {"x": some(rng, 2, n_in, height, width)})
        for n_in, channels, height, width, settings in sizes
    ]


def normed(x, weights, name, training):
    """Batch norm by PyTorch's function, with the statistics of the batch or the ones that were kept."""
    mean, variance = (None if training else weights[f"{name}.running_{what}"] for what in ("mean", "var"))
    return F.batch_norm(x, mean, variance, weights[f"{name}.weight"], weights[f"{name}.bias"], training=training)


def bypass(x, out, weights, stride, training):
    """The shortcut, by its three ways: as it is, by a convolution if there is one, by padding."""
    if "shortcut.0.weight" in weights:
        return normed(F.conv2d(x, weights["shortcut.0.weight"], stride=stride), weights, "shortcut.1", training)
    if x.shape == out.shape:
        return x
    new = out.shape[1] - x.shape[1]
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, new // 2, new - new // 2))


def norm_shapes(name, channels):
    """What a batch norm keeps."""
    return {f"{name}.{what}": [channels] for what in ("weight", "bias", "running_mean", "running_var")}

"""The arithmetic of sliding windows: how large the maps are that they leave, and how far back each number sees.

V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, https://arxiv.org/abs/1603.07285.
A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019,
https://distill.pub/2019/computing-receptive-fields.
"""

from collections.abc import Iterable


def output_size(
    size: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Along one side, how many places a convolution or a pooling has on a map of `size` places.

    The window spans dilation * (kernel - 1) + 1 places, `padding` more lie on either side of the map, and the window
    moves by `stride`: floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1.

    With `ceil_mode`, for poolings, the quotient is rounded up instead of down, so that a window that hangs over the
    right edge counts, except for one that would begin beyond the map and its left padding, which sees nothing.

    AlexNet's first layer: 224 pixels, kernel 11, stride 4, padding 2: (224 + 4 - 11) / 4 = 54.25, so 55 places.
    A pooling of 2 with stride 2 makes 3 places of 7, with `ceil_mode` 4. A window that does not fit raises a
    ValueError: "a window of 5 places does not fit on 3".
    """
    # A dilated kernel leaves gaps between its places, and so spans more of them.
    span = dilation * (kernel - 1) + 1
    # How far the window can still move from its first position.
    room = size + 2 * padding - span
    if room < 0:
        raise ValueError(f"a window of {span} places does not fit on {size + 2 * padding}")
    # Whole steps only; each of them is one place more than the first.
    places = room // stride + 1
    # A last step that hangs over the edge counts if it begins inside the map or its left padding.
    if ceil_mode and room % stride and places * stride < size + padding:
        places += 1
    return places


def receptive_field(layers: Iterable[tuple[int, int, int]], *, size: int = 1, jump: int = 1) -> tuple[int, int]:
    """How many places of the input, along one side, a number behind these layers sees, and how far apart two lie.

    `layers` are (kernel, stride, dilation), the one next to the input first. `size` and `jump` are what held before
    them; the input itself sees 1 place, and two of them lie 1 apart. Each layer adds dilation * (kernel - 1) jumps to
    the size; its stride multiplies the jump of the layers behind it. Padding changes neither.

    receptive_field([(3, 1, 1), (3, 1, 1)]) is (5, 1): two 3x3 convolutions see as far as one 5x5 does (Simonyan and
    Zisserman 2014, section 2.3). With a stride of 2 in the first they see 7 places and lie 2 apart. Araujo et al. 2019,
    equation 2.
    """
    for kernel, stride, dilation in layers:
        # The window's places lie a jump apart, times the dilation.
        size += dilation * (kernel - 1) * jump
        # What stands behind this layer moves by its stride for each place: later windows reach further.
        jump *= stride
    return size, jump


def convolution_cost(
    in_channels: int, out_channels: int, *, kernel: int, places: int, groups: int = 1, bias: bool = True
) -> tuple[int, int]:
    """The parameters of a convolution of kernel x kernel places, and its multiply-adds on a map of so many `places`.

    `places` is height times width of what it makes. In `groups` each output channel reads in_channels / groups of the
    input channels. A filter has in_channels / groups * kernel^2 weights and, with `bias`, one number more; each place
    of each output channel takes a multiply-add for every weight, and the bias none. Channels that groups do not divide
    are refused: ValueError says "groups=3 does not divide in_channels=8". As ResNet begins, on 112 x 112 places,
    convolution_cost(3, 64, kernel=7, places=12544, bias=False) is (9408, 118013952).
    """
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"groups={groups} does not divide {name}={channels}")
    # What one output channel reads at one place.
    weights = in_channels // groups * kernel**2
    # Every output channel has a filter of its own, and slides it over all places.
    parameters = out_channels * (weights + bias)
    return parameters, out_channels * weights * places

"""What output_size, receptive_field and convolution_cost must do."""

from functools import partial

from upslope.blocks import convolution_arithmetic
from upslope.checks import grades, wrong
from upslope.checks.expect import equal, raises


def said(settings):
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def size_of(size, **settings):
    """The answer, and the call in words."""
    return convolution_arithmetic.output_size(size, **settings), f"output_size({size}, {said(settings)})"


def counted(size, *, kernel, stride=1, padding=0, dilation=1, ceil_mode=False):
    """The window moved along, place by place; rounded up, one may hang over the edge if it begins before it."""
    span, first, end = dilation * (kernel - 1) + 1, -padding, size + padding
    whole = [begin for begin in range(first, end, stride) if begin + span <= end]
    rest = range(whole[-1] + stride, size, stride) if ceil_mode and whole[-1] + span < end else ()
    return len(whole) + len(rest[:1])


@grades(convolution_arithmetic.output_size)
def test_size_by_hand(rng):
    """the first layer of AlexNet makes 55 of 224; a pooling of 2 makes 3 of 7, rounded up 4"""
    for size, settings, expected in (
        (224, {"kernel": 11, "stride": 4, "padding": 2}, 55),
        (7, {"kernel": 2, "stride": 2}, 3),
        (7, {"kernel": 2, "stride": 2, "ceil_mode": True}, 4),
        (28, {"kernel": 3, "padding": 1}, 28),
        (5, {"kernel": 5}, 1),
    ):
        got, case = size_of(size, **settings)
        equal(got, expected, case=case)
        equal(type(got).__name__, "int", case=case, problem="the result is no whole number")


@grades(convolution_arithmetic.output_size)
def test_size_of_convolutions(rng):
    """as many places as a window has that moves along: 200 kernels, strides, paddings, dilations"""
    for _ in range(200):
        kernel, dilation = int(rng.integers(1, 8)), int(rng.integers(1, 4))
        stride, padding = int(rng.integers(1, 5)), int(rng.integers(0, 5))
        least = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
        size = least + int(rng.integers(0, 40))
        settings = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        got, case = size_of(size, **settings)
        equal(got, counted(size, **settings), case=case)


@grades(convolution_arithmetic.output_size)
def test_size_rounded_up(rng):
    """with ceil_mode a last window may hang over the edge, but not begin beyond it"""
    for _ in range(200):
        kernel, dilation = int(rng.integers(1, 6)), int(rng.integers(1, 3))
        stride, padding = int(rng.integers(1, 7)), int(rng.integers(0, kernel // 2 + 1))
        size = dilation * (kernel - 1) + 1 + int(rng.integers(0, 20))
        settings = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": True}
        got, case = size_of(size, **settings)
        equal(got, counted(size, **settings), case=case)


@grades(convolution_arithmetic.output_size)
def test_size_refuses(rng):
    """a window that does not fit raises a ValueError that names its span and the places there are"""
    for size, settings, says in (
        (3, {"kernel": 5}, "a window of 5 places does not fit on 3"),
        (4, {"kernel": 3, "dilation": 4, "padding": 1}, "a window of 9 places does not fit on 6"),
        (1, {"kernel": 2, "stride": 3, "ceil_mode": True}, "a window of 2 places does not fit on 1"),
    ):
        raises(ValueError, partial(size_of, size, **settings), case=f"{size}, {said(settings)}", says=[says])


@grades(convolution_arithmetic.output_size)
def test_size_of_pictures(rng):
    """real sizes: the five halvings of a ResNet make 7 of 224"""
    size = 224
    for kernel, padding in ((7, 3), (3, 1), (3, 1), (3, 1), (3, 1)):
        settings = {"kernel": kernel, "stride": 2, "padding": padding}
        got, case = size_of(size, **settings)
        equal(got, size // 2, case=case)
        size //= 2
    got, case = size_of(10_001, kernel=2, stride=2)
    equal(got, 5_000, case=case)


def backwards(layers):
    """Size and jump by the other way round: which places of the input two neighbours at the end need."""
    spans = []
    for place in (0, 1):
        first = last = place
        for kernel, stride, dilation in reversed(layers):
            first, last = first * stride, last * stride + dilation * (kernel - 1)
        spans.append((first, last))
    return spans[0][1] - spans[0][0] + 1, spans[1][0] - spans[0][0]


def field_of(layers, **settings):
    """The answer as a pair, and the call in words."""
    got = convolution_arithmetic.receptive_field(layers, **settings)
    more = f", {said(settings)}" if settings else ""
    return tuple(got), f"receptive_field({layers}{more})"


@grades(convolution_arithmetic.receptive_field)
def test_field_by_hand(rng):
    """two 3x3 see 5 places, three see 7; with a stride of 2 in the first two see 7 and lie 2 apart"""
    for layers, expected in (
        ([], (1, 1)),
        ([(3, 1, 1)] * 2, (5, 1)),
        ([(3, 1, 1)] * 3, (7, 1)),
        ([(3, 2, 1), (3, 1, 1)], (7, 2)),
        ([(3, 1, 1), (3, 1, 2), (3, 1, 4)], (15, 1)),
        ([(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 1, 1)], (27, 4)),
    ):
        got, case = field_of(layers)
        equal(got, expected, case=case)


@grades(convolution_arithmetic.receptive_field)
def test_field_random(rng):
    """random layers: what two neighbours at the end need, followed back to the input"""
    for _ in range(60):
        layers = [tuple(int(rng.integers(1, most)) for most in (8, 4, 4)) for _ in range(int(rng.integers(1, 7)))]
        got, case = field_of(layers)
        equal(got, backwards(layers), case=case)


@grades(convolution_arithmetic.receptive_field)
def test_field_goes_on(rng):
    """size and jump of some layers, given to a call for the next ones, lead to that of all"""
    for _ in range(30):
        layers = [tuple(int(rng.integers(1, most)) for most in (8, 4, 3)) for _ in range(5)]
        before = int(rng.integers(0, 5))
        size, jump = backwards(layers[:before])
        got, case = field_of(layers[before:], size=size, jump=jump)
        equal(got, backwards(layers), case=case)


@grades(convolution_arithmetic.receptive_field)
def test_field_of_a_network(rng):
    """the thirteen convolutions and four poolings of VGG see 196 places, 16 apart"""
    block = [(3, 1, 1)] * 2
    layers = [*block, (2, 2, 1), *block, (2, 2, 1)]
    for _ in range(2):
        layers += [*block, (3, 1, 1), (2, 2, 1)]
    got, _ = field_of([*layers, *block, (3, 1, 1)])
    equal(got, (196, 16), case="receptive_field of VGG-16 before its last pooling")


@grades(convolution_arithmetic.receptive_field)
def test_field_of_anything_in_a_row(rng):
    """the layers may be a list, a tuple or a generator, and none of them is changed"""
    layers = [(3, 2, 1), (5, 1, 2)]
    for given in (layers, tuple(layers), (layer for layer in layers)):
        got = tuple(convolution_arithmetic.receptive_field(given))
        equal(got, (19, 2), case=f"receptive_field of a {type(given).__name__}")
    equal(layers, [(3, 2, 1), (5, 1, 2)], case="the layers afterwards", problem="the layers were changed")


def cost_of(*channels, **settings):
    """The answer, and the call in words."""
    case = f"convolution_cost({channels[0]}, {channels[1]}, {said(settings)})"
    return convolution_arithmetic.convolution_cost(*channels, **settings), case


@grades(convolution_arithmetic.convolution_cost)
def test_cost_by_hand(rng):
    """the first layer of ResNet; a 1x1; a depthwise 3x3"""
    for channels, settings, expected in (
        ((3, 64), {"kernel": 7, "places": 112 * 112, "bias": False}, (9_408, 118_013_952)),
        ((8, 4), {"kernel": 1, "places": 10}, (36, 320)),
        ((32, 32), {"kernel": 3, "places": 49, "groups": 32, "bias": False}, (288, 14_112)),
    ):
        got, case = cost_of(*channels, **settings)
        equal(got, expected, case=case)
        equal([type(each).__name__ for each in got], ["int", "int"], case=case, problem="these are no whole numbers")


@grades(convolution_arithmetic.convolution_cost)
def test_cost_counted(rng):
    """weights counted one by one, and a multiply-add for each at every place"""
    for _ in range(60):
        groups, kernel, places = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 6))
        before, after = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
        bias = bool(rng.random() < 0.5)
        weights = sum(
            1 for o in range(after) for i in range(before) for _ in range(kernel**2) if own(i, before, o, after, groups)
        )
        settings = {"kernel": kernel, "places": places, "groups": groups, "bias": bias}
        got, case = cost_of(before, after, **settings)
        equal(got, (weights + (after if bias else 0), weights * places), case=case)


def own(i, before, o, after, groups):
    """Whether output channel o reads input channel i: both are in the same group."""
    return i * groups // before == o * groups // after


@grades(convolution_arithmetic.convolution_cost)
def test_cost_defaults(rng):
    """one group and a bias, unless something else is said"""
    got, case = cost_of(5, 7, kernel=3, places=4)
    equal(got, (5 * 7 * 9 + 7, 5 * 7 * 9 * 4), case=case)


@grades(convolution_arithmetic.convolution_cost)
def test_cost_of_large_layers(rng):
    """numbers beyond what 32 bits hold"""
    got, case = cost_of(4096, 4096, kernel=3, places=512 * 512, bias=False)
    equal(got, (4096 * 4096 * 9, 4096 * 4096 * 9 * 512 * 512), case=case)


@grades(convolution_arithmetic.convolution_cost)
def test_cost_refuses(rng):
    """channels that the groups do not divide: a ValueError with both numbers"""
    for channels, groups, words in (
        ((8, 6), 3, ("groups=3", "in_channels=8")),
        ((6, 8), 3, ("groups=3", "out_channels=8")),
    ):
        raises(
            ValueError,
            partial(convolution_arithmetic.convolution_cost, *channels, kernel=3, places=4, groups=groups),
            says=words,
            case=f"convolution_cost({channels[0]}, {channels[1]}, groups={groups})",
        )


wrong(
    convolution_arithmetic.output_size,
    {
        "the padding is counted on one side only": ("size + 2 * padding - span", "size + padding - span"),
        "the dilation is forgotten": ("span = dilation * (kernel - 1) + 1", "span = kernel"),
        "a dilated kernel is taken to span dilation * kernel places": (
            "span = dilation * (kernel - 1) + 1",
            "span = dilation * kernel",
        ),
        "the first position of the window is not counted": ("room // stride + 1", "room // stride"),
        "the quotient is rounded to the nearest whole number": ("room // stride + 1", "round(room / stride) + 1"),
        "the quotient is always rounded up, as if every window that hangs over counted": (
            "if ceil_mode and room % stride",
            "if room % stride",
        ),
        "with ceil_mode a window counts that begins beyond the map": (" and places * stride < size + padding", ""),
        "a window that does not fit is not refused": ("if room < 0:", "if False:"),
    },
)
wrong(
    convolution_arithmetic.receptive_field,
    {
        "the kernels are added, as if every stride were 1": ("(kernel - 1) * jump", "(kernel - 1)"),
        "the stride of a layer is counted in its own window": (
            "size += dilation * (kernel - 1) * jump",
            "size += dilation * (kernel - 1) * jump * stride",
        ),
        "a kernel adds all of its places, not one fewer": (
            "size += dilation * (kernel - 1)",
            "size += dilation * kernel",
        ),
        "the dilation is forgotten": ("size += dilation * (kernel - 1)", "size += (kernel - 1)"),
        "the strides are added, not multiplied": ("jump *= stride", "jump += stride - 1"),
        "the last layer's stride is taken, not the product of all": ("jump *= stride", "jump = stride"),
        "what came before these layers is forgotten": ("for kernel", "size, jump = 1, 1\n    for kernel"),
    },
)
wrong(
    convolution_arithmetic.convolution_cost,
    {
        "the kernel is counted along one side only": ("kernel**2", "kernel"),
        "groups are not thought of": ("in_channels // groups * kernel**2", "in_channels * kernel**2"),
        "groups make fewer filters as well": ("parameters = out_channels *", "parameters = out_channels // groups *"),
        "one bias for the whole layer": ("out_channels * (weights + bias)", "out_channels * weights + bias"),
        "the bias is always counted": ("(weights + bias)", "(weights + 1)"),
        "the bias is a multiply-add, too": (
            "out_channels * weights * places",
            "out_channels * (weights + bias) * places",
        ),
        "the multiply-adds are those of a single place": ("out_channels * weights * places", "out_channels * weights"),
        "the multiply-adds of one output channel": ("out_channels * weights * places", "weights * places"),
        "a multiply and an add are two": ("out_channels * weights * places", "2 * out_channels * weights * places"),
        "only the input channels are looked at": (', ("out_channels", out_channels))', ",)"),
        "channels that the groups do not divide are not refused": ("if channels % groups:", "if False:"),
        "there is a bias only if it is asked for": ("bias: bool = True", "bias: bool = False"),
        "numbers are of 32 bits": (
            "out_channels * weights * places",
            "(out_channels * weights * places + 2**31) % 2**32 - 2**31",
        ),
    },
)

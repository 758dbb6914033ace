"""What known mistakes give, worked out by hand: one layer or stack for each topic."""

from dataclasses import replace
from fractions import Fraction

import pytest

from upslope.quiz.convolution import multiply_adds, parameters, receptive_field, size
from upslope.quiz.convolution.layers import Layer
from upslope.quiz.convolution.windows import window_mistakes


def conv(kernel, stride=1, padding=0, dilation=1, **more):
    pairs = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return Layer(**{"kind": "conv", **{name: (side, side) for name, side in pairs.items()}, **more})


def test_a_dilated_convolution():
    """Of 10 places, kernel 3, dilation 2, padding 2: 10 + 4 − 5 = 9, so 10."""
    layer = conv(3, padding=2, dilation=2, in_channels=4, out_channels=4, groups=2)
    assert layer.side_after(10, 0) == 10
    assert dict(window_mistakes(layer, (10, 10), 0)) == {
        "the quotient is not rounded": 10,
        "the quotient is rounded up, not down": 10,
        "the first position is not counted": 9,
        "the padding is put on one side only": 8,
        "the padding is left out": 6,
        "the dilation is left out": 12,
        "the window is taken to span dilation · kernel places": 9,
        "the groups divide the places, not only the channels": 5,
    }


def test_alexnets_first_layer():
    """Of 224 places, kernel 11, stride 4, padding 2: 217 / 4 = 54.25, so 55."""
    found = dict(window_mistakes(conv(11, stride=4, padding=2), (224, 224), 0))
    assert found["the quotient is not rounded"] == Fraction(221, 4)
    assert found["the quotient is rounded up, not down"] == 56
    assert found["the padding is put on one side only"] == 54
    assert found["the stride is left out"] == 218


def test_a_window_that_begins_beyond_the_map():
    """Of 5 places, window 2, stride 3, padding 1: 5 / 3 rounded up is 2, and a window at 6 begins where 5 + 1 ends."""
    layer = conv(2, stride=3, padding=1, kind="max-pool", ceil_mode=True)
    assert layer.side_after(5, 0) == 2
    assert dict(window_mistakes(layer, (5, 5), 0)) == {
        "the quotient is not rounded": Fraction(8, 3),
        "the quotient is rounded down in spite of ceil mode": 2,
        "the last window is counted though it begins beyond the map": 3,
        "the first position is not counted": 1,
        "the padding is put on one side only": 2,
        "the padding is left out": 2,
        "the stride is left out": 6,
    }


def test_a_transposed_convolution():
    """Of 5 places, kernel 3, stride 2, padding 1, output padding 1: 8 + 3 − 2 + 1 = 10."""
    layer = conv(3, stride=2, padding=1, kind="conv-transpose", output_padding=(1, 1))
    assert layer.side_after(5, 0) == 10
    assert dict(size._transposed_mistakes(layer, 5)) == {
        "the convolution is taken for an ordinary one, which shrinks": 3,
        "the stride is left out": 6,
        "the first position is counted as a step: n·t, not (n − 1)·t": 12,
        "the padding is added, not cut off": 14,
        "the padding is cut off on one side only": 11,
        "the padding is left out": 12,
        "the output padding is left out": 9,
        "the output padding is put on both sides": 11,
    }


def test_a_receptive_field():
    """3 × 3 with stride 2, a pooling of 2 with stride 2, 3 × 3 with dilation 2: 3, then 5, then 5 + 2·2·4 = 21."""
    layers = [conv(3, stride=2), conv(2, stride=2, kind="max-pool"), conv(3, dilation=2)]
    assert dict(receptive_field._field_mistakes(layers)) == {
        "the strides are ignored": 1 + 2 + 1 + 4,
        "the dilations are ignored": 1 + 2 + 2 + 8,
        "a dilated kernel is taken to span dilation · kernel pixels": 1 + 2 + 2 + 5 * 4,
        "each layer's own stride widens its own window": 1 + 4 + 4 + 16,
        "the layers are walked through from the last to the first": 1 + 4 + 1 + 2 * 2,
        "each layer adds its whole kernel, not k − 1": 1 + 3 + 2 * 2 + 3 * 2 * 4,
        "the kernels are added up": 8,
        "the poolings are left out": 1 + 2 + 4 * 2,
        "the poolings' strides are ignored": 1 + 2 + 2 + 4 * 2,
        "the first pixel is not counted": 20,
        "the pixels of the whole square are counted, not those of one side": 441,
        "the distance between neighbours is worked out, not the field": 4,
    }
    assert dict(receptive_field._jump_mistakes(layers)) == {
        "the strides are added up, not multiplied": 5,
        "the last layer's stride is left out": 4,
        "the dilations are multiplied in": 8,
        "the poolings' strides are ignored": 2,
        "the field is worked out, not the distance between neighbours": 21,
    }


def test_parameters():
    """12 to 8 channels, 3 × 3, 2 groups: 8·6·9 = 432 weights, 8 biases; a batch norm of 8 has 16."""
    layers = [
        conv(3, in_channels=12, out_channels=8, groups=2),
        Layer(kind="batch-norm", in_channels=8, out_channels=8),
    ]
    assert sum(layer.parameters for layer in layers) == 456
    assert dict(parameters._mistakes(layers)) == {
        "the biases are left out": 448,
        "a bias is counted where there is none": 456,
        "there is one bias for each input channel": 460,
        "the groups are ignored": 864 + 24,
        "the groups divide the output channels, too": 216 + 24,
        "each filter sees one input channel only": 72 + 24,
        "the kernel is counted along one side only": 144 + 24,
        "one output's weights are counted, not those of all": 54 + 24,
        "the norms are left out": 440,
        "a norm has one parameter a channel": 448,
        "a norm has one scale and one shift for all channels": 442,
        "the batch norm's running mean and variance are counted": 472,
    }


def test_multiply_adds():
    """2 to 3 channels, 3 × 3, stride 2, padding 1, on 8 × 8: 54 weights at 4 · 4 places are 864."""
    layers = [conv(3, stride=2, padding=1, in_channels=2, out_channels=3)]
    assert dict(multiply_adds._mistakes(layers, (2, 8, 8))) == {
        "multiplications and additions are counted apart": 1728,
        "each weight is counted once, not at every place": 54,
        "the places of the input are counted, not of the output": 54 * 64,
        "the groups are ignored": 864,
        "the groups divide the output channels, too": 864,
        "the input channels are left out": 432,
        "the output channels are left out": 288,
        "the kernel is counted along one side only": 288,
        "the padding is left out": 54 * 9,
        "the biases are counted, too": 864 + 48,
    }


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (conv(11, stride=4, padding=2), "an 11×11 convolution with stride 4 and padding 2"),
        (conv(2, stride=2, kind="max-pool"), "a 2×2 max pooling with the default stride"),
        (conv(2, kind="max-pool", ceil_mode=True), "a 2×2 max pooling with stride 1 and ceil mode"),
        (conv(3, stride=2, dilation=3, groups=4), "a 3×3 convolution with stride 2, dilation 3 and 4 groups"),
        (replace(conv(3, padding=1), kernel_size=(3, 5), padding=(1, 2)), "a 3×5 convolution with padding 1×2"),
    ],
)
def test_layers_in_words(layer, said):
    assert layer.words(channels=False) == said


def test_learned_layers_in_words():
    linear = Layer(kind="linear", in_channels=400, out_channels=120, bias=False)
    assert linear.words(bias=True) == "a linear layer from 400 to 120 numbers with no bias"
    assert Layer(kind="layer-norm", in_channels=64).words(bias=True) == "a layer norm of 64 channels"

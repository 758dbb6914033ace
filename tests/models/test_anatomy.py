"""What a model is made of: multiply-adds against published figures and PyTorch's counter, fields against gradients."""

import functools

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from upslope.blocks.residual import BasicBlock, Bottleneck
from upslope.cards import Input
from upslope.models.build import build, find
from upslope.models.flops import WHOLE, multiply_adds
from upslope.models.summary import dissect, examine
from upslope.models.table import fitting_depth, rows

# In thousands of millions, as torchvision publishes them for one picture of 224 x 224.
PUBLISHED = {
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "resnet101": 7.801,
    "resnet152": 11.514,
    "vit-base": 17.564,
    "vit-large": 61.555,
    "alexnet": 0.714,
    "vgg11": 7.609,
    "vgg19-bn": 19.632,
    "googlenet-bn": 1.498,
    "inception-v3": 5.713,
    "efficientnet-b0": 0.386,
    "efficientnet-b7": 37.746,
}
# A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019, table of networks.
FIELDS = {"resnet50": 483, "resnet101": 1027, "resnet152": 1507}


@functools.cache
def anatomy(name):
    return examine(*find(name))


def on_meta(model, shape):
    return dissect(model.to("meta"), (Input(shape=shape),))


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds_are_those_published(name):
    whole = anatomy(name)
    assert whole.multiply_adds / 1e9 == pytest.approx(PUBLISHED[name], abs=0.0006)


@pytest.mark.parametrize("name", ["lenet5", "resnet-toy", "resnet50", "resnet20", "vit-toy", "vit-tiny"])
def test_multiply_adds_are_half_of_what_torch_counts(name):
    found, size = find(name)
    shape = found.card.sizes[size].inputs[0].shape
    with torch.device("meta"), torch.no_grad():
        model = build(name).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, *shape))
    assert 2 * anatomy(name).multiply_adds == counter.get_total_flops()


def test_fused_attention_counts_both_products():
    class Count(TorchDispatchMode):
        names, total = (), 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            first = out[0] if isinstance(out, tuple) else out
            self.names += (func.overloadpacket.__name__,)
            self.total += multiply_adds(self.names[-1], args, first)
            return out

    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 8)
    with torch.no_grad(), Count() as count:
        F.scaled_dot_product_attention(q, k, v)
    assert any("scaled_dot_product" in name for name in count.names)
    assert count.total == 2 * 3 * 5 * 7 * 8 * 2


def test_grouped_and_transposed_convolutions():
    model = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, groups=2), nn.ConvTranspose2d(8, 3, 2, stride=2))
    grouped, transposed = on_meta(model, (4, 6, 6)).children
    assert grouped.multiply_adds == 36 * 8 * 2 * 9
    assert transposed.multiply_adds == 36 * 8 * 3 * 4


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_fields_are_those_published(name):
    """Published for the stride at its place in the paper, on the 1x1 convolution."""
    with torch.device("meta"):
        model = build(name, stride_in_1x1=True)
    whole = on_meta(model, (3, 224, 224))
    assert whole.widest_field().sees == FIELDS[name]
    assert whole.sees == WHOLE


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, stride=2), nn.MaxPool2d(2), nn.Conv2d(1, 1, 5)),
        (nn.Conv2d(1, 1, 3, dilation=3), nn.AvgPool2d(3, stride=2), nn.Conv2d(1, 1, 3, dilation=2)),
        (nn.Conv2d(1, 1, 1), nn.MaxPool2d(3, stride=1, dilation=2), nn.BatchNorm2d(1), nn.ReLU()),
        (nn.Conv2d(1, 1, 7, stride=2, padding=3), nn.MaxPool2d(3, stride=2, padding=1), BasicBlock(1, 1),
         BasicBlock(1, 2, stride=2), Bottleneck(2, 1)),
        (Bottleneck(1, 1, stride=2), Bottleneck(4, 1, stride=2, stride_in_1x1=True), BasicBlock(4, 4)),
    ],
)  # fmt: skip
def test_receptive_field_is_where_the_gradient_reaches(layers):
    model = nn.Sequential(*layers).eval()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 1.0)
    x = torch.rand(1, 1, 128, 128, requires_grad=True)
    reached = set()
    for _ in range(40):  # a maximum passes the gradient to one pixel only, another one for every picture
        out = model(torch.rand_like(x) + x)
        middle = out.shape[-1] // 2
        (gradient,) = torch.autograd.grad(out[0, 0, middle, middle], x)
        reached |= set(gradient[0, 0].abs().sum(dim=0).nonzero().flatten().tolist())
    assert max(reached) - min(reached) + 1 == on_meta(model, (1, 128, 128)).sees


def test_what_joins_all_places_sees_the_whole_picture():
    vit = anatomy("vit-toy")
    by_path = {row.layer.path: row.layer.sees for row in rows(vit, depth=4)}
    assert by_path["patches.projection"] == 4
    assert by_path["head"] == WHOLE
    first = next(layer for layer in vit.children if layer.path == "blocks").children[0]
    assert [layer.sees for layer in first.children[:2]] == [4, WHOLE], "the norm before attention, and attention"
    lenet = anatomy("lenet5")
    assert [(layer.path, layer.sees) for layer in lenet.children if layer.counts] == [
        ("conv1", 5),
        ("pool", 6),
        ("conv2", 14),
        ("pool", 16),
        ("linear1", WHOLE),
        ("linear2", WHOLE),
        ("linear3", WHOLE),
    ]


def test_layers_stand_in_the_order_of_their_calls():
    called = ["conv1", "activation", "pool", "conv2", "activation", "pool", "linear1", "activation", "linear2"]
    assert [layer.path for layer in anatomy("lenet5").children] == [*called, "activation", "linear3"]


def test_what_is_shared_is_counted_once_and_its_work_every_time():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.tied = nn.Linear(5, 5), nn.Linear(5, 5)
            self.block = nn.Sequential(nn.Linear(5, 5), nn.Tanh())
            self.tied.weight = self.linear.weight

        def forward(self, x):
            return self.block(self.block(self.linear(self.tied(self.linear(x)))))

    with torch.device("meta"):
        whole = dissect(Twice(), (Input(shape=(5,)),))
    first, tied, second, block = whole.children
    assert [layer.path for layer in whole.children] == ["linear", "tied", "linear", "block"]
    assert block.kind == "Sequential, 2 calls"
    assert (first.multiply_adds, tied.multiply_adds, second.multiply_adds, block.multiply_adds) == (25, 25, 25, 50)
    assert (first.parameters, tied.parameters, block.parameters) == (30, 5, 30)
    assert whole.parameters == 65
    assert sum(row.layer.parameters for row in rows(whole, depth=2) if not row.heading) == 65


@pytest.mark.parametrize("name", ["lenet5", "resnet50", "resnet110", "vit-base"])
def test_every_number_stands_in_one_row(name):
    whole = anatomy(name)
    for depth in range(1, 5):
        table = [row.layer for row in rows(whole, depth=depth) if not row.heading]
        assert sum(layer.parameters for layer in table) == whole.parameters
        assert sum(layer.multiply_adds for layer in table) == whole.multiply_adds
        assert len({(layer.path, layer.kind, layer.output) for layer in table}) == len(table)


def test_repeated_blocks_are_one_row():
    whole = anatomy("resnet152")
    row = next(row for row in rows(whole, depth=1) if row.label == "stages.2.1-35")
    assert row.layer.kind == "35 x Bottleneck"
    assert row.layer.parameters == 35 * 1_117_184
    inside = [row for row in rows(whole, depth=2) if row.layer.path.startswith("stages.2.1-35")]
    assert [row.label for row in inside] == ["stages.2.1-35", "conv1", "norm1", "conv2", "norm2", "conv3", "norm3"]
    assert inside[0].heading
    assert [row.level for row in inside] == [0, 1, 1, 1, 1, 1, 1]


def test_what_attention_multiplies_itself_has_a_row():
    table = rows(anatomy("vit-base"), depth=3)
    own = next(row for row in table if row.label == "itself")
    assert own.layer.path == "blocks.0-11.attention"
    assert own.layer.multiply_adds == 12 * 2 * 197 * 197 * 768
    assert not own.layer.parameters


def test_a_default_table_fits_a_screen():
    for name in ("resnet18", "resnet152", "vit-base", "lenet5"):
        whole = anatomy(name)
        assert len(rows(whole, depth=fitting_depth(whole, most=24))) <= 24
    assert fitting_depth(anatomy("vit-base"), most=24) == 3
    assert fitting_depth(anatomy("vit-base"), most=2) == 1


def test_the_model_is_left_as_it_was():
    with torch.device("meta"):
        model = build("resnet-toy").train()
    dissect(model, (Input(shape=(3, 16, 16)),))
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())

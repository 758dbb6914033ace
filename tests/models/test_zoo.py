"""What is AlexNet's, VGG's, GoogLeNet's, Inception-v3's and EfficientNet's own beside their contracts."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import numpy as np
import torch
from torch import nn

from upslope.cards import discover
from upslope.models import pretrained
from upslope.models.build import build
from upslope.models.checkpoints import translate
from upslope.models.vision.efficientnet import EfficientNet, scaled
from upslope.runs.errors import DataProblem


def on_meta(name, **overrides):
    with torch.device("meta"):
        return build(name, **overrides)


def test_local_response_normalization_is_the_papers():
    """b = a / (2 + 1e-4 * the sum of the squares of 5 channels around it) ** 0.75 (section 3.3)."""
    layer = next(module for module in build("alexnet-2012").modules() if isinstance(module, nn.LocalResponseNorm))
    x = torch.randn(2, 9, 3, 3, generator=torch.Generator().manual_seed(0)) * 100
    expected = np.empty_like(x.numpy())
    for channel in range(9):
        squares = (x[:, max(0, channel - 2) : channel + 3].numpy() ** 2).sum(axis=1)
        expected[:, channel] = x[:, channel].numpy() / (2 + 1e-4 * squares) ** 0.75
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5)


def test_the_towers_of_2012_meet_in_the_third_convolution_only():
    groups = [module.groups for module in on_meta("alexnet-2012").modules() if isinstance(module, nn.Conv2d)]
    assert groups == [1, 2, 1, 2, 2]


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_the_number_in_the_name_of_vgg_counts_the_layers(depth):
    for name in (f"vgg{depth}", f"vgg{depth}-bn"):
        assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in on_meta(name).modules()) == depth


def test_googlenet_is_22_layers_deep():
    """Section 5: layers with parameters on the longest way through."""
    model = on_meta("googlenet")
    stem = sum(isinstance(module, nn.Conv2d) for module in model.stem.modules())
    assert stem + 2 * sum(len(stage) for stage in model.stages) + 1 == 22


@pytest.mark.parametrize(("name", "side"), [("alexnet", 224), ("vgg11", 224)])
def test_pictures_of_another_size_are_refused_where_a_hidden_layer_weighs_every_place(name, side):
    with pytest.raises(ValueError, match=rf"^pictures of 200 x 224 for a network of image_size={side}$"):
        on_meta(name)(torch.empty(1, 3, 200, side, device="meta"))


@pytest.mark.parametrize("name", ["googlenet-toy-auxiliary", "inception-toy-auxiliary"])
def test_auxiliaries_are_asked_in_training_only(name):
    asked = []
    model = build(name)
    for part, module in model.named_modules():
        if part in ("aux", "aux1", "aux2"):
            module.register_forward_hook(lambda module, inputs, output, part=part: asked.append(part))
    x = torch.randn(2, *discover("models")[name.partition("-")[0]].card.sizes["toy"].inputs[0].shape)
    given = model.train()(x)
    assert list(given) == ["logits", *model.auxiliary_weights]
    assert asked == list(model.auxiliary_weights), "in their order: the first reads the earlier maps"
    asked.clear()
    assert model.eval()(x).shape == (2, 10)
    assert not asked


def test_auxiliaries_without_a_place_are_refused():
    with pytest.raises(ValueError, match="the auxiliaries read the second stage"):
        build("googlenet-toy", stages=(((4, (4, 6), (2, 4), 4),),), auxiliary=True)
    with pytest.raises(ValueError, match="the auxiliary reads the last block of figure 6"):
        build("inception-toy", blocks=(("5b", "5", 32),), auxiliary=True)


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(32, 1.0, 32), (16, 1.1, 16), (24, 1.2, 32), (40, 1.4, 56), (1280, 2.0, 2560)]
)
def test_channels_are_rounded_to_multiples_of_eight(channels, width, expected):
    assert scaled(channels, width) == expected


@pytest.mark.parametrize("side", [32, 33, 47])
def test_both_paddings_leave_maps_of_the_same_size(side):
    stages = ((1, 3, 1, 8, 1), (2, 5, 2, 8, 1))
    shapes = []
    for padding in ("same", "symmetric"):
        model = EfficientNet(stages=stages, stem=(8, 2), head=8, padding=padding, num_classes=3).eval()
        model.stages.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
        model(torch.zeros(1, 3, side, side))
    assert shapes[0] == shapes[1] == (1, 8, -(-side // 4), -(-side // 4))


def transformers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        return pytest.importorskip("transformers", reason="it writes the file")


def test_a_file_of_transformers_is_read_as_its_publisher_means_it(tmp_path):
    """Blocks that are counted through all stages, and padding and epsilon as in TensorFlow."""
    library = transformers()
    theirs = library.EfficientNetForImageClassification(
        library.EfficientNetConfig(
            image_size=64,
            width_coefficient=1.0,
            depth_coefficient=1.0,
            hidden_dim=1280,
            dropout_rate=0.2,
            num_labels=1000,
        )
    ).eval()
    theirs.save_pretrained(tmp_path)
    kept, publisher, _ = pretrained.adopt("efficientnet-b0", tmp_path / "model.safetensors")
    assert publisher == "huggingface"
    assert pretrained.arguments("efficientnet-b0", kept) == {}
    ours = pretrained.load("efficientnet-b0", publisher="huggingface")
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x).logits, atol=1e-4, rtol=1e-4)


def test_weights_may_want_arguments_of_their_own(tmp_path):
    """torchvision's EfficientNet pads on all sides and has batch norm's usual epsilon; from B5 on the paper's."""
    model = build("efficientnet-b0")
    backwards = torchvision_keys(model)
    torch.save(backwards, tmp_path / "theirs.pth")
    kept, publisher, _ = pretrained.adopt("efficientnet-b0", tmp_path / "theirs.pth")
    assert publisher == "torchvision"
    assert pretrained.arguments("efficientnet-b0", kept) == {"padding": "symmetric", "eps": 1e-5}
    ours = pretrained.load("efficientnet-b0", publisher="torchvision")
    assert {module.eps for module in ours.modules() if isinstance(module, nn.BatchNorm2d)} == {1e-5}
    assert ours.conv1.padding == (1, 1)


def torchvision_keys(model):
    """The state of an EfficientNet under the names that torchvision gives it."""
    renamed = {}
    for key, tensor in model.state_dict().items():
        where, _, rest = key.partition(".")
        outer = {"conv1": "features.0.0", "norm1": "features.0.1", "conv2": "features.8.0", "norm2": "features.8.1"}
        if where != "stages":
            renamed[f"{outer.get(where, 'classifier.1')}.{rest}"] = tensor
            continue
        stage, block, part, rest = rest.split(".", 3)
        names = {"expand": "0.0", "norm1": "0.1", "depthwise": "1.0", "norm2": "1.1", "project": "3.0", "norm3": "3.1"}
        if part == "excite":
            inner, rest = rest.split(".")
            names["excite"] = "2.fc1" if inner == "reduce" else "2.fc2"
        place = names[part]
        if stage == "0":  # there is nothing to expand, so everything is one place earlier
            place = f"{int(place[0]) - 1}{place[1:]}"
        renamed[f"features.{int(stage) + 1}.{block}.block.{place}.{rest}"] = tensor
    return renamed


def test_a_number_in_brackets_counts_through_two_levels():
    wanted = {f"stages.{a}.{b}.weight": torch.empty(1) for a, b in ((0, 0), (0, 1), (1, 0))}
    rules = ((r"blocks\.(\d+)\.(.+)", r"stages.<\1>.\2"),)
    held = {f"blocks.{number}.weight": torch.tensor([float(number)]) for number in range(3)}
    found = translate(held, rules, wanted, name="file")
    assert [found[key].item() for key in wanted] == [0, 1, 2]
    with pytest.raises(DataProblem, match=r"^file holds blocks\.3\.weight, but the model has no stages\.3\.weight$"):
        translate(held | {"blocks.3.weight": torch.ones(1)}, rules, wanted, name="file")

"""ResNet, ViT and EfficientNet against transformers', same random weights: scores and every gradient.

Two implementations that were written apart and agree on random weights compute the same function. Weights and batch
statistics are far from those of a fresh network, in which many mistakes do not show.
"""

import re

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch

from upslope.models.vision.efficientnet import EfficientNet
from upslope.models.vision.resnet import ResNet
from upslope.models.vision.vit import ViT

RESNET = [  # a pattern for our keys, and the name of the same in transformers
    (r"conv1\.(.*)", r"resnet.embedder.embedder.convolution.\1"),
    (r"norm1\.(.*)", r"resnet.embedder.embedder.normalization.\1"),
    (r"stages\.(\d+)\.(\d+)\.shortcut\.0\.(.*)", r"resnet.encoder.stages.\1.layers.\2.shortcut.convolution.\3"),
    (r"stages\.(\d+)\.(\d+)\.shortcut\.1\.(.*)", r"resnet.encoder.stages.\1.layers.\2.shortcut.normalization.\3"),
    (r"stages\.(\d+)\.(\d+)\.conv1\.(.*)", r"resnet.encoder.stages.\1.layers.\2.layer.0.convolution.\3"),
    (r"stages\.(\d+)\.(\d+)\.conv2\.(.*)", r"resnet.encoder.stages.\1.layers.\2.layer.1.convolution.\3"),
    (r"stages\.(\d+)\.(\d+)\.conv3\.(.*)", r"resnet.encoder.stages.\1.layers.\2.layer.2.convolution.\3"),
    (r"stages\.(\d+)\.(\d+)\.norm1\.(.*)", r"resnet.encoder.stages.\1.layers.\2.layer.0.normalization.\3"),
    (r"stages\.(\d+)\.(\d+)\.norm2\.(.*)", r"resnet.encoder.stages.\1.layers.\2.layer.1.normalization.\3"),
    (r"stages\.(\d+)\.(\d+)\.norm3\.(.*)", r"resnet.encoder.stages.\1.layers.\2.layer.2.normalization.\3"),
    (r"head\.(.*)", r"classifier.1.\1"),
]
VIT = [
    (r"patches\.projection\.(.*)", r"vit.embeddings.patch_embeddings.projection.\1"),
    (r"tokens\.class_token", r"vit.embeddings.cls_token"),
    (r"tokens\.positions", r"vit.embeddings.position_embeddings"),
    (r"blocks\.(\d+)\.norm1\.(.*)", r"vit.layers.\1.layernorm_before.\2"),
    (r"blocks\.(\d+)\.norm2\.(.*)", r"vit.layers.\1.layernorm_after.\2"),
    (r"blocks\.(\d+)\.attention\.qkv\.(.*)", r"vit.layers.\1.attention.[q_proj k_proj v_proj].\2"),
    (r"blocks\.(\d+)\.attention\.projection\.(.*)", r"vit.layers.\1.attention.o_proj.\2"),
    (r"blocks\.(\d+)\.mlp\.0\.(.*)", r"vit.layers.\1.mlp.fc1.\2"),
    (r"blocks\.(\d+)\.mlp\.3\.(.*)", r"vit.layers.\1.mlp.fc2.\2"),
    (r"norm\.(.*)", r"vit.layernorm.\1"),
    (r"head\.(.*)", r"classifier.\1"),
]


def efficientnet(depths):
    """Rules for an EfficientNet with so many blocks in each stage; theirs are counted through all stages."""
    numbers = [(stage, block) for stage, depth in enumerate(depths) for block in range(depth)]
    parts = {
        "expand": "expansion.expand_conv",
        "norm1": "expansion.expand_bn",
        "depthwise": "depthwise_conv.depthwise_conv",
        "norm2": "depthwise_conv.depthwise_norm",
        "excite": "squeeze_excite",
        "project": "projection.project_conv",
        "norm3": "projection.project_bn",
    }
    return [
        (r"conv1\.(.*)", r"efficientnet.embeddings.convolution.\1"),
        (r"norm1\.(.*)", r"efficientnet.embeddings.batchnorm.\1"),
        *(
            (rf"stages\.{stage}\.{block}\.{ours}\.(.*)", rf"efficientnet.encoder.blocks.{number}.{theirs}.\1")
            for number, (stage, block) in enumerate(numbers)
            for ours, theirs in parts.items()
        ),
        (r"conv2\.(.*)", r"efficientnet.encoder.top_conv.\1"),
        (r"norm2\.(.*)", r"efficientnet.encoder.top_bn.\1"),
        (r"head\.(.*)", r"classifier.\1"),
    ]


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


def theirs_of(key, rules):
    """The names in transformers of one tensor of ours: several where ours is theirs joined along the first axis."""
    for pattern, name in rules:
        if re.fullmatch(pattern, key):
            name = re.sub(pattern, name, key)
            several = re.search(r"\[(.*)\]", name)
            return [name.replace(several[0], part) for part in several[1].split()] if several else [name]
    raise KeyError(key)


def joined(values, key, rules):
    return torch.cat([values[name] for name in theirs_of(key, rules)])


def the_same_random_weights(ours, theirs, rules):
    """Draw weights and statistics for theirs and give them to ours; every tensor of either has its place."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in theirs.state_dict().items():
            drawn = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(1 + drawn.abs())
            elif name.endswith("num_batches_tracked"):
                pass
            elif value.ndim < 2:
                value.add_(drawn * 0.3)  # scales about 1, shifts and means about 0
            else:
                value.copy_(drawn / value[0].numel() ** 0.5)
    given = theirs.state_dict()
    state = {
        key: given[theirs_of(key, rules)[0]] if value.ndim == 0 else joined(given, key, rules)
        for key, value in ours.state_dict().items()
    }
    used = {name for key in ours.state_dict() for name in theirs_of(key, rules)}
    assert used == set(given)
    ours.load_state_dict(state)


def compare(ours, theirs, rules, x, *, training, floor=0.0):
    """Scores within 1e-4; gradients of all parameters, of the input and the moved statistics within 1e-3.

    What is smaller than `floor` times the largest of all is rounding: in training a shift in front of another norm has
    no gradient.
    """
    ours.train(training)
    theirs.train(training)
    mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    got, expected = ours(mine), theirs(other).logits
    assert expected.abs().max() > 0.3  # numbers that can differ
    assert (got - expected).abs().max() < 1e-4
    upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    got.backward(upstream)
    expected.backward(upstream)
    gradients = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    pairs = {key: (p.grad, joined(gradients, key, rules)) for key, p in ours.named_parameters()}
    pairs["the input"] = (mine.grad, other.grad)
    state = theirs.state_dict()
    pairs |= {key: (value, joined(state, key, rules)) for key, value in ours.named_buffers() if value.ndim}
    least = floor * max(two.abs().max() for _, two in pairs.values())
    for key, (one, two) in pairs.items():
        assert two.any(), f"{key} has nothing to compare"
        assert (one - two).abs().max() <= 1e-3 * max(two.abs().max(), least), key


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("block", "stride_in_1x1"), [("basic", False), ("bottleneck", False), ("bottleneck", True)])
def test_resnet(transformers, block, stride_in_1x1, training):
    wider = 4 if block == "bottleneck" else 1
    theirs = transformers.ResNetForImageClassification(
        transformers.ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8 * wider, 12 * wider, 16 * wider],
            depths=[2, 1, 2],
            layer_type=block,
            downsample_in_bottleneck=stride_in_1x1,
            num_labels=10,
        )
    )
    ours = ResNet(block=block, depths=(2, 1, 2), widths=(8, 12, 16), stride_in_1x1=stride_in_1x1, num_classes=10)
    the_same_random_weights(ours, theirs, RESNET)
    x = torch.randn(6, 3, 64, 56, generator=torch.Generator().manual_seed(2))
    compare(ours, theirs, RESNET, x, training=training)


@pytest.mark.parametrize("fused", [False, True])
def test_vit(transformers, fused):
    theirs = transformers.ViTForImageClassification(
        transformers.ViTConfig(
            image_size=24,
            patch_size=4,
            hidden_size=32,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=96,
            layer_norm_eps=1e-6,
            num_labels=10,
        )
    )
    ours = ViT(
        image_size=24, patch_size=4, dim=32, depth=3, heads=4, mlp_ratio=3.0, num_classes=10, eps=1e-6, fused=fused
    )
    the_same_random_weights(ours, theirs, VIT)
    x = torch.randn(4, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    compare(ours, theirs, VIT, x, training=True)


@pytest.mark.parametrize("training", [False, True])
def test_efficientnet(transformers, training):
    stages = ((1, 3, 1, 8, 1), (4, 3, 2, 16, 2), (6, 5, 2, 24, 2))
    theirs = transformers.EfficientNetForImageClassification(
        transformers.EfficientNetConfig(
            image_size=32,
            width_coefficient=1.0,
            depth_coefficient=1.0,
            in_channels=[32, 8, 16],
            out_channels=[8, 16, 24],
            kernel_sizes=[3, 3, 5],
            strides=[1, 2, 2],
            num_block_repeats=[1, 2, 2],
            expand_ratios=[1, 4, 6],
            batch_norm_momentum=0.1,  # theirs hands Keras' number to PyTorch, which counts the other way round
            hidden_dim=1280,
            dropout_rate=0.0,
            drop_connect_rate=0.0,
            num_labels=10,
        )
    )
    ours = EfficientNet(stages=stages, dropout=0.0, drop_path=0.0, num_classes=10)
    rules = efficientnet([1, 2, 2])
    the_same_random_weights(ours, theirs, rules)
    x = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    compare(ours, theirs, rules, x, training=training, floor=1e-3 if training else 0.0)

"""Files in the publishers' own formats become ours: the scores are those of the network that wrote the file.

The publishers' networks stand here too: transformers' own classes, and torchvision's and facebook's (timm's) written
out from their documented names, which are the keys of their files. A file that one of them has written is served by the
mirror, fetched, translated, loaded and compared score by score.
"""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import safetensors
import safetensors.torch
import torch
from torch.nn import functional as F

from upslope.models import pretrained
from upslope.runs.workspace import data_folder


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


def scattered(module, seed=0):
    """Weights and batch statistics far from those of a fresh network, in which many mistakes do not show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                tensor.fill_(7)
            elif name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.ndim == 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.2 + (name.endswith("weight")))
            else:
                fan = tensor[0].numel()
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * fan**-0.5)
    return module.eval()


def torchvision_resnet(layers, *, bottleneck, seed=0, tracked=False):
    """A state dict with torchvision's keys and shapes; before 2018 there was no num_batches_tracked."""
    generator, state = torch.Generator().manual_seed(seed), {}

    def conv(name, out, channels, kernel):
        shape = (out, channels, kernel, kernel)
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * (channels * kernel**2) ** -0.5

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            noise = torch.rand(channels, generator=generator)
            state[f"{name}.{part}"] = 0.5 + noise if part in ("weight", "running_var") else noise - 0.5
        if tracked:
            state[f"{name}.num_batches_tracked"] = torch.tensor(3)

    conv("conv1", 64, 3, 7)
    norm("bn1", 64)
    channels, wider = 64, 4 if bottleneck else 1
    for number, depth in enumerate(layers, start=1):
        width = 32 * 2**number
        for block in range(depth):
            at = f"layer{number}.{block}"
            kernels = (1, 3, 1) if bottleneck else (3, 3)
            for place, kernel in enumerate(kernels, start=1):
                out = width * (wider if place == len(kernels) else 1)
                conv(f"{at}.conv{place}", out, channels if place == 1 else width, kernel)
                norm(f"{at}.bn{place}", out)
            if block == 0 and (number > 1 or bottleneck):
                conv(f"{at}.downsample.0", width * wider, channels, 1)
                norm(f"{at}.downsample.1", width * wider)
            channels = width * wider
    state["fc.weight"] = torch.randn(1000, channels, generator=generator) * channels**-0.5
    state["fc.bias"] = torch.randn(1000, generator=generator)
    return state


def run_torchvision_resnet(state, x, layers, *, bottleneck):
    """torchvision's forward pass, from its keys."""

    def step(x, conv, norm, **how):
        x = F.conv2d(x, state[f"{conv}.weight"], **how)
        named = [state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *named)

    x = F.max_pool2d(step(x, "conv1", "bn1", stride=2, padding=3).relu(), 3, stride=2, padding=1)
    for number, depth in enumerate(layers, start=1):
        for block in range(depth):
            at, stride = f"layer{number}.{block}", 2 if number > 1 and block == 0 else 1
            if bottleneck:  # the stride is on the second convolution
                out = step(x, f"{at}.conv1", f"{at}.bn1").relu()
                out = step(out, f"{at}.conv2", f"{at}.bn2", stride=stride, padding=1).relu()
                out = step(out, f"{at}.conv3", f"{at}.bn3")
            else:
                out = step(x, f"{at}.conv1", f"{at}.bn1", stride=stride, padding=1).relu()
                out = step(out, f"{at}.conv2", f"{at}.bn2", padding=1)
            if f"{at}.downsample.0.weight" in state:
                x = step(x, f"{at}.downsample.0", f"{at}.downsample.1", stride=stride)
            x = (out + x).relu()
    return F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])


def run_torchvision_vit(state, x, *, heads, depth, first="0", second="3"):
    """torchvision's forward pass, from its keys, with PyTorch's own multi-head attention."""
    dim, patch = state["conv_proj.weight"].shape[0], state["conv_proj.weight"].shape[-1]
    x = F.conv2d(x, state["conv_proj.weight"], state["conv_proj.bias"], stride=patch).flatten(2).transpose(1, 2)
    x = torch.cat([state["class_token"].expand(len(x), -1, -1), x], dim=1) + state["encoder.pos_embedding"]
    for number in range(depth):
        part = {
            key.removeprefix(f"encoder.layers.encoder_layer_{number}."): value
            for key, value in state.items()
            if key.startswith(f"encoder.layers.encoder_layer_{number}.")
        }
        attention = torch.nn.MultiheadAttention(dim, heads, batch_first=True).eval()
        attention.load_state_dict(
            {k.removeprefix("self_attention."): v for k, v in part.items() if k.startswith("self_attention.")}
        )
        y = F.layer_norm(x, (dim,), part["ln_1.weight"], part["ln_1.bias"], 1e-6)
        x = x + attention(y, y, y, need_weights=False)[0]
        y = F.layer_norm(x, (dim,), part["ln_2.weight"], part["ln_2.bias"], 1e-6)
        y = F.gelu(F.linear(y, part[f"mlp.{first}.weight"], part[f"mlp.{first}.bias"]))
        x = x + F.linear(y, part[f"mlp.{second}.weight"], part[f"mlp.{second}.bias"])
    x = F.layer_norm(x, (dim,), state["encoder.ln.weight"], state["encoder.ln.bias"], 1e-6)
    return F.linear(x[:, 0], state["heads.head.weight"], state["heads.head.bias"])


def facebook_vit(state):
    """The same weights under the keys of DeiT's files, which are timm's."""
    pairs = [
        *[("class_token", "cls_token"), ("encoder.pos_embedding", "pos_embed"), ("conv_proj", "patch_embed.proj")],
        *[("encoder.layers.encoder_layer_", "blocks."), ("encoder.ln.", "norm."), ("heads.head", "head")],
        *[("ln_1", "norm1"), ("ln_2", "norm2"), ("self_attention.in_proj_", "attn.qkv.")],
        *[("self_attention.out_proj", "attn.proj"), ("mlp.0", "mlp.fc1"), ("mlp.3", "mlp.fc2")],
    ]
    renamed = {}
    for key, value in state.items():
        for old, new in pairs:
            key = key.replace(old, new)
        renamed[key] = value
    return renamed


def agree(ours, theirs):
    assert theirs.abs().max() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@torch.no_grad()
def test_transformers_resnet18_at_full_size(transformers, shelf, tmp_path):
    config = transformers.ResNetConfig(
        layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], num_labels=1000
    )
    theirs = scattered(transformers.ResNetForImageClassification(config))
    theirs.save_pretrained(tmp_path / "theirs")
    shelf("resnet18", "huggingface", tmp_path / "theirs" / "model.safetensors")
    path = pretrained.get("resnet18", quiet=True)
    assert path == data_folder() / "models" / "resnet18-huggingface.safetensors"
    ours = pretrained.load("resnet18")
    assert not ours.training
    x = torch.randn(2, 3, 96, 96)
    agree(ours(x), theirs(x).logits)
    assert ours.norm1.num_batches_tracked == 7
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.endswith(".lock")) == [path.name]


@torch.no_grad()
@pytest.mark.deep
def test_transformers_resnet50_takes_its_rules_from_another_size(transformers, tmp_path):
    config = transformers.ResNetConfig(num_labels=1000)
    theirs = scattered(transformers.ResNetForImageClassification(config))
    theirs.save_pretrained(tmp_path / "theirs")
    _, publisher, same = pretrained.adopt("resnet50", tmp_path / "theirs" / "model.safetensors")
    assert (publisher, same) == ("huggingface", False)
    x = torch.randn(1, 3, 64, 64)
    agree(pretrained.load("resnet50", publisher="huggingface")(x), theirs(x).logits)


@torch.no_grad()
def test_transformers_vit(transformers, shelf, tmp_path):
    config = transformers.ViTConfig(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=192,
        image_size=32,
        patch_size=8,
        num_labels=10,
        layer_norm_eps=1e-6,
    )
    theirs = scattered(transformers.ViTForImageClassification(config))
    theirs.save_pretrained(tmp_path / "theirs")
    written = safetensors.torch.load_file(tmp_path / "theirs" / "model.safetensors")
    assert "vit.encoder.layer.0.attention.attention.query.weight" in written, "the names of the files on the hub"
    # Some of the hub's files also hold a layer that classification does not use.
    written |= {"vit.pooler.dense.weight": torch.ones(48, 48), "vit.pooler.dense.bias": torch.ones(48)}
    safetensors.torch.save_file(written, tmp_path / "model.safetensors")
    shelf("vit-mini", "huggingface", tmp_path / "model.safetensors")
    x = torch.randn(3, 3, 32, 32)
    agree(pretrained.load("vit-mini")(x), theirs(x).logits)


@pytest.mark.parametrize(
    ("name", "layers", "bottleneck", "tracked"),
    [
        ("resnet18", (2, 2, 2, 2), False, False),
        pytest.param("resnet50", (3, 4, 6, 3), True, True, marks=pytest.mark.deep),
    ],
)
@torch.no_grad()
def test_torchvision_resnet_at_full_size(shelf, tmp_path, name, layers, bottleneck, tracked):
    state = torchvision_resnet(layers, bottleneck=bottleneck, tracked=tracked)
    file = tmp_path / f"{name}.pth"
    torch.save(state, file)
    shelf(name, "torchvision", file)
    ours = pretrained.load(name, publisher="torchvision", quiet=True)
    x = torch.randn(1, 3, 64, 64)
    agree(ours(x), run_torchvision_resnet(state, x, layers, bottleneck=bottleneck))
    assert ours.norm1.num_batches_tracked == (3 if tracked else 0)


@pytest.mark.parametrize("legacy", [False, True])
@torch.no_grad()
def test_torchvision_vit(shelf, torchvision_vit, tmp_path, legacy):
    state = torchvision_vit(dim=48, depth=2, hidden=192, patch=8, tokens=16, classes=10, legacy=legacy)
    torch.save(state, tmp_path / "vit.pth")
    shelf("vit-mini", "torchvision", tmp_path / "vit.pth")
    x = torch.randn(2, 3, 32, 32)
    names = {"first": "linear_1", "second": "linear_2"} if legacy else {}
    agree(pretrained.load("vit-mini", quiet=True)(x), run_torchvision_vit(state, x, heads=4, depth=2, **names))


@torch.no_grad()
def test_facebook_vit_tiny_at_full_size(shelf, torchvision_vit, tmp_path):
    state = torchvision_vit(dim=192, depth=12, hidden=768, patch=16, tokens=196, classes=1000)
    torch.save({"model": facebook_vit(state)}, tmp_path / "deit.pth")
    shelf("vit-tiny", "facebook", tmp_path / "deit.pth")
    x = torch.randn(1, 3, 224, 224)
    agree(pretrained.load("vit-tiny", quiet=True)(x), run_torchvision_vit(state, x, heads=3, depth=12))

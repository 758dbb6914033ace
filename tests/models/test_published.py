"""Published weights: files in the publishers' own formats become ours, and nothing else does.

The publishers' networks stand here too: transformers' own classes, and torchvision's and facebook's (timm's) written
out from their documented names, which are the keys of their files. A file that one of them has written is served by the
mirror, fetched, translated, loaded and compared score by score.
"""

import hashlib
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import safetensors
import safetensors.torch
import torch
from torch.nn import functional as F

from upslope.cards import File, Input, Size, discover
from upslope.models import build, published
from upslope.models.checkpoints import read, rename, translate
from upslope.runs.problem import ConfigProblem, DataProblem
from upslope.runs.workspace import data_folder

NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody answers
MINI = {"image_size": 32, "patch_size": 8, "dim": 48, "depth": 2, "heads": 4, "num_classes": 10, "fused": True}


@pytest.fixture(scope="module")
def transformers():
    """The library, imported once and kept from the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield pytest.importorskip("transformers", reason="it is the independent implementation")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """`shelf("resnet18", "torchvision", path)`: that file in the mirror, and a card that knows its hash."""
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "models").mkdir(parents=True)

    def put(name, publisher, path, *, arguments=None, **changes):
        content = path.read_bytes()
        (tmp_path / "mirror" / "models" / path.name).write_bytes(content)
        file = File(path.name, hashlib.sha256(content).hexdigest(), len(content), (NOWHERE + path.name,))
        cards = discover("models")
        family = next(f for f, found in cards.items() if name in found.card.sizes or f == name.partition("-")[0])
        card = cards[family].card
        stated = [weights for size in card.sizes.values() for weights in size.weights]
        weights = next(weights for weights in stated if weights.publisher == publisher and weights.keys)
        size = card.sizes.get(name) or Size(dict(arguments), (Input((3, 32, 32)),), (10,))
        size = replace(size, weights=(replace(weights, file=replace(file, **changes)),))
        # The other sizes keep theirs: one of them states the rules.
        found = replace(cards[family], card=replace(card, sizes={**card.sizes, name: size, "rules": card.sizes["toy"]}))
        found.card.sizes["rules"] = replace(size, weights=(weights,))
        monkeypatch.setattr(build, "discover", lambda room: {**cards, family: found})
        return tmp_path / "mirror" / "models" / path.name

    return put


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


def torchvision_vit(*, dim, depth, hidden, patch, tokens, classes, legacy=False, seed=0):
    """A state dict with torchvision's keys and shapes; older files call the layers of the MLP linear_1 and linear_2."""
    first, second = ("linear_1", "linear_2") if legacy else ("0", "3")
    shapes = {"class_token": (1, 1, dim), "conv_proj.weight": (dim, 3, patch, patch), "conv_proj.bias": (dim,)}
    shapes |= {"encoder.pos_embedding": (1, tokens + 1, dim)}
    for number in range(depth):
        at = f"encoder.layers.encoder_layer_{number}"
        for name, shape in (
            ("ln_1", (dim,)),
            ("self_attention.in_proj_", (3 * dim, dim)),
            ("self_attention.out_proj", (dim, dim)),
            ("ln_2", (dim,)),
            (f"mlp.{first}", (hidden, dim)),
            (f"mlp.{second}", (dim, hidden)),
        ):
            dot = "" if name.endswith("_") else "."
            shapes |= {f"{at}.{name}{dot}weight": shape, f"{at}.{name}{dot}bias": shape[:1]}
    shapes |= {"encoder.ln.weight": (dim,), "encoder.ln.bias": (dim,)}
    shapes |= {"heads.head.weight": (classes, dim), "heads.head.bias": (classes,)}
    generator = torch.Generator().manual_seed(seed)
    return {key: torch.randn(shape, generator=generator) * dim**-0.5 for key, shape in shapes.items()}


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
    path = published.get("resnet18", quiet=True)
    assert path == data_folder() / "models" / "resnet18-huggingface.safetensors"
    ours = published.load("resnet18")
    assert not ours.training
    x = torch.randn(2, 3, 96, 96)
    agree(ours(x), theirs(x).logits)
    assert ours.norm1.num_batches_tracked == 7
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.endswith(".lock")) == [path.name]


@torch.no_grad()
def test_transformers_resnet50_takes_its_rules_from_another_size(transformers, tmp_path):
    config = transformers.ResNetConfig(num_labels=1000)
    theirs = scattered(transformers.ResNetForImageClassification(config))
    theirs.save_pretrained(tmp_path / "theirs")
    _, publisher, same = published.adopt("resnet50", tmp_path / "theirs" / "model.safetensors")
    assert (publisher, same) == ("huggingface", False)
    x = torch.randn(1, 3, 64, 64)
    agree(published.load("resnet50", publisher="huggingface")(x), theirs(x).logits)


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
    shelf("vit-mini", "huggingface", tmp_path / "model.safetensors", arguments=MINI)
    x = torch.randn(3, 3, 32, 32)
    agree(published.load("vit-mini")(x), theirs(x).logits)


@pytest.mark.parametrize(
    ("name", "layers", "bottleneck", "tracked"),
    [("resnet18", (2, 2, 2, 2), False, False), ("resnet50", (3, 4, 6, 3), True, True)],
)
@torch.no_grad()
def test_torchvision_resnet_at_full_size(shelf, tmp_path, name, layers, bottleneck, tracked):
    state = torchvision_resnet(layers, bottleneck=bottleneck, tracked=tracked)
    file = tmp_path / f"{name}.pth"
    torch.save(state, file)
    shelf(name, "torchvision", file)
    ours = published.load(name, publisher="torchvision", quiet=True)
    x = torch.randn(1, 3, 64, 64)
    agree(ours(x), run_torchvision_resnet(state, x, layers, bottleneck=bottleneck))
    assert ours.norm1.num_batches_tracked == (3 if tracked else 0)


@pytest.mark.parametrize("legacy", [False, True])
@torch.no_grad()
def test_torchvision_vit(shelf, tmp_path, legacy):
    state = torchvision_vit(dim=48, depth=2, hidden=192, patch=8, tokens=16, classes=10, legacy=legacy)
    torch.save(state, tmp_path / "vit.pth")
    shelf("vit-mini", "torchvision", tmp_path / "vit.pth", arguments=MINI)
    x = torch.randn(2, 3, 32, 32)
    names = {"first": "linear_1", "second": "linear_2"} if legacy else {}
    agree(published.load("vit-mini", quiet=True)(x), run_torchvision_vit(state, x, heads=4, depth=2, **names))


@torch.no_grad()
def test_facebook_vit_tiny_at_full_size(shelf, tmp_path):
    state = torchvision_vit(dim=192, depth=12, hidden=768, patch=16, tokens=196, classes=1000)
    torch.save({"model": facebook_vit(state)}, tmp_path / "deit.pth")
    shelf("vit-tiny", "facebook", tmp_path / "deit.pth")
    x = torch.randn(1, 3, 224, 224)
    agree(published.load("vit-tiny", quiet=True)(x), run_torchvision_vit(state, x, heads=3, depth=12))


@pytest.fixture
def mini(tmp_path):
    """A file of torchvision's ViT, small, to be spoiled."""
    state = torchvision_vit(dim=48, depth=2, hidden=192, patch=8, tokens=16, classes=10)
    torch.save(state, tmp_path / "vit.pth")
    return tmp_path / "vit.pth", state


def refused(call, *sentences):
    """The call fails with one line that says so, and nothing is kept."""
    with pytest.raises(DataProblem) as problem:
        call()
    said = str(problem.value)
    assert "\n" not in said
    for sentence in sentences:
        assert sentence in said
    left = [path.name for path in (data_folder() / "models").glob("*")] if data_folder().is_dir() else []
    assert all(name.endswith(".lock") for name in left), left
    return said


def test_a_prefix_of_the_hash_is_compared(shelf, mini):
    path, _ = mini
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    shelf("vit-mini", "torchvision", path, arguments=MINI, sha256=whole[:8], size=0)
    kept = published.get("vit-mini", quiet=True)
    kept.unlink()
    wrong = whole[:7] + ("0" if whole[7] != "0" else "1")
    shelf("vit-mini", "torchvision", path, arguments=MINI, sha256=wrong)
    refused(lambda: published.get("vit-mini", quiet=True), "the mirror has another file of that name")
    shelf("vit-mini", "torchvision", path, arguments=MINI, sha256="")
    refused(lambda: published.get("vit-mini", quiet=True), "the mirror has another file of that name")


def test_a_wrong_hash_is_refused_and_named(shelf, mini, capsys):
    path, _ = mini
    served = shelf("vit-mini", "torchvision", path, arguments=MINI)
    served.write_bytes(path.read_bytes()[:-1] + b"x")
    refused(lambda: published.get("vit-mini"), "vit.pth", "upslope model get vit-mini", "holds models/vit.pth")
    got = hashlib.sha256(served.read_bytes()).hexdigest()
    assert f"vit.pth from the mirror has sha256 {got[:8]}..." in capsys.readouterr().err


def test_a_truncated_file_is_refused(shelf, mini):
    path, _ = mini
    served = shelf("vit-mini", "torchvision", path, arguments=MINI)
    served.write_bytes(path.read_bytes()[:5000])
    refused(lambda: published.get("vit-mini", quiet=True), "another file of that name")
    refused(lambda: published.adopt("vit-mini", served), "is damaged, or no file of tensors")
    tensors = served.with_name("half.safetensors")
    tensors.write_bytes(safetensors.torch.save(mini[1])[:5000])
    refused(lambda: published.adopt("vit-mini", tensors), "is damaged, or no file of tensors")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda s: s.pop("encoder.ln.bias"), "vit.pth lacks what becomes norm.bias"),
        (lambda s: s.update(extra=torch.ones(1)), "vit.pth holds extra, for which there is no rule"),
        (
            lambda s: s.update({"encoder.layers.encoder_layer_2.ln_1.bias": torch.ones(48)}),
            "holds encoder.layers.encoder_layer_2.ln_1.bias, but the model has no blocks.2.norm1.bias",
        ),
        (
            lambda s: s.update({"heads.head.bias": torch.ones(7)}),
            "holds heads.head.bias in the shape (7,), expected (10,) for head.bias",
        ),
        (
            lambda s: s.update({"heads.head.bias": torch.ones(10, dtype=torch.int64)}),
            "holds heads.head.bias in torch.int64, expected torch.float32",
        ),
        (
            lambda s: s.update({"encoder.layers.encoder_layer_0.mlp.linear_1.bias": torch.ones(192)}),
            "which both become blocks.0.mlp.0.bias",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused(shelf, mini, spoil, sentence):
    path, state = mini
    spoil(state)
    torch.save(state, path)
    shelf("vit-mini", "torchvision", path, arguments=MINI)
    refused(lambda: published.get("vit-mini", quiet=True), sentence)


def test_a_pickle_that_would_run_code_runs_none(shelf, tmp_path, mini):
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path, state = mini
    torch.save({**state, "class_token": Runs()}, path)
    shelf("vit-mini", "torchvision", path, arguments=MINI)
    refused(lambda: published.get("vit-mini", quiet=True), "is refused: it asks for io.open, which is no tensor")
    assert not (tmp_path / "ran").exists()
    path.write_bytes(b"not a file of weights at all")
    refused(lambda: published.adopt("vit-mini", path), "vit.pth")


def test_parts_are_joined_in_their_order_and_missed_by_number():
    rules = (("q", "qkv[1/3]"), ("k", "qkv[2/3]"), ("v", "qkv[3/3]"))
    wanted = {"qkv": torch.empty(6, 2)}
    parts = {name: torch.full((2, 2), float(number)) for number, name in enumerate("qkv")}
    joined = translate({name: parts[name] for name in "vqk"}, rules, wanted, name="file")
    assert joined["qkv"][:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    with pytest.raises(DataProblem, match=r"^file lacks what becomes qkv \(part 2 of 3\)$"):
        translate({name: parts[name] for name in "qv"}, rules, wanted, name="file")
    with pytest.raises(DataProblem, match=r"file holds q and k and v in the shape .* expected \(6, 2\) for qkv"):
        translate(parts | {"k": torch.ones(1, 2)}, rules, wanted, name="file")


def test_the_first_rule_that_matches_counts():
    rules = ((r"a\.(\d)", r"b.\1"), (r"a\..*", ""))
    assert rename("a.1", rules) == "b.1"
    assert rename("a.x", rules) == ""
    assert rename("c", rules) is None


def test_what_is_kept_is_not_fetched_again(shelf, mini):
    path, _ = mini
    served = shelf("vit-mini", "torchvision", path, arguments=MINI)
    kept = published.get("vit-mini", quiet=True)
    served.unlink()
    before = kept.stat().st_mtime_ns
    assert published.get("vit-mini", quiet=True) == kept
    assert kept.stat().st_mtime_ns == before
    with safetensors.safe_open(kept, framework="numpy") as file:
        assert file.metadata()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    kept.write_bytes(kept.read_bytes()[:200])
    with pytest.raises(DataProblem, match="is damaged"):
        published.load("vit-mini")


def test_a_file_of_ones_own_does_not_pass_for_the_published_one(shelf, mini, tmp_path):
    path, state = mini
    shelf("vit-mini", "torchvision", path, arguments=MINI)
    own = tmp_path / "own.pth"
    torch.save({**state, "class_token": torch.zeros(1, 1, 48)}, own)
    kept, publisher, same = published.adopt("vit-mini", own)
    assert (publisher, same) == ("torchvision", False)
    assert not published.load("vit-mini").tokens.class_token.any()
    assert published.get("vit-mini", quiet=True) == kept
    assert published.load("vit-mini").tokens.class_token.any(), "get fetches the published file all the same"
    assert published.adopt("vit-mini", path)[2]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: published.get("resnet50", publisher="huggingface"), "no hash of huggingface's file of resnet50"),
        (lambda: published.get("resnet20"), "no file of resnet20 is known here, so nothing is fetched"),
        (
            lambda: published.get("resnet50", publisher="timm"),
            'no weights of resnet50 are known from "timm", only from',
        ),
        (lambda: published.get("lenet5"), "there are no published weights of lenet5"),
    ],
)
def test_what_cannot_be_fetched_is_said(call, sentence):
    with pytest.raises((DataProblem, ConfigProblem)) as problem:
        call()
    assert sentence in str(problem.value)


def test_keys_that_nobody_has_are_not_taken_for_somebodys(tmp_path):
    safetensors.torch.save_file({"head.bias": torch.ones(1), "x": torch.ones(1), "y": torch.ones(1)}, tmp_path / "f")
    with pytest.raises(DataProblem, match="for vit-tiny those of facebook and torchvision and huggingface are known"):
        published.adopt("vit-tiny", tmp_path / "f")
    with pytest.raises(DataProblem, match="cannot be read: no such file"):
        read(tmp_path / "absent")


def test_cards_fetch_nothing_without_a_hash():
    for found in discover("models").values():
        for weights in [weights for size in found.card.sizes.values() for weights in size.weights]:
            assert weights.licence
            assert weights.publisher in published.formats(found)
            if weights.file.urls:
                digits = weights.file.name.rpartition("-")[2].removesuffix(".pth")
                assert len(digits) == 8, "publishers name their files by the beginning of the hash"
                assert weights.file.sha256.startswith(digits)
                assert all(url.endswith(f"/{weights.file.name}") for url in weights.file.urls)

"""How deep the contracts go; files of weights as their publishers write them, and a mirror that serves them."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from upslope.cards import File, Input, Size, discover

HERE = Path(__file__).parent
NOWHERE = "http://127.0.0.1:9/"  # the discard port: nobody answers
MINI = {"image_size": 32, "patch_size": 8, "dim": 48, "depth": 2, "heads": 4, "num_classes": 10, "fused": True}


# Contracts that build a model at its full sizes or export it twice.
LONG = {"counts", "sizes", "onnx"}


def pytest_collection_modifyitems(items):
    """`make test` asks every model of every contract at toy size, and each contract of its first planted mistake."""
    seen = set()
    for item in items:
        if item.path.parent != HERE:
            continue
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if item.path.name == "test_contract.py" and given.get("contract") in LONG:
            item.add_marker(pytest.mark.deep)
        if item.path.name == "test_contract_can_fail.py" and "name" in given:
            folder = next(HERE.glob(f"planted/*/{given['name']}.py")).parent.name
            if folder in seen:
                item.add_marker(pytest.mark.deep)
            seen.add(folder)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """`shelf("resnet18", "torchvision", path)`: that file in the mirror, and a card that knows its hash.

    A size that no card knows, "vit-mini", is as small as MINI says.
    """
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "models").mkdir(parents=True)

    def put(name, publisher, path, **changes):
        content = path.read_bytes()
        (tmp_path / "mirror" / "models" / path.name).write_bytes(content)
        file = File(path.name, hashlib.sha256(content).hexdigest(), len(content), (NOWHERE + path.name,))
        cards = discover("models")
        family = next(f for f, found in cards.items() if name in found.card.sizes or f == name.partition("-")[0])
        card = cards[family].card
        stated = [weights for size in card.sizes.values() for weights in size.weights]
        weights = next(weights for weights in stated if weights.publisher == publisher and weights.keys)
        size = card.sizes.get(name) or Size(dict(MINI), (Input((3, 32, 32)),), (10,))
        size = replace(size, weights=(replace(weights, file=replace(file, **changes)),))
        # The other sizes keep theirs: one of them states the rules.
        found = replace(cards[family], card=replace(card, sizes={**card.sizes, name: size, "rules": card.sizes["toy"]}))
        found.card.sizes["rules"] = replace(size, weights=(weights,))
        monkeypatch.setattr("upslope.models.build.discover", lambda room: {**cards, family: found})
        return tmp_path / "mirror" / "models" / path.name

    return put


@pytest.fixture
def torchvision_vit():
    """Makes a state dict with torchvision's keys and shapes; in older files the MLP holds linear_1 and linear_2."""
    import torch

    def made(*, dim, depth, hidden, patch, tokens, classes, legacy=False):
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
        generator = torch.Generator().manual_seed(0)
        return {key: torch.randn(shape, generator=generator) * dim**-0.5 for key, shape in shapes.items()}

    return made


@pytest.fixture
def mini(tmp_path, torchvision_vit):
    """A file of torchvision's ViT, small, to be spoiled, and what it holds."""
    import torch

    state = torchvision_vit(dim=48, depth=2, hidden=192, patch=8, tokens=16, classes=10)
    torch.save(state, tmp_path / "vit.pth")
    return tmp_path / "vit.pth", state

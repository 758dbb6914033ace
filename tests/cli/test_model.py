"""`upslope model`: the list, what one is made of, and published weights from the mirror."""

import hashlib
from dataclasses import replace

import pytest

from upslope.cards import File, discover

torch = pytest.mark.needs("torch")
NO_TORCH = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")\n'


@pytest.fixture
def without_torch(program, tmp_path):
    """`program` on a machine where torch cannot be imported."""
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "torch.py").write_text(NO_TORCH)
    return lambda *words: program(*words, PYTHONPATH=str(tmp_path / "lacking"))


def test_the_list_holds_every_size_of_every_family(without_torch, upslope):
    said = without_torch("model", "list")
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    listed = upslope("model", "list", "--json").json["models"]
    cards = {name: found.card for name, found in discover("models").items()}
    assert len(listed) == sum(len(card.sizes) for card in cards.values())
    for one in listed:
        row = next(line for line in said.out.splitlines() if line.startswith(f"    {one['name']} "))
        assert " x ".join(map(str, one["inputs"][0])) in row
        if one["parameters"]:
            assert f"{one['parameters']:,}" in row
    assert all(card.paper in said.out for card in cards.values())
    assert any("torchvision" in line for line in said.out.splitlines() if "resnet50" in line)


def test_without_a_verb_the_models_are_listed(upslope):
    assert upslope("model").out == upslope("model", "list").out


def test_a_family_lists_its_sizes_without_torch(without_torch):
    said = without_torch("model", "show", "resnet")
    assert said.code == 0, said.err
    for words in ("Residual Network", "https://arxiv.org/abs/1512.03385", "resnet152", "60,192,808", "resnet-toy"):
        assert words in said.out
    assert "vit" not in said.out


def test_without_torch_show_and_get_say_what_to_install(without_torch):
    for words in (("show", "resnet18"), ("get", "resnet18")):
        said = without_torch("model", *words)
        assert said.code == 3
        assert said.err.strip() == "this needs torch, which is not installed: pip install 'upslope[torch]'"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "resnt50"), 'there is no model "resnt50"; did you mean resnet50? (upslope model list)'),
        (("show", "resne"), 'there is no model "resne"; did you mean resnet? (upslope model list)'),
        (("get", "vit-bse"), 'there is no model "vit-bse"; did you mean vit-base? (upslope model list)'),
        (("get", "xyzzy"), 'there is no model "xyzzy" (upslope model list)'),
        (("get", "resnet"), "resnet is a family; which of its sizes: resnet18, resnet34,"),
        (("shwo",), 'upslope model has no verb "shwo"; did you mean show?'),
    ],
)
def test_names_that_are_none(upslope, words, sentence):
    said = upslope("model", *words)
    assert said.code == 2
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1


@torch
def test_a_size_with_the_name_of_its_family_is_meant(upslope, monkeypatch):
    from upslope.models import build

    lenet = discover("models")["lenet"]
    named = {"lenet5": replace(lenet, card=replace(lenet.card, name="lenet5"))}
    monkeypatch.setattr(build, "discover", lambda room: named)
    monkeypatch.setattr("upslope.cards.discover", lambda room: named)
    assert "multiply-adds" in upslope("model", "show", "lenet5").out
    assert upslope("model", "get", "lenet5").code == 3


@torch
def test_show_in_80_columns(upslope):
    said = upslope("model", "show", "resnet50")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(said.out.split())
    for words in (
        "He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1512.03385",
        "input 3 x 224 x 224",
        "parameters 25,557,032 (checked against torchvision)",
        "multiply-adds 4.09 G for one input",
        "receptive field 427 x 427 pixels, beyond the edges of the picture, up to stages.3.2.conv2; then all",
        "conv1 Conv2d 7x7 /2 B, 64, 112, 112 9,408 118.0 M 7",
        "stages.2.1-5 5 x Bottleneck B, 1024, 14, 14 5,585,920 1.09 G 267",
        "head Linear B, 1000 2,049,000 2.0 M all",
        "torchvision resnet50-11ad3fa6.pth; 80.9 % ImageNet top-1; 95.4 % ImageNet top-5; BSD-3-Clause; 102.5 MB",
        "huggingface microsoft-resnet-50.safetensors; Apache-2.0",
        "Pictures: in [0, 1], minus (0.485, 0.456, 0.406)",
        "upslope model get resnet50 upslope model get resnet50 --from huggingface",
    ):
        assert words in text
    assert len(upslope("model", "show", "resnet50", "--depth", "2").out.splitlines()) > 2 * len(lines) - 20


@torch
def test_show_leaves_out_a_column_before_it_breaks_a_name(upslope, monkeypatch):
    narrow = upslope("model", "show", "vit-base").out
    assert max(map(len, narrow.splitlines())) <= 80
    assert "ClassTokenAndPositions" in narrow
    assert "  sees" not in narrow
    assert "A wider screen also shows: sees." in " ".join(narrow.split())
    monkeypatch.setenv("COLUMNS", "120")
    wide = upslope("model", "show", "vit-base").out
    assert "  sees" in wide
    assert "A wider screen" not in wide
    assert "16 x 16 pixels up to patches.projection; then all of the picture" in wide


@torch
@pytest.mark.parametrize("name", ["resnet50", "vit-base", "lenet5", "sprint"])
def test_show_in_60_columns_breaks_no_cell(upslope, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "60")
    said = upslope("model", "show", name).out
    assert max(map(len, said.splitlines())) <= 60
    assert "A wider screen also shows: kind, sees." in " ".join(said.split())
    table = said.partition("  layer ")[2].partition("\n\n")[0].splitlines()[1:]
    rows = upslope("model", "show", name, "--json").json["layers"]
    for line, row in zip(table, rows, strict=True):
        assert ", ".join(["B", *map(str, row["output"])]) in line


@torch
def test_show_for_programs(upslope):
    said = upslope("model", "show", "resnet18", "--json").json
    assert said["parameters"] == 11_689_512
    assert said["multiply_adds"] == 1_814_073_344
    assert said["sees"] == "all"
    assert said["sees_part"] == {"stages.3.1.conv2": 435}
    assert sum(row["parameters"] for row in said["layers"] if not row["heading"]) == said["parameters"]
    first = said["layers"][0]
    assert (first["path"], first["kind"], first["output"]) == ("conv1", "Conv2d 7x7 /2", [64, 112, 112])
    assert (first["parameters"], first["multiply_adds"], first["sees"]) == (9408, 118_013_952, 7)


@pytest.fixture
def mirrored(tmp_path, monkeypatch):
    """A small file in torchvision's keys for resnet-toy, in the mirror and on the card."""
    pytest.importorskip("torch")
    from torch import save

    from upslope.models import build

    toy = build.build("resnet-toy").state_dict()
    names = {"norm1.": "bn1.", "head.": "fc.", "stages.0.0.": "layer1.0.", "stages.1.0.": "layer2.0."}
    state = {}
    for key, tensor in toy.items():
        for old, new in names.items():
            key = key.replace(old, new, 1) if key.startswith(old) else key
        state[key.replace(".norm", ".bn").replace("shortcut", "downsample")] = tensor.clone()
    folder = tmp_path / "mirror" / "models"
    folder.mkdir(parents=True)
    save(state, folder / "toy.pth")
    content = (folder / "toy.pth").read_bytes()
    cards = discover("models")
    card = cards["resnet"].card
    file = File("toy.pth", hashlib.sha256(content).hexdigest(), len(content), ("http://127.0.0.1:9/toy.pth",))
    weights = replace(card.sizes["resnet18"].weights[0], file=file, keys=())
    changed = replace(card, sizes={**card.sizes, "toy": replace(card.sizes["toy"], weights=(weights,))})
    found = {**cards, "resnet": replace(cards["resnet"], card=changed)}
    monkeypatch.setattr(build, "discover", lambda room: found)
    monkeypatch.setattr("upslope.cards.discover", lambda room: found)
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path / "mirror"))
    return folder / "toy.pth"


@torch
def test_get_fetches_from_the_mirror(upslope, mirrored, tmp_path):
    said = upslope("model", "get", "resnet-toy")
    assert said.code == 0, said.err
    kept = tmp_path / "upslope-data" / "models" / "resnet-toy-torchvision.safetensors"
    assert kept.is_file()
    assert f"resnet-toy of torchvision is here, with the right sha256, under our keys:  {kept}" in said.out
    assert 'load("resnet-toy", publisher="torchvision")' in said.out
    assert any("torchvision (here)" in line for line in upslope("model").out.splitlines() if "resnet-toy" in line)
    assert "; here" in upslope("model", "show", "resnet-toy").out
    again = upslope("model", "get", "resnet-toy", "--from", "torchvision", "--json").json
    assert again == {"name": "resnet-toy", "publisher": "torchvision", "path": str(kept), "published_file": True}


@torch
def test_get_reads_a_file_of_ones_own(upslope, mirrored):
    own = mirrored.rename(mirrored.with_name("mine.pth"))
    said = upslope("model", "get", "resnet-toy", "--file", str(own))
    assert said.code == 0, said.err
    assert f"{own} has the keys of torchvision; under ours it is here:" in said.out
    assert "It is the file that torchvision publishes." in said.out


@torch
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("resnet-toy", "--from", "timm"), 2, 'no weights of resnet-toy are known from "timm", only from torchvision'),
        (("resnet-toy", "--from", "huggingface"), 3, "no hash of huggingface's file of resnet-toy is known here"),
        (("resnet-toy", "--file", "absent.pth"), 3, "absent.pth cannot be read: no such file or directory"),
        (("lenet5",), 3, "there are no published weights of lenet5"),
    ],
)
def test_get_says_in_one_sentence_why_not(upslope, mirrored, words, code, sentence):
    said = upslope("model", "get", *words)
    assert said.code == code
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1


@torch
@pytest.mark.parametrize("words", ["resnet-toy", "resnet-toy --from torchvision"])
def test_a_wrong_file_in_the_mirror_is_named_and_not_used(upslope, mirrored, tmp_path, words):
    mirrored.write_bytes(mirrored.read_bytes() + b"x")
    said = upslope("model", "get", *words.split())
    assert said.code == 3
    assert "toy.pth from the mirror has sha256" in said.err
    assert f"with a network, upslope model get {words} brings it" in said.err
    assert "without one, set UPSLOPE_MIRROR to a folder or an address that holds models/toy.pth" in said.err
    assert not list((tmp_path / "upslope-data" / "models").glob("*.safetensors"))


def test_completion_knows_families_and_sizes():
    from upslope.cli.terminal.completion import model_names

    assert {"resnet", "resnet50", "resnet-toy"} <= set(model_names("res"))
    assert model_names("vit-b") == ["vit-base"]

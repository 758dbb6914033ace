"""Published weights: what is not the published file, or not a file of tensors, is refused; nothing in it runs."""

import hashlib
import re

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import safetensors
import safetensors.torch
import torch

from upslope.cards import discover
from upslope.models import pretrained
from upslope.models.checkpoints import read, rename, translate
from upslope.runs.errors import ConfigProblem, DataProblem
from upslope.runs.workspace import data_folder


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
    shelf("vit-mini", "torchvision", path, sha256=whole[:8], size=0)
    kept = pretrained.get("vit-mini", quiet=True)
    kept.unlink()
    wrong = whole[:7] + ("0" if whole[7] != "0" else "1")
    shelf("vit-mini", "torchvision", path, sha256=wrong)
    refused(lambda: pretrained.get("vit-mini", quiet=True), "the mirror has another file of that name")
    shelf("vit-mini", "torchvision", path, sha256="")
    refused(lambda: pretrained.get("vit-mini", quiet=True), "the mirror has another file of that name")


def test_a_wrong_hash_is_refused_and_named(shelf, mini, capsys):
    path, _ = mini
    served = shelf("vit-mini", "torchvision", path)
    served.write_bytes(path.read_bytes()[:-1] + b"x")
    refused(lambda: pretrained.get("vit-mini"), "vit.pth", "upslope model get vit-mini", "holds models/vit.pth")
    got = hashlib.sha256(served.read_bytes()).hexdigest()
    assert f"vit.pth from the mirror has sha256 {got[:8]}..." in capsys.readouterr().err


def test_a_truncated_file_is_refused(shelf, mini):
    path, _ = mini
    served = shelf("vit-mini", "torchvision", path)
    served.write_bytes(path.read_bytes()[:5000])
    refused(lambda: pretrained.get("vit-mini", quiet=True), "the mirror's vit.pth holds 5,000 of ")
    refused(lambda: pretrained.adopt("vit-mini", served), "is damaged, or not a file of tensors")
    tensors = served.with_name("half.safetensors")
    tensors.write_bytes(safetensors.torch.save(mini[1])[:5000])
    refused(lambda: pretrained.adopt("vit-mini", tensors), "is damaged, or not a file of tensors")


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
    shelf("vit-mini", "torchvision", path)
    refused(lambda: pretrained.get("vit-mini", quiet=True), sentence)


def test_a_pickle_that_would_run_code_runs_none(shelf, tmp_path, mini):
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path, state = mini
    torch.save({**state, "class_token": Runs()}, path)
    shelf("vit-mini", "torchvision", path)
    refused(lambda: pretrained.get("vit-mini", quiet=True), "is refused: it asks for io.open, which is not a tensor")
    assert not (tmp_path / "ran").exists()
    path.write_bytes(b"not a file of weights at all")
    refused(lambda: pretrained.adopt("vit-mini", path), "vit.pth")


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
    served = shelf("vit-mini", "torchvision", path)
    kept = pretrained.get("vit-mini", quiet=True)
    served.unlink()
    before = kept.stat().st_mtime_ns
    assert pretrained.get("vit-mini", quiet=True) == kept
    assert kept.stat().st_mtime_ns == before
    with safetensors.safe_open(kept, framework="numpy") as file:
        assert file.metadata()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    kept.write_bytes(kept.read_bytes()[:200])
    with pytest.raises(DataProblem, match="is damaged"):
        pretrained.load("vit-mini")


def test_a_file_of_ones_own_does_not_pass_for_the_published_one(shelf, mini, tmp_path):
    path, state = mini
    shelf("vit-mini", "torchvision", path)
    own = tmp_path / "own.pth"
    torch.save({**state, "class_token": torch.zeros(1, 1, 48)}, own)
    kept, publisher, same = pretrained.adopt("vit-mini", own)
    assert (publisher, same) == ("torchvision", False)
    assert not pretrained.load("vit-mini").tokens.class_token.any()
    assert pretrained.get("vit-mini", quiet=True) == kept
    assert pretrained.load("vit-mini").tokens.class_token.any(), "get fetches the published file all the same"
    assert pretrained.adopt("vit-mini", path)[2]


def test_the_published_file_is_not_replaced_in_passing(shelf, mini, tmp_path):
    path, state = mini
    shelf("vit-mini", "torchvision", path)
    kept = pretrained.get("vit-mini", quiet=True)
    before = kept.read_bytes()
    own = tmp_path / "own.pth"
    torch.save({**state, "class_token": torch.zeros(1, 1, 48)}, own)
    with pytest.raises(DataProblem, match=r"is here as it was published, and .*own\.pth is another file: remove"):
        pretrained.adopt("vit-mini", own)
    assert kept.read_bytes() == before
    kept.unlink()
    assert pretrained.adopt("vit-mini", own)[0] == kept


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(shelf, mini, number):
    path, state = mini
    shelf("vit-mini", "torchvision", path)
    state["class_token"][0, 0, 5] = number
    torch.save(state, path)
    refused(lambda: pretrained.adopt("vit-mini", path), "class_token", "not finite")


@pytest.mark.parametrize("inner", ["model_state_dict", "state_dict", "model", "net"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_what_training_programs_wrap_a_state_in_is_taken_off(shelf, mini, inner, prefix):
    path, state = mini
    shelf("vit-mini", "torchvision", path)
    optimizer = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}
    wrapped = {prefix + key: tensor for key, tensor in state.items()}
    torch.save({"epoch": 3, "optimizer_state_dict": optimizer, inner: wrapped}, path)
    kept, publisher, same = pretrained.adopt("vit-mini", path)
    assert (publisher, same) == ("torchvision", False)
    assert torch.equal(safetensors.torch.load_file(kept)["tokens.class_token"], state["class_token"])


def test_a_prefix_that_nobody_knows_is_named(shelf, mini):
    path, state = mini
    shelf("vit-mini", "torchvision", path)
    torch.save({f"backbone.{key}": tensor for key, tensor in state.items()}, path)
    refused(lambda: pretrained.adopt("vit-mini", path), "backbone.class_token")


def test_a_file_without_tensors_says_what_it_holds(mini):
    path, _ = mini
    torch.save({"epoch": 3, "best": 0.5}, path)
    with pytest.raises(DataProblem, match=r"vit\.pth holds no tensors by name, only epoch, best$"):
        read(path)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: pretrained.get("vit-large", publisher="huggingface"), "no hash of huggingface's file of vit-large"),
        (lambda: pretrained.get("resnet20"), "no file of resnet20 is known here, so nothing is fetched"),
        (
            lambda: pretrained.get("resnet50", publisher="timm"),
            'no weights of resnet50 are known from "timm", only from',
        ),
        (lambda: pretrained.get("lenet5"), "there are no published weights of lenet5"),
    ],
)
def test_what_cannot_be_fetched_is_said(call, sentence):
    with pytest.raises((DataProblem, ConfigProblem)) as problem:
        call()
    assert sentence in str(problem.value)


def test_keys_that_nobody_has_are_not_taken_for_somebodys(tmp_path):
    safetensors.torch.save_file({"head.bias": torch.ones(1), "x": torch.ones(1), "y": torch.ones(1)}, tmp_path / "f")
    with pytest.raises(DataProblem, match="for vit-tiny those of facebook and huggingface and torchvision are known"):
        pretrained.adopt("vit-tiny", tmp_path / "f")
    with pytest.raises(DataProblem, match="cannot be read: no such file"):
        read(tmp_path / "absent")


def test_a_matrix_is_transposed_a_copy_must_be_equal_and_an_optional_part_may_be_left_out():
    rules = (("w", "linear.weight[T]"), ("table", "table"), ("head", "=table"), ("bias", "head.bias?"))
    wanted = {"linear.weight": torch.empty(2, 3), "table": torch.empty(4, 2)}
    file = {"w": torch.arange(6.0).reshape(3, 2), "table": torch.ones(4, 2), "head": torch.ones(4, 2)}
    made = translate(file | {"bias": torch.ones(4)}, rules, wanted, name="file")
    assert made["linear.weight"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert list(made) == ["linear.weight", "table"]
    assert list(translate(dict(reversed(file.items())), rules, wanted, name="file")) == ["linear.weight", "table"]
    del file["table"]
    assert translate(file, rules, wanted, name="file")["table"].sum() == 8, "one copy is enough"
    with pytest.raises(DataProblem, match="file holds head and table with different numbers; in the model both are"):
        translate(file | {"table": torch.zeros(4, 2)}, rules, wanted, name="file")
    with pytest.raises(DataProblem, match=r"file lacks what becomes head\.bias"):
        translate(file, rules, wanted | {"head.bias": torch.empty(4)}, name="file")


def test_cards_fetch_nothing_without_a_hash():
    names = []
    for found in discover("models").values():
        for weights in [weights for size in found.card.sizes.values() for weights in size.weights]:
            assert weights.licence
            assert weights.publisher in pretrained.formats(found)
            file = weights.file
            names.append(file.name)
            assert all(url.startswith("https://") for url in file.urls)
            if not file.urls:
                assert not file.sha256
                continue
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) or "first 8 digits" in weights.note
            named = re.fullmatch(r".+-([0-9a-f]{8})\.pth", file.name)
            if named:
                assert file.sha256.startswith(named[1]), "a name that holds the beginning of the hash"
                assert all(url.endswith(f"/{file.name}") for url in file.urls)
    assert len(names) == len(set(names)), "a mirror holds all of them in one folder"

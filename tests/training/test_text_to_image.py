"""The task of text to image: what is learned, what is frozen, how prompts are drawn and read."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.data import things, two_things
from upslope.data.loading.colored_things import COLORS
from upslope.models.build import built
from upslope.runs.errors import ConfigProblem
from upslope.runs.progress import Bar
from upslope.text.prompt_words import PromptWords
from upslope.training import prompt_reader
from upslope.training.compress import learn_to_compress, measure_latents
from upslope.training.contrast import contrastive_loss, learn_by_contrast
from upslope.training.diffusion import Diffusion
from upslope.training.frozen_part import frozen
from upslope.training.prompt_reader import PromptReader, as_images, label_columns
from upslope.training.tasks import text_to_image
from upslope.training.tasks.text_to_image import TextToImage, shuffled_prompts

SMALL = {"widths": (8, 16), "blocks": 1, "attention": (1,), "heads": 2, "context_dim": 64, "groups": 4}


@pytest.fixture(scope="module")
def data():
    return things.toy(rng=np.random.default_rng(0), count=70)


def untrained(name, train):
    columns = {column: len(names) for column, names in label_columns(train).items()}
    return PromptReader(train["image"].shape[1], columns).eval()


@pytest.fixture
def task_of(data, monkeypatch):
    monkeypatch.setattr(text_to_image, "reader_of", untrained)

    def make(*, train=data, drop=0.1, **settings):
        words = PromptWords.of(train["text"])
        name, more = ("prompt16", {"channels": 3, "patch": 2}) if train is data else ("prompt32", {"channels": 4})
        text = {"vocab_size": words.vocab_size, "context": words.context, "dim": 64, "depth": 1, "heads": 2}
        network = built(name, seed=0, text=text, unet={**SMALL, **more})
        torch.nn.init.normal_(network.module.unet.last.weight, std=0.2, generator=torch.Generator().manual_seed(1))
        for part in (network.module.text, network.module.autoencoder):
            if part is not None:
                part.requires_grad_(False)
        diffusion = Diffusion(**{"steps": 3, "predicts": "v", **settings})
        return TextToImage(network, train, data="toy", words=words, diffusion=diffusion, seed=0, drop=drop), network

    return make


def test_only_the_unet_learns(task_of, data):
    task, network = task_of()
    batch = task.collate(data)
    assert batch["image"].shape == (70, 3, 16, 16)
    assert (batch["image"].min(), batch["image"].max() <= 1) == (-1, True)
    task(batch)["loss"].backward()
    assert {name.partition(".")[0] for name, each in network.module.named_parameters() if each.grad is not None} == {
        "unet"
    }
    assert len(task.learned) == len(list(network.module.unet.parameters()))
    batch["image"] = (batch["image"] + 1) / 2
    with pytest.raises(ConfigProblem, match="pixels lie between 0 and 1; diffusion starts from images in"):
        task(batch)


@pytest.mark.parametrize("drop", [0.0, 1.0])
def test_prompts_are_kept_secret(task_of, data, drop):
    task, network = task_of(drop=drop)
    heard = []
    network.module.text.register_forward_pre_hook(lambda module, given: heard.append(given[0]))
    task(task.collate(data))
    secret = (heard[0] == torch.tensor(task.words.empty)).all(dim=1)
    assert secret.float().mean() == drop


def test_a_sample_is_a_function_of_seed_number_and_prompt(task_of):
    task, network = task_of()
    prompts = ["a red seven", "a green boot", "a red seven", "a blue two"] * 5
    among = task.sample(prompts, seed=5)
    assert among.shape == (20, 16, 16, 3)
    assert (among.min() >= 0, among.max() <= 1) == (True, True)
    alone = task.sample(["a red seven"], seed=5, first=16)
    np.testing.assert_allclose(alone[0], among[16], rtol=0, atol=1e-5)
    assert np.abs(task.sample(["a white nine"], seed=5, first=16)[0] - among[16]).max() > 1e-4
    assert np.abs(task.sample(["a red seven"], seed=6, first=16)[0] - among[16]).max() > 0.01
    assert np.abs(task.sample(["a red seven"], seed=5, first=16, guidance=0.0)[0] - among[16]).max() > 1e-4
    assert network.module.training


def test_what_the_reader_reads_is_counted_by_word(task_of, data):
    task, _ = task_of()
    said = {name: data[name].copy() for name in ("thing", "color")}
    said["color"][:7] = (said["color"][:7] + 1) % 5
    rates = task.obeyed(said, data)
    assert rates == pytest.approx({"obeyed": 0.9, "things": 1.0, "colors": 0.9})
    task.seen = {pair for pair in task.seen if pair != (int(data["thing"][0]), int(data["color"][0]))}
    assert task.obeyed(said, data)["unseen"] == 0.0
    metrics = task.metrics(task.predict(data), data)
    assert {"obeyed", "things", "colors", "unseen", "real_obeyed", "real_unseen", "frechet_distance"} == set(metrics)


def test_a_scene_goes_through_latents(task_of):
    scenes = two_things.toy(rng=np.random.default_rng(0), count=40)
    task, network = task_of(train=scenes)
    assert task.shape == (4, 8, 8)
    measure_latents(network.module, scenes)
    latents = network.module.encode(as_images(scenes["image"]))
    assert latents.std().item() == pytest.approx(1, abs=1e-3)
    task(task.collate(scenes))["loss"].backward()
    assert network.module.autoencoder.decoder.last.weight.grad is None
    assert task.sample(scenes["text"][:2], seed=0).shape == (2, 32, 32, 3)
    assert len(task.pairs(scenes)) == 2


def test_a_spec_says_what_sampling_needs(task_of):
    task, network = task_of(guidance=2.0)
    spec = task.spec(network).to_json()
    assert spec["preprocessing"]["diffusion"] == dataclasses.asdict(task.diffusion)
    assert PromptWords(tuple(spec["preprocessing"]["prompts"]["words"]), 3) == task.words
    assert spec["inputs"]["tokens"] == {"shape": [5], "dtype": "int64", "high": 22}


def test_shuffled_prompts_are_the_same_in_another_order(task_of, data):
    task, _ = task_of()
    batch = task.collate(data)
    mixed = shuffled_prompts(batch, torch.Generator().manual_seed(0))
    assert not torch.equal(mixed["tokens"], batch["tokens"])
    assert sorted(mixed["tokens"].tolist()) == sorted(batch["tokens"].tolist())
    assert mixed["image"] is batch["image"]


def test_contrast_wants_each_picture_beside_its_own_words():
    tokens = torch.tensor([[0, 1], [0, 2], [0, 1]])
    right = 20 * (tokens[:, None] == tokens[None]).all(dim=2).float()
    assert contrastive_loss(right, tokens).item() == pytest.approx(2 / 3 * np.log(2), abs=1e-3)
    assert contrastive_loss(-right, tokens) > 10


def test_the_parts_before_are_functions_of_the_seed(data):
    words = PromptWords.of(data["text"])
    text = {"vocab_size": words.vocab_size, "context": words.context, "dim": 16, "depth": 1, "heads": 2}
    made = []
    for seed in (0, 0, 1):
        network = built("prompt16", seed=0, text=text, unet={**SMALL, "context_dim": 16, "channels": 3}).module
        learn_by_contrast(network.text, data, words, seed=seed, steps=2, bar=Bar(), batch_size=16)
        made.append(network.text.blocks[0].mlp[0].weight.detach())
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    scenes = two_things.toy(rng=np.random.default_rng(0), count=20)
    autoencoder = built("autoencoder32", seed=0).module
    before = autoencoder(as_images(scenes["image"])).reconstruction
    learn_to_compress(autoencoder, scenes, seed=0, steps=3, bar=Bar(), batch_size=4)
    assert not autoencoder.training
    assert not torch.equal(autoencoder.eval()(as_images(scenes["image"])).reconstruction, before)


class Folder:
    """As much of a run as a frozen part needs."""

    def __init__(self, folder):
        from upslope.training.config import TrainingConfig

        self.folder, self.config = folder, TrainingConfig()

    def progress(self, total, description):
        import contextlib

        return contextlib.nullcontext(Bar())


def test_a_frozen_part_is_trained_once_and_kept(tmp_path):
    module, learned = torch.nn.Linear(2, 1), []

    def learn(bar):
        assert module.weight.requires_grad
        learned.append(1)
        torch.nn.init.constant_(module.weight, 3.0)

    frozen(Folder(tmp_path), "text encoder", module, learn, steps=1)
    assert not module.weight.requires_grad
    other = torch.nn.Linear(2, 1)
    frozen(Folder(tmp_path), "text encoder", other, learn, steps=1)
    assert (len(learned), other.weight.tolist()) == (1, [[3.0, 3.0]])
    (tmp_path / "text_encoder.safetensors").write_bytes(b"damaged")
    frozen(Folder(tmp_path), "text encoder", module, learn, steps=1)
    assert len(learned) == 2


def test_a_reader_is_kept_under_its_hash_and_refuses_other_ranges(data, tmp_path, monkeypatch):
    monkeypatch.setattr(prompt_reader, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(prompt_reader, "STEPS", 3)
    made = prompt_reader.reader_of("things", data, quiet=True)
    (path,) = (tmp_path / "judges").iterdir()
    assert path.stem.endswith(made.sha256)
    assert prompt_reader.reader_of("things", data, quiet=True).sha256 == made.sha256
    said = made.read(data["image"]).said
    assert {name: labels.shape for name, labels in said.items()} == {"thing": (70,), "color": (70,)}
    with pytest.raises(ValueError, match="pixels lie between 0 and 2; the reader takes pictures in"):
        made.read(2 * data["image"] / data["image"].max())
    with pytest.raises(ValueError, match="pictures of 20 pixels: the side is 4 times a power of 2"):
        PromptReader(20, {"thing": 2})


@pytest.mark.parametrize("module", [things, two_things])
def test_a_reader_learns_from_things_in_colors_drawn_anew(module):
    """Shapes and their labels stay; each place has a color of its own, the one that its label says."""
    data = module.toy(rng=np.random.default_rng(0), count=140)
    batch = prompt_reader._collate(data)
    painted = prompt_reader.repainted(batch, torch.Generator().manual_seed(0))
    assert {name for name in batch if not torch.equal(batch[name], painted[name])} == {
        "image",
        *(name for name in batch if name.endswith("color")),
    }
    pictures = (painted["image"].permute(0, 2, 3, 1).numpy() + 1) / 2
    np.testing.assert_allclose(pictures.max(axis=3), data["image"].max(axis=3), atol=1e-6)
    colors = [name for name in batch if name.endswith("color")]
    for strip, name in zip(np.split(pictures, len(colors), axis=2), colors, strict=True):
        seen = strip.max(axis=(1, 2)) / strip.max(axis=(1, 2, 3))[:, None]
        wanted = np.array(list(COLORS.values()))[painted[name].numpy()]
        np.testing.assert_allclose(seen, wanted, atol=1e-6)
        assert len(np.unique(painted[name].numpy())) == len(COLORS)

"""Style transfer's losses and what judges them: content, style, edges, checkerboards, paintings of one's own."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")
pytest.importorskip("lightning")

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from upslope.data.loading.gallery import at_short, chosen, gallery
from upslope.runs.errors import ConfigProblem
from upslope.training import kept_network as kept
from upslope.training.perceptual import CONTENT_LAYER, Features, Perceptual, features_of, total_variation
from upslope.training.style_judge import StyleJudge
from upslope.training.tasks.image_to_image import (
    StyleTransfer,
    Weights,
    as_batch,
    crops,
    edge_correlation,
    photographs,
    stride_peak,
)


@pytest.fixture(scope="module")
def found():
    return gallery(toy=True, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def task(found):
    weights = Weights(content=2.0, style=3.0, smooth=5.0)
    return StyleTransfer(nn.Identity(), found, painting="waves", features="random", weights=weights, quiet=True)


def test_the_losses_are_those_of_the_papers_over_their_scale(task, found):
    features: Features = task.perceptual.features
    painting, photograph = as_batch(found.paintings["waves"][None]), as_batch(found.test[:1])
    painted = torch.rand(1, 3, 48, 40, generator=torch.Generator().manual_seed(0))
    photograph = photograph[..., :48, :40]
    maps, there, style = features(painted), features(photograph), features(painting)
    content = ((maps[1] - there[1]) ** 2).sum() / (there[1] ** 2).sum()
    assert CONTENT_LAYER == 1

    def gram(x):
        return torch.einsum("bihw,bjhw->bij", x, x) / x[0].numel()

    apart = [((gram(a) - gram(b)) ** 2).sum() / (gram(b) ** 2).sum() for a, b in zip(maps, style, strict=True)]
    got = task.perceptual(painted, photograph)
    torch.testing.assert_close(torch.stack(got), torch.stack([content, torch.stack(apart).mean()]), rtol=1e-4, atol=0)
    torch.testing.assert_close(task.perceptual(painting, painting)[1], torch.tensor(0.0))
    torch.testing.assert_close(task.perceptual(photograph, photograph)[0], torch.tensor(0.0))
    flat = total_variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
    assert flat == 1.0
    parts = task.losses(painted, photograph)
    expected = 2 * got[0] + 3 * got[1] + 5 * total_variation(painted)
    torch.testing.assert_close(parts["loss"], expected)


def test_what_measures_stays_as_it_is_while_a_network_trains(task):
    before = {name: value.clone() for name, value in task.perceptual.state_dict().items()}
    task.train()
    assert not any(part.training for part in (*task.perceptual.modules(), *task.judge.modules()))
    task({"image": torch.rand(2, 3, 32, 32)})
    for name, value in task.perceptual.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(p.requires_grad for p in (*task.perceptual.parameters(), *task.judge.parameters()))


def test_optimized_pictures_have_a_smaller_loss(task, found):
    some = photographs(found.test[:1, :32, :32])
    start = np.ascontiguousarray(as_batch(some["image"]).numpy())
    assert task.metrics(task.optimized(some, steps=5), some)["loss"] < 0.9 * task.metrics(start, some)["loss"]


def test_edges_and_checkerboards():
    rng = np.random.default_rng(0)
    coarse = rng.random((3, 16, 16), dtype=np.float32)
    picture = np.asarray(Image.fromarray((255 * coarse.transpose(1, 2, 0)).astype(np.uint8)).resize((64, 64)))
    picture = np.ascontiguousarray(picture.transpose(2, 0, 1) / np.float32(255))
    assert edge_correlation(picture, picture) == pytest.approx(1)
    assert edge_correlation(picture, 1 - 0.3 * picture) == pytest.approx(1, abs=1e-3)
    assert abs(edge_correlation(picture, rng.random((3, 64, 64), dtype=np.float32))) < 0.2
    assert edge_correlation(picture, np.zeros_like(picture)) == 0.0
    noisy = picture + 0.02 * rng.normal(size=picture.shape).astype(np.float32)
    board = noisy + 0.05 * (np.indices((64, 64)).sum(axis=0) % 2)
    columns = noisy + 0.05 * (np.arange(64) % 4 == 0)
    assert stride_peak(noisy) < 2
    assert stride_peak(columns) > 2 * stride_peak(noisy)
    assert stride_peak(board.astype(np.float32)) > 2 * stride_peak(noisy)
    torch.manual_seed(0)
    up = nn.ConvTranspose2d(3, 3, 3, stride=2, padding=1, output_padding=1)
    with torch.no_grad():
        made = up(torch.from_numpy(noisy[None, :, ::2, ::2]))[0].numpy()
        smooth = F.interpolate(torch.from_numpy(noisy[None, :, ::2, ::2]), scale_factor=2, mode="bilinear")[0].numpy()
    assert stride_peak(made) > 2 * stride_peak(noisy) > stride_peak(smooth)


def test_a_judge_reads_what_is_in_range(found):
    judge = StyleJudge(("one", "photograph")).eval()
    said = judge.read(np.zeros((2, 3, 100, 70), np.float32))
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match=r"pixels lie between 0 and 255; a judge reads pictures in \[0, 1\]"):
        judge.read(np.full((1, 3, 64, 64), 255, np.float32) * np.eye(64, dtype=np.float32))


@pytest.mark.parametrize("mode", ["RGBA", "L", "CMYK", "I;16"])
def test_a_painting_of_ones_own_in_any_mode(found, tmp_path, mode):
    levels = np.linspace(0, 1, 60 * 90).reshape(60, 90)
    path = tmp_path / "drawing.tif"
    if mode == "I;16":
        Image.fromarray((65535 * levels).astype(np.uint16)).save(path)
    else:
        Image.fromarray((255 * levels).astype(np.uint8)).convert(mode).save(path)
    picture = chosen(found, str(path))
    assert picture.shape == (256, 384, 3)
    assert picture.min() >= 0
    assert picture.max() <= 1
    np.testing.assert_allclose(picture, at_short(levels.astype(np.float32)[..., None].repeat(3, 2), 256), atol=0.02)


def test_no_such_painting(found):
    with pytest.raises(ConfigProblem, match="painting=mona is no file and no title"):
        chosen(found, "mona")


def test_crops_are_a_function_of_the_generator():
    batch = {"image": torch.rand(3, 3, 20, 30)}
    one, other = (crops(16)(dict(batch), torch.Generator().manual_seed(4))["image"] for _ in range(2))
    assert one.shape == (3, 3, 16, 16)
    assert torch.equal(one, other)


def test_a_kept_network_is_read_again_and_a_damaged_one_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "judges_folder", lambda: tmp_path)
    trained = []

    def train(network):
        trained.append(network.training)
        nn.init.constant_(network.weight, len(trained))

    def get():
        return kept.kept_network("small", lambda: nn.Linear(2, 1, bias=False), train)

    assert get().weight.tolist() == get().weight.tolist() == [[1.0, 1.0]]
    assert trained == [True]
    (path,) = tmp_path.iterdir()
    assert path.stem == f"small-{kept.sha256_of(get())}"
    path.write_bytes(path.read_bytes()[:-3])
    assert get().weight.tolist() == [[2.0, 2.0]]


def test_features_of_vgg16_are_its_own(monkeypatch):
    from upslope.models.vision.vgg import VGG
    from upslope.training import perceptual

    small = VGG(depths=(2, 2, 3, 3, 3), widths=(4, 6, 8, 10, 10), hidden=0)
    monkeypatch.setattr(perceptual, "pretrained", lambda name, quiet: small)
    maps = features_of("vgg16")(torch.rand(1, 3, 64, 48))
    assert [tuple(each.shape[1:]) for each in maps] == [(4, 64, 48), (6, 32, 24), (8, 16, 12), (10, 8, 6)]
    assert isinstance(Perceptual(features_of("vgg16"), torch.rand(1, 3, 64, 64)), nn.Module)

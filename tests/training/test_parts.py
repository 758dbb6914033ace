"""The parts of training: batches as a function of seed and step, augmentation, kept state, shared threads."""

import numpy as np
import pytest

pytestmark = pytest.mark.needs("torch")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def dataset(count=50):
    from upslope.data.loading.dataset import Dataset
    from upslope.features import Image, Value

    images = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 4, 4)).copy()
    return Dataset(
        {"image": images, "number": np.arange(count)}, {"image": Image((4, 4)), "number": Value(dtype="int64")}
    )


def channels(rows):
    from upslope.training.batches import stack

    batch = stack(rows)
    return {**batch, "image": batch["image"][:, None]}


def batches(**settings):
    from upslope.training.batches import Batches

    return Batches(dataset(), **{"batch_size": 8, "seed": 3, "collate": channels, **settings})


def test_an_epoch_shows_no_sample_twice(torch):
    stream = batches()
    assert stream.per_epoch == 6
    for first in (1, 7):
        seen = torch.cat([stream.at(step)["number"] for step in range(first, first + 6)])
        assert len(set(seen.tolist())) == 48
    assert stream.at(1)["number"].tolist() != stream.at(7)["number"].tolist(), "a new epoch has a new order"


def test_a_batch_is_a_function_of_seed_and_step(torch):
    """Whatever was asked before: an interrupted run asks for step 9 first."""
    from upslope.training.augment import shift_and_flip

    straight = batches(transform=shift_and_flip(2, flip=True))
    inputs = [straight.at(step)["image"] for step in range(1, 10)]
    assert torch.equal(batches(transform=shift_and_flip(2, flip=True)).at(9)["image"], inputs[8])
    assert not torch.equal(batches(transform=shift_and_flip(2, flip=True), seed=4).at(9)["image"], inputs[8])


def test_processes_share_a_batch_without_overlap(torch):
    from upslope.training.augment import shift_and_flip

    stream = batches(transform=shift_and_flip(1))
    whole, parts = stream.at(4), [stream.at(4, process=p, of=4) for p in range(4)]
    for name in ("image", "number"):
        assert torch.equal(torch.cat([part[name] for part in parts]), whole[name])


def test_a_batch_may_be_any_tree_of_tensors(torch):
    from upslope.training.batches import share

    tree = {"a": torch.arange(6), "b": {"c": [torch.arange(12).reshape(6, 2)], "name": "x"}}
    second = share(tree, process=1, of=3)
    assert second["a"].tolist() == [2, 3]
    assert second["b"]["c"][0].tolist() == [[4, 5], [6, 7]]
    assert second["b"]["name"] == "x"


def ragged(rows):
    from upslope.data.loading.dataset import Dataset, Ragged
    from upslope.features import ClassLabel, Tokens

    features = {"tokens": Tokens(vocab_size=100), "label": ClassLabel(("a", "b"))}
    return Dataset({"tokens": Ragged.of(rows, dtype=np.int64), "label": np.arange(len(rows)) % 2}, features)


def test_rows_of_different_lengths_are_padded_and_counted(torch):
    from upslope.training.batches import stack

    batch = stack(ragged([[1, 2, 3], [], [4]]))
    assert batch["tokens"].tolist() == [[1, 2, 3], [0, 0, 0], [4, 0, 0]]
    assert batch["tokens_lengths"].tolist() == [3, 0, 1]
    assert batch["label"].tolist() == [0, 1, 0]


def test_batches_by_length_pad_little_and_show_every_sample_once(torch):
    from upslope.training.batches import Batches, by_length

    rng = np.random.default_rng(0)
    rows = [[n % 100] * int(length) for n, length in enumerate(rng.integers(1, 60, size=400))]
    data = ragged(rows)
    plain = Batches(data, batch_size=10, seed=1)
    sorted_ = Batches(data, batch_size=10, seed=1, order=by_length("tokens", batch_size=10, pool=20))

    def padded(stream):
        found = [stream.at(step) for step in range(1, stream.per_epoch + 1)]
        return sum(b["tokens"].numel() - int(b["tokens_lengths"].sum()) for b in found), found

    waste, found = padded(sorted_)
    assert waste < 0.15 * padded(plain)[0]
    lengths = sorted(int(n) for batch in found for n in batch["tokens_lengths"])
    assert lengths == sorted(map(len, rows))
    assert [b["tokens"].shape[1] for b in found] != sorted(b["tokens"].shape[1] for b in found), "short ones not first"


def test_windows_of_tokens_are_a_function_of_seed_and_step(torch):
    from upslope.runs.errors import ConfigProblem
    from upslope.training.batches import TokenWindows

    tokens = np.arange(1000, dtype=np.uint16)
    stream = TokenWindows(tokens, context=16, batch_size=8, seed=2)
    batch = stream.at(5)
    assert batch["tokens"].shape == batch["next"].shape == (8, 16)
    assert torch.equal(batch["next"], batch["tokens"] + 1), "tokens that count up: the next one is one more"
    assert torch.equal(TokenWindows(tokens, context=16, batch_size=8, seed=2).at(5)["tokens"], batch["tokens"])
    parts = [stream.at(5, process=p, of=2)["tokens"] for p in range(2)]
    assert torch.equal(torch.cat(parts), batch["tokens"])
    starts = torch.cat([stream.at(step)["tokens"][:, 0] for step in range(1, 400)])
    assert int(starts.min()) == 0
    assert int(starts.max()) == 1000 - 17, "the last window ends at the last token"
    with pytest.raises(ConfigProblem, match="context=1000 needs more than the 1000 tokens"):
        TokenWindows(tokens, context=1000, batch_size=8, seed=0)


def test_sources_are_mixed_by_their_shares(torch):
    from upslope.training.batches import Mixed, TokenWindows

    one = TokenWindows(np.zeros(500, dtype=np.uint8), context=4, batch_size=2, seed=0)
    other = TokenWindows(np.ones(500, dtype=np.uint8), context=4, batch_size=2, seed=0)
    mixed = Mixed([one, other], [3, 1], seed=5)
    turns = [int(mixed.at(step)["tokens"][0, 0]) for step in range(1, 401)]
    assert 70 < sum(turns) < 130
    assert turns == [int(Mixed([one, other], [3, 1], seed=5).at(step)["tokens"][0, 0]) for step in range(1, 401)]


def test_shifted_moves_each_picture_by_itself(torch):
    from upslope.training.augment import random_shift

    x = torch.randn(64, 2, 5, 6)
    moved = random_shift(x, by=1, generator=torch.Generator().manual_seed(0), fill=9.0).numpy()
    seen = set()
    for before, after in zip(x.numpy(), moved, strict=True):
        padded = np.pad(before, ((0, 0), (1, 1), (1, 1)), constant_values=9.0)
        ways = [(i, j) for i in range(3) for j in range(3) if (padded[:, i : i + 5, j : j + 6] == after).all()]
        assert len(ways) == 1
        seen.add(ways[0])
    assert len(seen) == 9, "all nine places occur"


def test_mirrored_turns_about_half(torch):
    from upslope.training.augment import random_horizontal_flip

    x = torch.randn(200, 1, 3, 4)
    turned = random_horizontal_flip(x, generator=torch.Generator().manual_seed(1))
    same = (turned == x).all(dim=(1, 2, 3))
    flipped = (turned == x.flip(3)).all(dim=(1, 2, 3))
    assert (same ^ flipped).all()
    assert 70 < int(flipped.sum()) < 130


@pytest.mark.parametrize("kind", ["AdamW", "SGD"])
def test_kept_state_goes_through_files_and_back(torch, kind):
    """Weights and moments as safetensors and JSON; parameters that lie channels-last keep moments that do."""
    import json

    from upslope.runs.checkpoint import pack, unpack
    from upslope.runs.state import put_back, take_apart
    from upslope.training.state import StateArrays

    def made():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        model = model.to(memory_format=torch.channels_last)
        extra = {"momentum": 0.9} if kind == "SGD" else {}
        return model, getattr(torch.optim, kind)(model.parameters(), lr=0.1, **extra)

    def step(model, optimizer, seed):
        optimizer.zero_grad()
        model(torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(seed))).square().mean().backward()
        optimizer.step()

    model, optimizer = made()
    step(model, optimizer, 1)
    tensors, state = take_apart({"model": StateArrays(model), "optimizer": StateArrays(optimizer)})
    other, its = made()
    put_back(
        {"model": StateArrays(other), "optimizer": StateArrays(its)},
        unpack(pack(tensors)),
        json.loads(json.dumps(state)),
    )
    for pair in ((model, optimizer), (other, its)):
        step(*pair, 2)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))
    moments = [v for s in its.state.values() for v in s.values() if torch.is_tensor(v) and v.ndim == 4]
    assert moments
    assert all(v.stride() == model[0].weight.stride() for v in moments)


def test_threads_follow_the_config_then_the_environment_then_the_cores(torch, monkeypatch):
    from upslope.training.config import TrainingConfig, use_threads

    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        use_threads(TrainingConfig(threads=2))
        assert torch.get_num_threads() == 2
        use_threads(TrainingConfig())
        assert torch.get_num_threads() == 1
        monkeypatch.delenv("OMP_NUM_THREADS")
        monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(6)), raising=False)
        use_threads(TrainingConfig(devices=2))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_seeded_leaves_the_generator_as_it_was(torch):
    from upslope.training.seeding import seeded

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with seeded(1, 2):
        inner = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with seeded(1, 2):
        assert torch.equal(torch.rand(3), inner)


def test_warmup_then_linear_climbs_stays_and_falls():
    from upslope.training.fit import warmup_then_linear

    lr = warmup_then_linear(2.0, total=100, decay=0.5, warmup=10)
    assert [lr(step) for step in (1, 5, 10, 30, 50)] == pytest.approx([0.2, 1.0, 2.0, 2.0, 2.0])
    assert lr(75) == pytest.approx(2 * 26 / 51)
    assert 0 < lr(100) < 0.05
    assert warmup_then_linear(1.0, total=3, decay=0.5)(3) > 0


def test_random_affine_moves_turns_and_zooms_each_picture_by_itself(torch):
    from upslope.training.augment import random_affine

    ramp = torch.arange(32.0).expand(4, 1, 32, 32).clone()
    generator = torch.Generator().manual_seed(0)
    still = random_affine(ramp, shift=0, zoom=0, turn=0, generator=generator)
    torch.testing.assert_close(still, ramp, atol=1e-4, rtol=0)
    moved = random_affine(ramp, shift=3, zoom=0, turn=0, generator=generator)
    by = (moved - ramp)[:, 0, 16, 16]
    assert len(set(by.tolist())) == 4
    assert by.abs().max() <= 3
    torch.testing.assert_close((moved - ramp)[:, 0, 8:24, 8:24], by[:, None, None].expand(4, 16, 16), atol=1e-3, rtol=0)
    turned = random_affine(ramp, shift=0, zoom=0, turn=10, generator=generator)
    slant = turned[:, 0, 24, 16] - turned[:, 0, 8, 16]
    assert (slant.abs() > 0.1).all()
    assert slant.abs().max() <= 16 * np.sin(np.radians(10)) + 1e-3
    zoomed = random_affine(ramp, shift=0, zoom=0.2, turn=0, generator=generator)
    steps = zoomed[:, 0, 16, 17] - zoomed[:, 0, 16, 16]
    assert (steps - 1).abs().max() <= 0.2 + 1e-3
    assert (steps - 1).abs().min() > 1e-3


def test_random_light_is_brighter_on_one_side(torch):
    from upslope.training.augment import random_light

    x = torch.ones(50, 1, 9, 9)
    lit = random_light(x, most=0.3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(lit[:, :, 4, 4], torch.ones(50, 1))
    across = lit[:, 0, 4, 8] - lit[:, 0, 4, 0]
    assert across.abs().max() <= 0.6 + 1e-5
    assert across.min() < -0.2 < 0.2 < across.max()
    torch.testing.assert_close(lit[:, 0, 4, 8] + lit[:, 0, 4, 0], torch.full((50,), 2.0))


def test_faces_are_disturbed_as_seed_and_step_say(torch):
    from upslope.training.augment import disturb_faces

    def wide(rows):
        return {"image": channels(rows)["image"].repeat(1, 1, 4, 4)}

    stream = batches(collate=wide, transform=disturb_faces())
    torch.testing.assert_close(stream.at(3)["image"], batches(collate=wide, transform=disturb_faces()).at(3)["image"])
    assert not torch.equal(stream.at(3)["image"], batches(collate=wide).at(3)["image"])

"""The parts of training: batches as a function of seed and step, augmentation, kept state, shared threads."""

import numpy as np
import pytest

pytestmark = pytest.mark.needs("torch")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def batches(torch, **settings):
    from upslope.training.batches import Batches

    pictures = torch.arange(50.0).reshape(50, 1, 1, 1).expand(50, 1, 4, 4).clone()
    return Batches(pictures, torch.arange(50), **{"batch_size": 8, "seed": 3, **settings})


def test_an_epoch_shows_no_sample_twice(torch):
    stream = batches(torch)
    assert stream.per_epoch == 6
    for first in (1, 7):
        seen = torch.cat([stream.at(step)[1] for step in range(first, first + 6)])
        assert len(set(seen.tolist())) == 48
    assert stream.at(1)[1].tolist() != stream.at(7)[1].tolist(), "a new epoch has a new order"


def test_a_batch_is_a_function_of_seed_and_step(torch):
    """Whatever was asked before: an interrupted run asks for step 9 first."""
    from upslope.training.augment import mirrored, shifted

    def augment(x, generator):
        return mirrored(shifted(x, by=2, generator=generator), generator=generator)

    straight = batches(torch, augment=augment)
    inputs = [straight.at(step)[0] for step in range(1, 10)]
    assert torch.equal(batches(torch, augment=augment).at(9)[0], inputs[8])
    assert not torch.equal(batches(torch, augment=augment, seed=4).at(9)[0], inputs[8])


def test_processes_share_a_batch_without_overlap(torch):
    from upslope.training.augment import shifted

    def augment(x, generator):
        return shifted(x, by=1, generator=generator)

    stream = batches(torch, augment=augment)
    whole, parts = stream.at(4), [stream.at(4, process=p, of=4) for p in range(4)]
    assert torch.equal(torch.cat([inputs for inputs, _ in parts]), whole[0])
    assert torch.equal(torch.cat([labels for _, labels in parts]), whole[1])


def test_shifted_moves_each_picture_by_itself(torch):
    from upslope.training.augment import shifted

    x = torch.randn(64, 2, 5, 6)
    moved = shifted(x, by=1, generator=torch.Generator().manual_seed(0), fill=9.0).numpy()
    seen = set()
    for before, after in zip(x.numpy(), moved, strict=True):
        padded = np.pad(before, ((0, 0), (1, 1), (1, 1)), constant_values=9.0)
        ways = [(i, j) for i in range(3) for j in range(3) if (padded[:, i : i + 5, j : j + 6] == after).all()]
        assert len(ways) == 1
        seen.add(ways[0])
    assert len(seen) == 9, "all nine places occur"


def test_mirrored_turns_about_half(torch):
    from upslope.training.augment import mirrored

    x = torch.randn(200, 1, 3, 4)
    turned = mirrored(x, generator=torch.Generator().manual_seed(1))
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
    from upslope.training.state import Kept

    def made():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        model = model.to(memory_format=torch.channels_last)
        extra = {"momentum": 0.9} if kind == "SGD" else {}
        return model, getattr(torch.optim, kind)(model.parameters(), lr=0.1, **extra)

    def step(model, optimiser, seed):
        optimiser.zero_grad()
        model(torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(seed))).square().mean().backward()
        optimiser.step()

    model, optimiser = made()
    step(model, optimiser, 1)
    tensors, state = take_apart({"model": Kept(model), "optimiser": Kept(optimiser)})
    other, its = made()
    put_back({"model": Kept(other), "optimiser": Kept(its)}, unpack(pack(tensors)), json.loads(json.dumps(state)))
    for pair in ((model, optimiser), (other, its)):
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
    from upslope.training.randomness import seeded

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with seeded(1, 2):
        inner = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with seeded(1, 2):
        assert torch.equal(torch.rand(3), inner)

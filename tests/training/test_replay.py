"""Replay memory: what is written is what happened, episode by episode, and a state comes back."""

import numpy as np
import pytest

from upslope.envs.vector import make
from upslope.training.replay import ReplayMemory


def filled(n_step, *, capacity=2000, copies=3, count=200, gamma=0.9):
    environment = make("walk", copies=copies, seed=1)
    memory = ReplayMemory(memory=capacity, copies=copies, shape=environment.shape, n_step=n_step, gamma=gamma)
    rng, steps = np.random.default_rng(0), []
    for _ in range(count):
        actions = rng.integers(2, size=copies)
        steps.append((actions, environment.step(actions)))
        memory.add(*steps[-1])
    return memory, steps


def by_definition(steps, n_step, gamma):
    """Every transition whose n steps are over, from the list of what happened, copy by copy, in order of time."""
    found = []
    for t in range(len(steps) - n_step + 1):
        for i in range(len(steps[0][0])):
            actions, step = steps[t]
            if not step.moved[i]:
                continue
            total = 0.0
            for k in range(n_step):
                now = steps[t + k][1]
                total += gamma**k * float(now.reward[i])
                if now.terminated[i] or now.truncated[i]:
                    break
            factor = 0.0 if now.terminated[i] else gamma ** (k + 1)
            found.append((step.observation[i], actions[i], total, factor, now.next_observation[i]))
    return found


@pytest.mark.parametrize("n_step", [1, 2, 10])
def test_it_holds_every_transition_as_it_is_defined(n_step):
    memory, steps = filled(n_step)
    expected = by_definition(steps, n_step, 0.9)
    rows = memory.state_dict()["rows"]
    assert len(memory) == len(expected) > 400
    for name, column in zip(rows, zip(*expected, strict=True), strict=True):
        assert np.allclose(rows[name], np.array(column), atol=1e-6), name


def test_the_oldest_are_overwritten_and_nothing_unwritten_is_drawn():
    memory, steps = filled(3, capacity=100)
    newest = by_definition(steps, 3, 0.9)[-100:]
    rows = memory.state_dict()["rows"]
    assert len(memory) == 100 < memory.written
    start = memory.written % 100
    assert np.allclose(np.roll(rows["returns"], -start), [each[2] for each in newest])
    young, _ = filled(2, count=4)
    young._rows["returns"][len(young) :] = np.nan
    assert np.isfinite(young.sample(500, rng=np.random.default_rng(0))["returns"]).all()


def test_a_batch_is_a_function_of_the_generator_and_rows_belong_together():
    memory, _ = filled(2)
    one, again = (memory.sample(50, rng=np.random.default_rng(4)) for _ in range(2))
    rows = memory.state_dict()["rows"]
    for name in one:
        assert np.array_equal(one[name], again[name])
    where = np.random.default_rng(4).integers(len(memory), size=50)
    assert all(np.array_equal(one[name], rows[name][where]) for name in one)


def test_its_state_comes_back():
    memory, _ = filled(5, count=60)
    other, _ = filled(5, count=3)
    other.load_state_dict(memory.state_dict())
    walk = make("walk", copies=3, seed=9)
    step = walk.step(np.ones(3, dtype=np.int64))
    for each in (memory, other):
        each.add(np.ones(3, dtype=np.int64), step)
    ours, theirs = memory.state_dict(), other.state_dict()
    assert ours["written"] == theirs["written"]
    for part in ("rows", "window"):
        assert all(np.array_equal(ours[part][name], theirs[part][name]) for name in ours[part])


def test_what_it_refuses():
    with pytest.raises(ValueError, match="memory=2"):
        ReplayMemory(memory=2, copies=3, shape=(4,), n_step=1, gamma=0.9)
    with pytest.raises(ValueError, match="empty"):
        ReplayMemory(memory=5, copies=3, shape=(4,), n_step=1, gamma=0.9).sample(1, rng=np.random.default_rng(0))

"""Environments: the last observation is not lost, ends are of one kind, resets are no steps, and a state comes back."""

from itertools import pairwise

import numpy as np
import pytest

from upslope.envs.play import play
from upslope.envs.vector import make
from upslope.runs.errors import ConfigProblem, RunProblem

NAMES = ["walk", pytest.param("CartPole-v1", marks=pytest.mark.needs("play"))]
BOTH = pytest.mark.parametrize("name", NAMES)
ACROBOT = pytest.param("Acrobot-v1", marks=pytest.mark.needs("play"))  # has no vector entry point of its own


def some_steps(environment, count, seed=0):
    rng = np.random.default_rng(seed)
    return [environment.step(rng.integers(environment.actions, size=environment.copies)) for _ in range(count)]


@BOTH
def test_a_step_holds_what_was_seen_before_and_after(name):
    environment = make(name, copies=4, seed=1)
    before = environment.observation
    for step in some_steps(environment, 120):
        assert step.observation is before
        assert step.next_observation.shape == (4, *environment.shape)
        assert step.next_observation.dtype == step.reward.dtype == np.float32
        before = step.next_observation
    assert environment.observation is before


@BOTH
def test_ends_are_of_one_kind_and_the_step_after_one_is_none(name):
    environment = make(name, copies=8, seed=1)
    steps = some_steps(environment, 600)
    ended = np.stack([step.terminated | step.truncated for step in steps])
    assert not any((step.terminated & step.truncated).any() for step in steps)
    assert ended.any(axis=0).all()
    moved = np.stack([step.moved for step in steps])
    assert moved[0].all()
    assert np.array_equal(moved[1:], ~ended[:-1])
    rewards = np.stack([step.reward for step in steps])
    assert (rewards[moved] == 1).all()
    assert (rewards[~moved] == 0).all()


@pytest.mark.needs("play")
def test_the_last_observation_has_fallen_and_the_one_after_it_has_not():
    """Of CartPole: |x| > 2.4 or |angle| > 12 degrees where it terminated, and within 0.05 after the reset."""
    steps = some_steps(make("CartPole-v1", copies=8, seed=2), 300)
    for step, after in pairwise(steps):
        last = step.next_observation[step.terminated]
        assert ((np.abs(last[:, 0]) > 2.4) | (np.abs(last[:, 2]) > np.deg2rad(12) - 1e-6)).all()
        assert (np.abs(after.next_observation[step.terminated]) <= 0.05).all()


@pytest.mark.needs("play")
def test_a_fall_on_the_last_step_of_its_time_is_a_fall(monkeypatch):
    from upslope.envs import gym

    environment = gym.Gym("CartPole-v1", copies=1, seed=0)

    class Both:
        def step(self, actions):
            return np.zeros((1, 4), np.float32), np.ones(1), np.array([True]), np.array([True]), {}

    monkeypatch.setattr(environment, "_env", Both())
    step = environment.step(np.zeros(1, dtype=np.int64))
    assert step.terminated[0]
    assert not step.truncated[0]


@pytest.mark.parametrize("name", [*NAMES, ACROBOT])
def test_a_state_comes_back_to_the_bit(name):
    first = make(name, copies=3, seed=5)
    some_steps(first, 130, seed=1)
    state = first.state_dict()
    goes_on = some_steps(first, 60, seed=2)
    second = make(name, copies=3, seed=5)
    some_steps(second, 7, seed=3)
    second.load_state_dict(state)
    for ours, theirs in zip(goes_on, some_steps(second, 60, seed=2), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert np.array_equal(a, b)


@pytest.mark.needs("play")
def test_an_environment_that_does_not_come_back_says_so():
    environment = make("CartPole-v1", copies=2, seed=5)
    some_steps(environment, 10)
    state = environment.state_dict()
    with pytest.raises(RunProblem, match="came to another observation"):
        make("CartPole-v1", copies=2, seed=6).load_state_dict(state)


@BOTH
def test_copies_differ_and_a_seed_gives_the_same_episodes(name):
    def episodes(seed):
        return play(make(name, copies=16, seed=seed), lambda seen: np.random.default_rng(len(seen)).random((16, 2)))

    one, again, other = episodes(3), episodes(3), episodes(4)
    assert np.array_equal(one.observations, again.observations)
    assert not np.array_equal(one.observations[: len(other.observations)], other.observations[: len(one.observations)])
    assert len(set(one.lengths.tolist())) > 1 or name == "CartPole-v1"


def test_a_walker_that_turns_back_never_falls():
    def back(seen):
        place = seen @ np.arange(-2, 3)
        return np.stack([place, -place], axis=1)  # left is best on the right, and the other way round

    played = play(make("walk", copies=200, seed=0), back)
    assert (played.returns == 50).all()
    assert played.truncated[-1].all()
    assert not played.terminated.any()


@pytest.mark.needs("play")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CartPole-v9", "CartPole"),
        ("NoSuch-v1", "NoSuch"),
        ("Pendulum-v1", "acts by Box"),
        ("FrozenLake-v1", "Discrete"),
    ],
)
def test_what_cannot_be_played_is_one_sentence(name, says):
    with pytest.raises(ConfigProblem, match=says) as caught:
        make(name, copies=1, seed=0)
    assert "\n" not in str(caught.value)


def test_without_gymnasium_it_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ConfigProblem, match=r"pip install 'upslope\[play\]'"):
        make("CartPole-v1", copies=1, seed=0)

"""Checkpoints: a run goes on where the last whole one stands, and none holds anything that could run code."""

import numpy as np
import pytest

from upslope.runs.errors import RunProblem
from upslope.runs.metrics import read_metrics


def test_resumed_in_process_equals_uninterrupted(tiny):
    whole, counter = tiny.open(), tiny.counter()
    tiny.train(whole, counter, np.random.default_rng(5), 20)
    broken, half = tiny.open(), tiny.counter()
    tiny.train(broken, half, np.random.default_rng(5), 11)
    resumed, fresh = tiny.again(broken), tiny.counter()
    tiny.train(resumed, fresh, np.random.default_rng(99), 20)
    assert np.array_equal(fresh.array, counter.array)
    assert fresh.log == counter.log == list(range(1, 21))
    assert (resumed.folder / "metrics.jsonl").read_bytes() == (whole.folder / "metrics.jsonl").read_bytes()
    assert resumed.restore()[0] == 20


def test_without_keep_there_is_no_checkpoint(tiny):
    run = tiny.open()
    assert list(run.steps(4, checkpoint_steps=1)) == [1, 2, 3, 4]
    assert not (run.folder / "checkpoint").exists()


@pytest.mark.parametrize(
    "damage", ["half tensors", "flipped bit", "half json", "no tensors", "changed json", "cut metrics"]
)
def test_damaged_checkpoint_is_refused_and_the_one_before_serves(tiny, damage):
    run = tiny.open()
    tiny.train(run, tiny.counter(), np.random.default_rng(0), 11)  # checkpoints at 6 and 9
    run.close()
    tensors, state = (run.folder / "checkpoint" / f"00000009.{kind}" for kind in ("safetensors", "json"))
    match damage:
        case "half tensors":
            tensors.write_bytes(tensors.read_bytes()[:-5])
        case "flipped bit":
            content = bytearray(tensors.read_bytes())
            content[-1] ^= 1
            tensors.write_bytes(content)
        case "half json":
            state.write_bytes(state.read_bytes()[:40])
        case "no tensors":
            tensors.unlink()
        case "changed json":
            state.write_text(state.read_text().replace('"step": 9', '"step": 8'))
        case "cut metrics":
            lines = (run.folder / "metrics.jsonl").read_bytes().split(b"\n")
            (run.folder / "metrics.jsonl").write_bytes(b"\n".join(lines[:7]) + b"\n")
    resumed = tiny.again(run)
    counter = tiny.counter()
    assert resumed.register(counter=counter, rng=np.random.default_rng(1)) == 6
    assert counter.log == [1, 2, 3, 4, 5, 6]
    assert len(resumed.said) == 1
    assert "checkpoint 9 of tiny-0001 is damaged" in resumed.said[0]
    assert read_metrics(resumed.folder / "metrics.jsonl")[-1]["step"] == 6


def test_all_checkpoints_damaged_means_from_the_beginning(tiny):
    run = tiny.open()
    tiny.train(run, tiny.counter(), np.random.default_rng(0), 11)
    run.close()
    for path in (run.folder / "checkpoint").glob("*.json"):
        path.write_text("{}")
    resumed = tiny.again(run)
    assert resumed.register(counter=tiny.counter(), rng=np.random.default_rng(1)) == 0
    assert len(resumed.said) == 2
    assert read_metrics(resumed.folder / "metrics.jsonl") == []


def test_a_checkpoint_of_other_things_is_refused(tiny):
    run = tiny.open()
    tiny.train(run, tiny.counter(), np.random.default_rng(0), 5)
    with pytest.raises(RunProblem, match="the checkpoint keeps counter, rng, but the lab keeps counter"):
        tiny.again(run).register(counter=tiny.counter())


class Callback:
    """Holds what only pickle could write."""

    def state_dict(self):
        return {"deep": [1, {"callback": print}]}

    def load_state_dict(self, state):
        raise AssertionError("nothing was kept")


def test_a_checkpoint_holds_no_pickle(tiny):
    run = tiny.open()
    run.register(thing=Callback())
    with pytest.raises(TypeError, match=r"thing\.deep\.1\.callback holds a builtin_function_or_method"):
        list(run.steps(1))

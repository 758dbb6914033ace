"""Folds: each task learns from the others' rows only, and answers for its own."""

import numpy as np
import pytest
import torch
from torch import nn

from upslope.data.fsdd import SPEAKERS, toy
from upslope.models.build import built
from upslope.sound.preprocess import FrontEnd
from upslope.training.folds import Folds
from upslope.training.tasks.audio_classification import AudioClassification

FRONT = FrontEnd(frames=16, n_mels=12)
WITHOUT = [(who,) for who in range(len(SPEAKERS))]


@pytest.fixture(scope="module")
def data():
    return toy(rng=np.random.default_rng(0), count=60)


def folds(data, without):
    tasks = [
        AudioClassification(built("mel-resnet-toy", seed=n).module, classes=data.classes, front=FRONT)
        for n in range(len(without))
    ]
    return Folds(tasks, without=without, column="speaker")


def test_no_gradient_comes_from_who_is_left_out(data):
    task = folds(data, [*WITHOUT, ()])
    batch = task.collate(data)
    batch["spectrogram"].requires_grad_()
    for number, fold in enumerate(task.tasks):
        task.eval()  # batch norm would let the rows of a batch see each other
        batch["spectrogram"].grad = None
        only = Folds([fold], without=[task.without[number]], column="speaker")
        only.eval()
        only(batch)["loss"].backward()
        reached = batch["spectrogram"].grad.abs().amax(dim=(1, 2)) > 0
        expected = torch.from_numpy(data["speaker"] != number) if number < len(SPEAKERS) else torch.ones(60).bool()
        assert torch.equal(reached, expected)


def test_the_loss_is_the_mean_of_the_tasks_own(data):
    task = folds(data, [*WITHOUT, ()])
    task.eval()
    batch = task.collate(data)
    own = []
    for fold, left in zip(task.tasks, task.without, strict=True):
        rows = torch.from_numpy(~np.isin(data["speaker"], left))
        own.append(fold({name: value[rows] for name, value in batch.items()})["loss"])
    torch.testing.assert_close(task(batch)["loss"], torch.stack(own).mean())


def test_each_row_is_answered_by_the_task_that_left_it_out(data):
    task = folds(data, [*WITHOUT, ()])
    predictions = task.predict(data)
    for who in range(len(SPEAKERS)):
        rows = np.flatnonzero(data["speaker"] == who)
        np.testing.assert_array_equal(predictions[rows], task.tasks[who].predict(data.take(rows)))
    metrics = task.metrics(predictions, data)
    right = predictions.argmax(axis=1) == data["label"]
    assert metrics["accuracy"] == pytest.approx(right.mean())
    assert metrics["accuracy_theo"] == pytest.approx(right[data["speaker"] == SPEAKERS.index("theo")].mean())
    assert metrics["accuracy_worst"] == min(metrics[f"accuracy_{name}"] for name in SPEAKERS)


def test_with_two_left_out_the_first_is_measured(data):
    pairs = [((who + 1) % 6, who) for who in range(6)]
    task = folds(data, pairs)
    rows = np.flatnonzero(data["speaker"] == 3)
    np.testing.assert_array_equal(task.predict(data)[rows], task.tasks[2].predict(data.take(rows)))


def test_a_group_that_everybody_learned_from_is_refused(data):
    with pytest.raises(ValueError, match="every task learned from group 2 of speaker"):
        folds(data, [(0,), (1,), ()]).predict(data)
    tasks = folds(data, [(0,), (1,)]).tasks
    with pytest.raises(ValueError, match="2 tasks leave out 1"):
        Folds(tasks, without=[(0,)], column="speaker")


def test_the_last_one_is_saved_and_described(data):
    task = folds(data, [*WITHOUT, ()])
    network = built("mel-resnet-toy", seed=9)
    assert task.predictor is task.tasks[-1].model is task.trained
    assert task.spec(network).task == "audio-classification"
    assert task.spec(network).preprocessing == FRONT.to_json()
    assert sum(p.numel() for p in task.model.parameters()) == 7 * sum(p.numel() for p in task.predictor.parameters())
    task.train()
    assert all(isinstance(module, nn.Module) and module.training for module in task.model)
    task.eval()
    assert not any(module.training for module in task.model.modules())

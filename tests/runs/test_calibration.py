"""Calibration beside torchmetrics and scikit-learn; wrong labels are found where they were planted."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from torchmetrics.functional.classification import multiclass_calibration_error

from upslope.runs.reports import calibration, doubtful


def samples(count=600, classes=4, *, heat=2.5, seed=0):
    """Logits that are `heat` times as sure as they should be, and labels drawn from what they should say."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(count, classes)) * 1.5
    labels = np.array([rng.choice(classes, p=row) for row in np.exp(calibration.log_softmax(true))])
    return (heat * true).astype(np.float32), labels


class Given(ClassifierMixin, BaseEstimator):
    """A classifier of scikit-learn whose inputs are its logits."""

    def __init__(self, classes=4):
        self.classes = classes

    def fit(self, x, y):
        self.classes_ = np.arange(self.classes)
        self.n_features_in_ = self.classes
        return self

    def decision_function(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_that_of_torchmetrics(seed):
    logits, labels = samples(seed=seed)
    probabilities = np.exp(calibration.log_softmax(logits))
    theirs = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=4, n_bins=15, norm="l1"
    )
    assert calibration.calibration_error(probabilities, labels) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("heat", [0.4, 1.0, 2.5])
def test_the_temperature_is_that_of_scikit_learn_and_of_the_data(heat):
    logits, labels = samples(4000, heat=heat)
    found = calibration.temperature(logits, labels)
    peer = CalibratedClassifierCV(FrozenEstimator(Given().fit(logits, labels)), method="temperature")
    theirs = peer.fit(logits, labels).predict_proba(logits)
    assert np.exp(calibration.log_softmax(logits / found)) == pytest.approx(theirs, abs=1e-3)
    assert found == pytest.approx(heat, rel=0.1)


def test_scaling_changes_the_confidence_and_no_answer():
    logits, labels = samples(4000)
    before = np.exp(calibration.log_softmax(logits))
    after = np.exp(calibration.log_softmax(logits / calibration.temperature(logits, labels)))
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    assert calibration.calibration_error(after, labels) < 0.3 * calibration.calibration_error(before, labels)
    (axis,) = calibration.diagram(before, after, labels).axes
    said = [text.get_text() for text in axis.get_legend().get_texts()]
    assert [text.partition(":")[0] for text in said] == ["as trained", "temperature scaled"]


def test_where_nothing_is_wrong_the_temperature_stays_above_zero():
    labels = np.array([0, 1, 2, 0])
    found = calibration.temperature(np.eye(3)[labels], labels)
    assert calibration.COLDEST <= found < 2 * calibration.COLDEST


def test_the_confident_joint_by_hand():
    """Class 0's threshold is (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1's (0.7 + 0.38) / 2 = 0.54."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.62, 0.38]])
    labels = np.array([0, 0, 0, 1, 1])
    assert doubtful.thresholds(probabilities, labels) == pytest.approx([0.6, 0.54])
    assert doubtful.confident_joint(probabilities, labels).tolist() == [[2, 1], [1, 1]]
    assert doubtful.doubtful(probabilities, labels).tolist() == [2, 4], "the wider margin first"


def test_planted_labels_are_found():
    logits, _ = samples(500, heat=4.0, seed=3)
    probabilities = np.exp(calibration.log_softmax(logits))
    labels = probabilities.argmax(axis=1)
    sure = np.flatnonzero(probabilities.max(axis=1) > 0.97)[:15]
    labels[sure] = (labels[sure] + 1) % 4
    assert set(doubtful.doubtful(probabilities, labels)) == set(sure)
    assert len(doubtful.doubtful(probabilities, labels, most=3)) == 3


def test_a_class_that_no_sample_carries_is_never_suggested():
    probabilities = np.array([[0.2, 0.8], [0.7, 0.3]])
    assert doubtful.confident_class(probabilities, np.array([0, 0])).tolist() == [-1, 0]
    assert doubtful.doubtful(probabilities, np.array([0, 0])).tolist() == []

"""The Keras twins give what the PyTorch models give: outputs, gradients, statistics, weights both ways.

Each backend in one process of its own (compare.py), since Keras keeps the backend it began with. TensorFlow is an
extra: where it is not installed, the PyTorch backend alone is compared, and the report of the tests says so.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs("torch"), pytest.mark.needs("keras")]
BACKENDS = ["torch", pytest.param("tensorflow", marks=[pytest.mark.needs("tensorflow"), pytest.mark.deep])]
CASES = ["lenet", "lenet-modern", "resnet-projection", "resnet-padded", "resnet-imagenet", "mlp", "lstm", "encoder"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """What compare.py found out, by backend; each runs once, also where several workers share the tests."""
    found = {}
    crowd = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    shared = tmp_path_factory.getbasetemp().parent if crowd else tmp_path_factory.mktemp("twins")

    def report(backend):
        if backend not in found:
            path = shared / f"twins-{backend}{crowd}.json"
            with open(path, "a+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not path.stat().st_size:
                    path.write_text(json.dumps(compare(backend, tmp_path_factory.mktemp(backend))))
            found[backend] = json.loads(path.read_text())
        return found[backend]

    return report


def compare(backend, root):
    script = Path(__file__).with_name("compare.py")
    command = [sys.executable, "-W", "error", str(script), backend, str(root)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "KERAS_HOME": str(root / "keras")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(params=BACKENDS)
def report(request, reports):
    return reports(request.param)


@pytest.fixture(params=CASES)
def case(request, report):
    return report["cases"][request.param] | {"name": request.param}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_backend_is_the_one_that_was_asked_for(reports, backend):
    assert reports(backend)["backend"] == backend


def test_outputs_are_the_same(case):
    """In evaluation mode, with random batch-norm statistics and scales."""
    assert case["outputs"] < 1e-5


def test_one_step_has_the_same_loss_and_gradients(case):
    """Training mode, with the statistics of the batch."""
    training = case["training"]
    assert training["loss"] < 1e-5
    assert training["gradients"] < 1e-4
    assert training["smallest gradient"] > 1e-3, "every parameter gets a gradient that is no rounding error"


def test_batch_norm_remembers_the_same(case):
    """Means are equal. Of the variance PyTorch keeps n / (n - 1) times what Keras keeps, and nothing else differs."""
    training = case["training"]
    assert training["running mean"] < 1e-6
    assert training["running mean moved"] > 0.1
    assert training["running variance"] < 1e-6
    if "resnet" in case["name"]:
        assert training["running variance as it is"] > 1e-4, "else the docstring of batch_norm is out of date"


def test_weights_come_back_as_the_same_bits(case):
    assert case["round trip"] is True


@pytest.mark.parametrize("model", ["lenet", "resnet-projection", "mlp", "lstm", "encoder"])
def test_three_steps_of_sgd_lead_to_the_same_weights(report, model):
    """With momentum, and another learning rate at each step."""
    learning = report["learning"][model]
    assert learning["steps"] == 3
    assert learning["losses"] < 1e-5
    assert learning["weights"] < 1e-6
    assert learning["moved"] > 1e-4


@pytest.mark.parametrize("model", ["lstm", "encoder"])
def test_three_steps_of_adam_lead_to_the_same_weights(report, model):
    """Of key biases the gradient is 0 but for rounding, which Adam's division makes larger."""
    learning = report["learning by adam"][model]
    assert learning["losses"] < 1e-5
    assert learning["weights"] < 1e-4
    assert learning["moved"] > 1e-3


def test_the_rows_of_a_word_are_added_up_before_they_are_squared(report):
    """On TensorFlow Keras' own Adam squares each for itself; on PyTorch there is one row for a word."""
    weights = report["adam of rows"]
    assert weights["ours"] == pytest.approx(weights["torch"], rel=1e-4)
    apart = abs(weights["keras"][1] - weights["torch"][1])
    assert apart > 1e-4 if report["backend"] == "tensorflow" else apart < 1e-6, (
        "else trainers' docstring is out of date"
    )


def test_steps_written_out_lead_to_the_same_weights(report):
    """Of a network with batch norm by SGD, and of the LSTM by Adam and with smoothed labels; on PyTorch."""
    for learning in report["learning by hand"]:
        assert learning["steps"] == 3
        assert learning["losses"] < 1e-5
        assert learning["weights"] < 1e-5
    assert len(report["learning by hand"]) == (2 if report["backend"] == "torch" else 0)


def test_smoothed_labels_are_the_same_loss(report):
    """Keras' own loss of whole numbers has no smoothing; ours stands beside PyTorch's."""
    assert report["learning smoothed"]["losses"] < 1e-5
    assert report["learning smoothed"]["weights"] < 1e-6


def test_two_biases_are_one(report):
    """Of PyTorch's own LSTM, too; and the second stays 0."""
    assert report["two biases"]["states"] < 1e-6
    assert report["two biases"]["of one bias"] < 1e-6
    assert report["two biases"]["the second"] == 0


def test_momentum_in_its_own_form_leads_elsewhere(report):
    """Why PyTorch's gradients are taken times the learning rate: left alone, the twins part at the second step."""
    assert report["learning in its own form"]["weights"] > 1e-3


@pytest.mark.parametrize("model", ["lenet", "resnet-padded", "encoder"])
def test_a_model_goes_on_from_the_state_of_another_to_the_bit(report, model):
    assert report["kept"][model] is True


@pytest.mark.parametrize("model", ["lenet", "resnet-projection", "mlp", "lstm", "encoder"])
def test_fresh_weights_are_drawn_as_in_torch(report, model):
    """The same spread, and for uniform ones the same bounds; as far as so many numbers can tell."""
    for name, (ours, theirs) in report["drawn"][model].items():
        (our_std, our_max, count), (their_std, their_max, _) = ours, theirs
        normal = ("resnet" in model and "head" not in name) or name.startswith(("words", "embedding", "positions"))
        if count >= 500:
            assert their_std == pytest.approx(our_std, rel=4 / count**0.5), name
        if not normal and "bias_hh" not in name:  # which Keras does not have
            assert their_max == pytest.approx(our_max, rel=0.01 if count >= 500 else 0.3), name
        elif count >= 5000:
            # A normal distribution with both ends: one that is cut off stays below 2.3, an even one below 1.8.
            assert min(our_max / our_std, their_max / their_std) > 3, name
        if "norm" in name:
            assert [their_std, their_max] == [our_std, our_max], name


def test_what_does_not_fit_is_refused_in_a_sentence(report):
    said = report["refusals"]
    assert said["another shape"] == "linear3.weight is (7, 84) in PyTorch and, in the same order, (10, 84) in Keras"
    assert said["flattened"] == "conv2.weight is (8, 6, 5, 5) in PyTorch and, in the same order, (16, 6, 5, 5) in Keras"
    assert (
        said["deeper in torch"]
        == "PyTorch holds stages.0.1.conv1.weight, and the Keras model has no layer stages.0.1.conv1"
    )
    assert said["deeper in keras"].startswith(
        "the Keras model holds 10 weights that PyTorch does not have, the first at "
    )
    assert said["another network"].startswith("conv1.weight is (6, 1, 5, 5) in PyTorch")
    assert said["bottleneck"] == 'the Keras twin has basic blocks only: block="bottleneck" is PyTorch\'s alone'
    assert said["stages"] == "depths=(1, 1) and widths=(4,) must name the same stages"
    assert said["a part without weights"] == (
        "PyTorch holds mean.weight, and Keras has a GlobalAveragePooling1D there, which holds no weights"
    )
    assert said["no such weight"] == "PyTorch holds embedding.bias, and Keras' Embedding there has no such weight"
    assert said["another backend"].startswith(f"Keras already runs on {report['backend']} in this process")


def test_an_interrupted_lab_ends_with_the_same_bits(report):
    """Stopped while PyTorch was ahead of Keras; the weights, every logged loss and the metrics are the same."""
    lab = report["lab"]
    assert lab["resumed"] == 1
    assert lab["parts"] == lab["whole"]
    assert lab["keras_on"] == report["backend"]
    assert min(lab["seconds"]) > 0


@pytest.mark.parametrize("model", ["lstm", "encoder"])
def test_networks_that_read_learn_in_the_lab(report, model):
    """Sentences of a small grammar: both sides in one epoch, with equal losses at first."""
    lab = report["text lab"][model]
    assert lab["same_steps"] >= 10
    assert lab["least"] > 0
    assert lab["page"] is True


def test_the_page_shows_the_code_of_both(report):
    assert report["lab"]["page"] == [True, True]

"""A finished run of a small network, without training: made once for all tests of the folder."""

import numpy as np
import pytest

from upslope.cards import LabCard, Metric, discover
from upslope.runs.config import LabConfig
from upslope.runs.run import Run

CARD = LabCard(
    name="small",
    title="A small network",
    paper="",
    claim="",
    domain="tests",
    seconds={"laptop": 1},
    data=(),
    expect=(),
    presets={"laptop": {}},
    metrics={"test_accuracy": Metric(unit="%")},
)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, described):
    """The folder of a run that ended with a LeNet-5 for pictures of 28 x 28, as it was drawn."""
    pytest.importorskip("lightning")
    from upslope.models.build import construct
    from upslope.training.seeding import seeded
    from upslope.training.state import arrays

    root = tmp_path_factory.mktemp("runs")
    arguments = {"padding": 2, "modern": True, "channels": (4, 8)}
    with seeded(3):
        model = construct(discover("models")["lenet"], arguments)
    run = Run.create(CARD, LabConfig(seed=3), root=root, quiet=True)
    run.save_model(arrays(model), described(arguments=arguments, mean=0.13, std=0.31))
    run.finish({"test_accuracy": 0.1})
    return run.folder


@pytest.fixture
def pictures():
    """Pixels in [0, 1], no two batches alike."""
    return np.random.default_rng(5).random((70, 1, 28, 28), dtype=np.float32)

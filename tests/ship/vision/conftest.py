"""Finished runs of small image classifiers as they were drawn, and pictures to look at with them."""

import numpy as np
import pytest
from PIL import Image
from tests.explain.conftest import SMALL
from tests.ship.conftest import CARD

from upslope.runs.config import LabConfig
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run


@pytest.fixture(scope="session")
def made_run(tmp_path_factory):
    """`made_run("vit", channels=3)`: the folder of a run with that network, untrained; the same one the next time."""
    pytest.importorskip("lightning")
    from upslope.models.build import built
    from upslope.training.state import arrays

    root, there = tmp_path_factory.mktemp("runs"), {}

    def made(family, *, channels=1, look="photo", data=""):
        if (family, channels, look, data) not in there:
            network = built(SMALL[family][0], seed=1, in_channels=channels)
            spec = ModelSpec(
                task="image-classification",
                model=network.model,
                arguments=network.arguments,
                inputs={"image": {"shape": [channels, 28, 28], "dtype": "float32"}},
                outputs={"logits": {"classes": list("0123456789")}},
                preprocessing={"mean": [0.4] * channels, "std": [0.25] * channels, "look": look},
                data=data,
            )
            run = Run.create(CARD, LabConfig(seed=3), root=root, quiet=True)
            run.save_model(arrays(network.module), spec)
            run.finish({"test_accuracy": 0.1})
            there[family, channels, look, data] = run.folder
        return there[family, channels, look, data]

    return made


@pytest.fixture(scope="session")
def photograph(tmp_path_factory):
    """A file with a coloured picture."""
    path = tmp_path_factory.mktemp("pictures") / "a picture.png"
    pixels = np.random.default_rng(0).random((5, 6, 3))
    Image.fromarray((255 * pixels).astype(np.uint8)).resize((60, 50), Image.Resampling.BICUBIC).save(path)
    return path

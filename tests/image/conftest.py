"""The pictures that the tests of this folder look at: files of given pixels, and photographs made by program."""

import importlib.util
import sys
from pathlib import Path

import pytest
from PIL import Image


def module_beside(name):
    """A module of this folder."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"tests_image_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def photographs():
    """The module beside this file: `photographs.photograph(7, photographs.Scene(pen=0.5), rng)` is a JPEG file."""
    return module_beside("photographs")


@pytest.fixture(scope="session")
def peers():
    """The module beside this file: `peers.grey("camera")` is one of scikit-image's photographs."""
    return module_beside("peers")


@pytest.fixture
def file(tmp_path):
    """`file(pixels, "name.png", mode="RGB")` is the path of a picture with these pixels."""

    def make(pixels, name, mode=None, **how):
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(tmp_path / name, **how)
        return tmp_path / name

    return make

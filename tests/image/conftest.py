"""The photographs that the tests of this folder look at, made by program."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def photographs():
    """The module beside this file: `photographs.photograph(7, photographs.Scene(pen=0.5), rng)` is a JPEG file."""
    path = Path(__file__).with_name("photographs.py")
    spec = importlib.util.spec_from_file_location("tests_image_photographs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

"""What all tests share: needs that a machine may lack, and a home that is never the developer's own."""

import ctypes
import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from upslope.runs.model_spec import ModelSpec


def _has_data() -> bool:
    mirror = os.environ.get("UPSLOPE_MIRROR", "")
    return bool(mirror) and (Path(mirror) / "mnist").is_dir()


def _has_landlock() -> bool:
    if sys.platform != "linux":
        return False
    version_of_the_abi = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)
    return int(version_of_the_abi) > 0


# What a test may need: how to find out, and what to say when it is absent.
NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "data": (_has_data, "UPSLOPE_MIRROR names no folder with the data sets"),
    "torch": (lambda: importlib.util.find_spec("torch") is not None, "torch is not installed"),
    "keras": (lambda: importlib.util.find_spec("keras") is not None, "Keras is not installed"),
    "tensorflow": (lambda: importlib.util.find_spec("tensorflow") is not None, "TensorFlow is not installed"),
    "onnx": (lambda: importlib.util.find_spec("onnxscript") is not None, "ONNX is not installed"),
    "mlflow": (lambda: importlib.util.find_spec("mlflow") is not None, "MLflow is not installed"),
    "browser": (lambda: shutil.which("chromium") is not None, "no chromium on this machine"),
    "gpu": (lambda: shutil.which("nvidia-smi") is not None, "no GPU on this machine"),
    "landlock": (_has_landlock, "this kernel has no Landlock"),
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"needs(*names): skipped where one is absent: {', '.join(NEEDS)}")
    # A shell lets what it starts in the background ignore Ctrl-C, and so would every process that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = {name.strip() for name in os.environ.get("UPSLOPE_REQUIRE", "").split(",") if name.strip()}
    if required - set(NEEDS):
        pytest.fail(f"UPSLOPE_REQUIRE knows {', '.join(NEEDS)}; not {', '.join(sorted(required - set(NEEDS)))}")
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            present, absence = NEEDS[name]
            if not present():
                outcome = pytest.fail if name in required else pytest.skip
                outcome(f"needs {name}: {absence}")


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the developer's workspace or data cache."""
    monkeypatch.setenv("UPSLOPE_HOME", str(tmp_path / "upslope-home"))
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path / "upslope-data"))


@pytest.fixture(scope="session")
def described() -> Callable[..., ModelSpec]:
    """`described(arguments=...)`: what a classifier of handwritten digits says of itself."""

    def described(data="mnist", *, model="lenet", arguments=None, mean=0.0, std=1.0):
        return ModelSpec(
            task="image-classification",
            model=model,
            arguments=arguments or {},
            inputs={"image": {"shape": [1, 28, 28], "dtype": "float32"}},
            outputs={"logits": {"classes": list("0123456789")}},
            preprocessing={"mean": [mean], "std": [std]},
            data=data,
        )

    return described

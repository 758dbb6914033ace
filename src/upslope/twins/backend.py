"""The backend that Keras runs on, TensorFlow or PyTorch: chosen once in a process, before Keras is first imported."""

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from upslope.runs.errors import Problem

BACKENDS = ("tensorflow", "torch")


class BackendProblem(Problem):
    """A backend that cannot be had: Keras runs on another one already, or something is not installed."""


def use(backend: str = "auto", *, threads: int = 0) -> str:
    """Make Keras run on this backend, with pictures channels-last; returns the backend's name.

    "auto" is the one that Keras already runs on in this process; else TensorFlow where it is installed, else PyTorch.
    `threads` is how many may compute one operation; 0 leaves it to the backend. TensorFlow takes it once only.
    """
    backend = chosen(backend)
    os.environ["KERAS_BACKEND"] = backend
    with _hushed():
        library: Any = importlib.import_module(backend)
        keras: Any = importlib.import_module("keras")
    # Keras' own way to NumPy's arrays, which NumPy 2 would have written otherwise: nothing that a caller could change.
    warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
    if backend == "tensorflow":
        library.config.experimental.enable_op_determinism()  # sums in one order: a seed gives one result
    if threads:
        _set_threads(library, threads)
    # A person's own ~/.keras/keras.json may say otherwise; the twins are written for these two.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    return backend


def chosen(backend: str) -> str:
    """The backend that `use` would take; BackendProblem where it cannot be had. Imports nothing."""
    if backend not in ("auto", *BACKENDS):
        raise BackendProblem(f'there is no twin on the backend "{backend}": take {" or ".join(BACKENDS)}')
    if not _installed("keras"):
        raise BackendProblem("the twins need Keras, which is not installed: pip install 'upslope[keras]'")
    running = _running()
    if backend == "auto":
        backend = running or ("tensorflow" if _installed("tensorflow") else "torch")
    if running and (running != backend or running not in BACKENDS):
        wanted = f"backend={backend}" if running != backend else "a twin"
        raise BackendProblem(
            f"Keras already runs on {running} in this process and keeps it: {wanted} needs a new process, "
            "with upslope.twins.backend.use(...) before the first import of keras"
        )
    if not _installed(backend):
        raise BackendProblem(f"backend={backend} is not installed: pip install 'upslope[{backend}]'")
    return backend


def _running() -> str:
    """The backend that an imported Keras has; nothing where it is not imported yet."""
    keras: Any = sys.modules.get("keras")
    return str(keras.config.backend()) if keras is not None else ""


def _installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def _set_threads(library: Any, threads: int) -> None:
    if library.__name__ == "torch":
        library.set_num_threads(threads)
        return
    settings = library.config.threading
    if settings.get_intra_op_parallelism_threads() == threads:
        return
    try:
        settings.set_intra_op_parallelism_threads(threads)
        settings.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        now = settings.get_intra_op_parallelism_threads()
        raise BackendProblem(
            f"TensorFlow has begun in this process with threads={now} and keeps them; threads={threads} needs a new one"
        ) from None


@contextmanager
def _hushed() -> Iterator[None]:
    """What libraries say while they are imported (of processors, of GPUs that are not there) stays off the screen.

    TensorFlow writes some of it below Python, before it has read how much of it anybody wants.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

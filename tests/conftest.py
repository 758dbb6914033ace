"""What all tests share: how deep they go, needs that a machine may lack, a home that is never the developer's own.

`make test` runs every part, quickly; `make test-all` (`--depth deep`) runs what that leaves out. A test that is marked
`deep` belongs to the second alone. One that takes the fixture `seeds` runs in both, with 3 and with 20 of them. Where
time is short, `--minutes 20` begins no test later than that; each day other files come first, and what is left out is
said.

No test asks how fast this machine is: one clock, pytest's, ends what hangs, and the grader is told to be patient.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from upslope.runs.model_spec import ModelSpec

BEGUN = time.monotonic()
SEEDS = {"quick": range(3), "deep": range(20), "all": range(20)}


def _has_data() -> bool:
    mirror = os.environ.get("UPSLOPE_MIRROR", "")
    return bool(mirror) and (Path(mirror) / "mnist").is_dir()


def _has_browser() -> bool:
    return shutil.which("chromium") is not None and importlib.util.find_spec("playwright") is not None


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
    "diffusers": (lambda: importlib.util.find_spec("diffusers") is not None, "diffusers is not installed"),
    "mlflow": (lambda: importlib.util.find_spec("mlflow") is not None, "MLflow is not installed"),
    "play": (lambda: importlib.util.find_spec("gymnasium") is not None, "Gymnasium is not installed"),
    "browser": (_has_browser, "Playwright or Chromium is not installed"),
    "gpu": (lambda: shutil.which("nvidia-smi") is not None, "no GPU on this machine"),
    "landlock": (_has_landlock, "this kernel has no Landlock"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--depth", choices=list(SEEDS), default="quick", help="quick: every part; deep: the rest; all: both"
    )
    parser.addoption("--minutes", type=float, default=0, help="begin no test later than this; 0: run all of them")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "deep: left to `make test-all`, because other tests see the part as well")
    # Verdicts are about answers, not about what else the machine does meanwhile; processes inherit this.
    os.environ["UPSLOPE_PATIENCE"] = "10"
    os.environ.setdefault("UPSLOPE_TEST_DAY", str(date.today().toordinal()))  # one for all workers, also at midnight
    hypothesis.settings.register_profile(
        "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("tests")
    config.addinivalue_line("markers", f"needs(*names): skipped where one is absent: {', '.join(NEEDS)}")
    # A shell lets what it starts in the background ignore Ctrl-C, and so would every process that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other tier; those that are named one by one (test_x.py::test_y) run in any case."""
    depth = config.getoption("depth")
    named = any("::" in word for word in config.args)
    out = [item for item in items if not named and not _belongs(item, depth)]
    if out:
        config.hook.pytest_deselected(items=out)
        left = set(out)
        items[:] = [item for item in items if item not in left]
    if config.getoption("minutes") and items:
        files = list(dict.fromkeys(item.path for item in items))
        first = int(os.environ["UPSLOPE_TEST_DAY"]) * 37 % len(files)
        place = {path: (number - first) % len(files) for number, path in enumerate(files)}
        items.sort(key=lambda item: place[item.path])


def _belongs(item: pytest.Item, depth: str) -> bool:
    marked = item.get_closest_marker("deep") is not None
    if depth == "deep":
        return marked or "seeds" in getattr(item, "fixturenames", ())
    return depth == "all" or not marked


def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = item.config.getoption("minutes")
    if minutes and time.monotonic() > BEGUN + 60 * minutes:
        pytest.skip(f"{minutes:g} minutes were over")
    required = {name.strip() for name in os.environ.get("UPSLOPE_REQUIRE", "").split(",") if name.strip()}
    if required - set(NEEDS):
        pytest.fail(f"UPSLOPE_REQUIRE knows {', '.join(NEEDS)}; not {', '.join(sorted(required - set(NEEDS)))}")
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            present, absence = NEEDS[name]
            if not present():
                outcome = pytest.fail if name in required else pytest.skip
                outcome(f"needs {name}: {absence}")


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest) -> range:
    """The seeds of random numbers that a test goes through."""
    return SEEDS[request.config.getoption("depth")]


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


@pytest.fixture(scope="session")
def write_gguf() -> Callable[..., dict[str, Any]]:
    """`write_gguf(path, quantised="Q4_1")`: a small random Llama as llama.cpp's converter writes it.

    Gives the published tensors that went in. Its vocabulary: three special tokens, all bytes, and "th", "the".
    """
    gguf = pytest.importorskip("gguf", reason="it writes the file")
    from upslope.text.byte_alphabet import CHARACTER

    dim, depth, heads, kv_heads, hidden = 64, 2, 4, 2, 96
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(CHARACTER[byte] for byte in range(256)), "th", "the"]
    template = (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' "
        "+ message['content'] + '<|im_end|>\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )

    def permuted(w, count):
        """As convert_hf_to_gguf.py: the pairs of the rotation become neighbours."""
        return w.reshape(count, 2, w.shape[0] // count // 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)

    def write(path, *, quantised="F32", architecture="llama", tokenizer="gpt2", pattern="smollm", context=128):
        rng = np.random.default_rng(0)

        def drawn(*shape):
            values = 1 + rng.normal(size=shape) * 0.3 if len(shape) == 1 else rng.normal(size=shape) / shape[1] ** 0.5
            return values.astype(np.float32)

        writer = gguf.GGUFWriter(path, architecture)
        writer.add_context_length(context)
        writer.add_embedding_length(dim)
        writer.add_block_count(depth)
        writer.add_feed_forward_length(hidden)
        writer.add_head_count(heads)
        writer.add_head_count_kv(kv_heads)
        writer.add_rope_freq_base(5000.0)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_vocab_size(len(tokens))
        writer.add_tokenizer_model(tokenizer)
        writer.add_tokenizer_pre(pattern)
        writer.add_token_list(tokens)
        writer.add_token_types([3, 3, 3] + [1] * (len(tokens) - 3))
        writer.add_token_merges(["t h", "th e"])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_chat_template(template)
        tensors = {"token_embd": drawn(len(tokens), dim), "output_norm": drawn(dim)}
        for number in range(depth):
            shapes = {"attn_norm": (dim,), "ffn_norm": (dim,), "attn_q": (dim, dim), "attn_output": (dim, dim)}
            shapes |= {"attn_k": (dim // 2, dim), "attn_v": (dim // 2, dim)}
            shapes |= {"ffn_gate": (hidden, dim), "ffn_up": (hidden, dim), "ffn_down": (dim, hidden)}
            tensors |= {f"blk.{number}.{name}": drawn(*shape) for name, shape in shapes.items()}
        for name, tensor in tensors.items():
            count = {"attn_q": heads, "attn_k": kv_heads}.get(name.rpartition(".")[2])
            stored = permuted(tensor, count) if count else tensor
            kind = gguf.GGMLQuantizationType[quantised if tensor.ndim > 1 else "F32"]
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(stored, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return tensors

    return write


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each question to a progress file has read, from here on."""
    from upslope.academy import progress

    counts: list[int] = []
    read = progress.Progress._read

    def counted(self: progress.Progress, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        rows = read(self, query, values)
        counts.append(len(rows))
        return rows

    monkeypatch.setattr(progress.Progress, "_read", counted)
    return counts

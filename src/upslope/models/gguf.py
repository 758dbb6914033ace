"""GGUF: the one file of llama.cpp, with a model's settings, its tokenizer and its weights, mostly quantised.

The package `gguf`, which llama.cpp's authors keep, reads the container and turns every block format back into floats.
Here the tensors become those of the model that was converted: llama.cpp stores the rows of queries and keys in another
order, because it rotates neighbouring features where the published weights rotate halves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from upslope.runs.errors import DataProblem
from upslope.runs.workspace import short

MAGIC = b"GGUF"


@dataclass(frozen=True)
class Gguf:
    """What a file holds: settings by key ("llama.block_count"), and by llama.cpp's names the weights in float32."""

    settings: Mapping[str, Any]
    tensors: dict[str, Tensor]


def is_gguf(path: Path) -> bool:
    """Whether the file says that it is one."""
    with open(path, "rb") as file:
        return file.read(4) == MAGIC


def read_gguf(path: Path, *, weights: bool = True) -> Gguf:
    """Read the whole file, or its settings alone. DataProblem where it is damaged."""
    import gguf

    try:
        reader = gguf.GGUFReader(path)
        settings = {name: field.contents() for name, field in reader.fields.items()}
        held = reader.tensors if weights else []
        arrays = {each.name: _floats(each) for each in held}
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, NotImplementedError) as error:
        why = " ".join(str(error).split())[:80] or type(error).__name__
        raise DataProblem(f"{short(path)} is damaged, or not a complete GGUF file ({why})") from None
    except OSError as error:
        raise DataProblem(f"{short(path)} cannot be read: {(error.strerror or str(error)).lower()}") from None
    return Gguf(settings, {name: torch.from_numpy(_as_published(name, a, settings)) for name, a in arrays.items()})


def llama_arguments(settings: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """What `Llama` is built with to hold the weights of a file with these settings. DataProblem for another model."""
    kind = settings.get("general.architecture")
    if kind != "llama":
        raise DataProblem(f"{name} holds a model of the architecture {kind}, and only llama is read here")
    if unread := [key for key in settings if key.startswith("llama.rope.scaling.") and settings[key] != "none"]:
        raise DataProblem(f"{name} stretches its rotary positions ({unread[0]}), which Llama here does not")
    try:
        return {
            "vocab_size": len(settings["tokenizer.ggml.tokens"]),
            "context": int(settings["llama.context_length"]),
            "dim": int(settings["llama.embedding_length"]),
            "depth": int(settings["llama.block_count"]),
            "heads": int(settings["llama.attention.head_count"]),
            "kv_heads": _kv_heads(settings),
            "hidden": int(settings["llama.feed_forward_length"]),
            "rotary_base": float(settings.get("llama.rope.freq_base", 10_000.0)),
            "eps": float(np.float32(settings["llama.attention.layer_norm_rms_epsilon"])),
        }
    except KeyError as error:
        raise DataProblem(f"{name} lacks the setting {error.args[0]}") from None


def _floats(held: Any) -> NDArray[np.float32]:
    import gguf

    values: NDArray[np.float32] = gguf.quants.dequantize(held.data, held.tensor_type).astype(np.float32, copy=False)
    return np.ascontiguousarray(values)


def _as_published(name: str, array: NDArray[np.float32], settings: Mapping[str, Any]) -> NDArray[np.float32]:
    """The rows of queries and keys in the published order: within a head first all first features of the pairs."""
    found = re.fullmatch(r"blk\.\d+\.attn_([qk])\.weight", name)
    if found is None or settings.get("general.architecture") != "llama":
        # Arrays of one-block tensors may be views of the file, which is not to be written to.
        return array if array.flags.writeable else array.copy()
    heads = int(settings["llama.attention.head_count"]) if found[1] == "q" else _kv_heads(settings)
    rows, columns = array.shape
    pairs = array.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows, columns)


def _kv_heads(settings: Mapping[str, Any]) -> int:
    return int(settings.get("llama.attention.head_count_kv", settings["llama.attention.head_count"]))

"""Checkpoints of other libraries: their tensors read without running anything, their keys made ours.

Rules (see `cards.Weights`) say how. Loading succeeds completely or not at all: every key of ours is filled, in its
shape, and every key of the file is used or dropped by a rule.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from upslope.models import gguf
from upslope.runs.errors import DataProblem
from upslope.runs.workspace import short

Rules = tuple[tuple[str, str], ...]

# Under which names training programs lay a model's state dict beside the optimizer's and the epoch.
INNER = ("model", "state_dict", "model_state_dict", "model_state", "net", "network", "weights", "params")
WRAPPERS = ("module.", "_orig_mod.")


def read(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of safetensors, of PyTorch or GGUF, by key. Nothing that is in the file is run."""
    try:
        with open(path, "rb") as file:
            start = file.read(9)
    except OSError as error:
        raise DataProblem(f"{short(path)} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if start[:4] == gguf.MAGIC:
        return gguf.read_gguf(path).tensors
    try:
        if start[8:] == b"{":  # the length of a JSON header, and the header: safetensors
            return safetensors.torch.load_file(path)
        # Of pickles, PyTorch's reader for weights takes tensors and plain values, and refuses all else.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it thinks of a file's pickle protocol
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        why = (
            f"it asks for {asked[1]}, which is not a tensor; it was not run" if asked else "it is not a file of tensors"
        )
        raise DataProblem(f"{short(path)} is refused: {why}") from None
    except (safetensors.SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
        # What the reader of pickles stumbles over says nothing to a person: KeyError: 101.
        lines = [] if isinstance(error, LookupError | TypeError) else str(error).strip().splitlines()
        why = f" ({lines[0].split('. ')[0]})" if lines else ""
        raise DataProblem(f"{short(path)} is damaged, or not a file of tensors{why}") from None
    tensors = _tensors(content)
    if not tensors:
        found = f", only {', '.join(map(str, content))}" if isinstance(content, Mapping) and content else ""
        raise DataProblem(f"{short(path)} holds no tensors by name{found}")
    return tensors


def unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The keys without what DataParallel (module.) and torch.compile (_orig_mod.) put before every one of them."""
    for prefix in WRAPPERS:
        if tensors and all(key.startswith(prefix) for key in tensors):
            return unwrapped({key.removeprefix(prefix): tensor for key, tensor in tensors.items()})
    return dict(tensors)


def translate(
    tensors: Mapping[str, Tensor], rules: Rules, wanted: Mapping[str, Tensor], *, name: str
) -> dict[str, Tensor]:
    """The tensors under our keys, in the shapes and types of `wanted`. `name` is that of the file, for what is said."""
    tensors = dict(tensors)
    sources: dict[str, dict[int, str]] = {}  # our key -> part -> key of the file
    lengths: dict[str, int] = {}
    copied: set[str] = set()  # ours of which a file may hold the same several times
    for key, tensor in list(tensors.items()):
        renamed = rename(key, rules)
        if renamed is None:
            raise DataProblem(f"{name} holds {key}, for which there is no rule")
        target = _target(_counted(renamed, wanted))
        ours = target.key
        if not ours or (target.optional and ours not in wanted):
            continue
        if ours not in wanted:
            raise DataProblem(f"{name} holds {key}, but the model has no {ours}")
        if target.transposed:
            tensors[key] = tensor.T
        other = sources.setdefault(ours, {}).setdefault(target.part, key)
        lengths[ours] = target.parts
        if target.copy:
            copied.add(ours)
        if other != key and ours not in copied:
            raise DataProblem(f"{name} holds {other} and {key}, which both become {ours}")
        if other != key and not tensors[other].equal(tensors[key]):
            raise DataProblem(f"{name} holds {other} and {key} with different numbers; in the model both are {ours}")
    result = {}
    for ours, place in wanted.items():
        if ours not in sources and ours.endswith(".num_batches_tracked"):
            result[ours] = torch.zeros(place.shape, dtype=place.dtype)  # older files lack it; PyTorch takes 0 then
            continue
        keys = [sources.get(ours, {}).get(part) for part in range(1, lengths.get(ours, 1) + 1)]
        if None in keys:
            which = f" (part {1 + keys.index(None)} of {len(keys)})" if len(keys) > 1 else ""
            raise DataProblem(f"{name} lacks what becomes {ours}{which}")
        result[ours] = _fitted([(key, tensors[key]) for key in keys if key is not None], ours, place, name=name)
    return result


def rename(key: str, rules: Rules) -> str | None:
    """A key of the file as the first rule that matches makes it; "" where the rule drops it, None without a rule."""
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, key)
        if match:
            return match.expand(replacement)
    return None


def _counted(renamed: str, wanted: Mapping[str, Tensor]) -> str:
    """stages.<2> as stages.1.0, if that is the third block of all stages that are wanted."""
    match = re.match(r"(.+?)\.<(\d+)>", renamed)
    if not match:
        return renamed
    before, number = match[1], int(match[2])
    two = re.compile(rf"{re.escape(before)}\.\d+\.\d+(?=\.)")
    places = list(dict.fromkeys(found[0] for found in map(two.match, wanted) if found))
    return (places[number] if number < len(places) else f"{before}.{number}") + renamed[match.end() :]


def _fitted(pieces: list[tuple[str, Tensor]], ours: str, place: Tensor, *, name: str) -> Tensor:
    """The pieces joined along the first dimension, if that gives what belongs at this place."""
    keys = " and ".join(key for key, _ in pieces)
    for key, piece in pieces:
        if piece.is_floating_point() != place.is_floating_point():
            raise DataProblem(f"{name} holds {key} in {piece.dtype}, expected {place.dtype}")
    shapes = [tuple(piece.shape) for _, piece in pieces]
    joined = (sum(shape[0] for shape in shapes), *shapes[0][1:]) if len(shapes) > 1 and shapes[0] else shapes[0]
    if joined != tuple(place.shape) or len({shape[1:] for shape in shapes}) > 1:
        said = " and ".join(map(str, shapes))
        raise DataProblem(f"{name} holds {keys} in the shape {said}, expected {tuple(place.shape)} for {ours}")
    tensor = pieces[0][1] if len(pieces) == 1 else torch.cat([piece for _, piece in pieces])
    if tensor.is_floating_point() and not tensor.isfinite().all():
        raise DataProblem(f"{name} holds {keys} with numbers that are not finite: its training diverged")
    return tensor.to(place.dtype).contiguous()


@dataclass(frozen=True)
class _Target:
    """Where a tensor of the file belongs, as a replacement says it (see `cards.Weights`)."""

    key: str  # ours; "" where the tensor is left out
    part: int = 1
    parts: int = 1
    transposed: bool = False
    copy: bool = False
    optional: bool = False


def _target(renamed: str) -> _Target:
    """qkv.weight[2/3] is the second of three parts of qkv.weight; without brackets it is the only one."""
    match = re.fullmatch(r"(=?)(.+?)(?:\[(\d+)/(\d+)\])?(\[T\])?(\??)", renamed)
    if not match:
        return _Target("")
    copy, key, part, parts, transposed, optional = match.groups()
    return _Target(key, int(part or 1), int(parts or 1), bool(transposed), bool(copy), bool(optional))


def _tensors(content: object) -> dict[str, Tensor]:
    """The state dict in a checkpoint; some lay it below "model" or "state_dict", beside the optimizer's."""
    if not isinstance(content, Mapping):
        return {}
    for inner in INNER:
        if isinstance(content.get(inner), Mapping) and (found := _tensors(content[inner])):
            return found
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}

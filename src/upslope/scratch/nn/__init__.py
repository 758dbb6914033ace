"""Layers: modules that own their parameters. Names, arguments and state dict keys are those of torch.nn."""

from upslope.scratch.nn.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from upslope.scratch.nn.containers import ModuleList, Sequential
from upslope.scratch.nn.convolution import Conv2d
from upslope.scratch.nn.embedding import Embedding
from upslope.scratch.nn.linear import Linear
from upslope.scratch.nn.module import Module, Parameter
from upslope.scratch.nn.normalization import BatchNorm, LayerNorm
from upslope.scratch.nn.structure import AvgPool2d, CrossEntropyLoss, Dropout, Flatten, MaxPool2d

__all__ = [
    "ELU",
    "GELU",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
]

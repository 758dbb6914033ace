"""Every operation of the engine, each beside its derivative; names and arguments are PyTorch's."""

from upslope.scratch.ops.activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus, tanh
from upslope.scratch.ops.arithmetic import (
    add,
    as_tensor,
    compare,
    div,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    sub,
    where,
)
from upslope.scratch.ops.convolution import conv2d
from upslope.scratch.ops.elementwise import abs, clamp, cos, exp, log, sin, sqrt, to
from upslope.scratch.ops.embeddings import embedding, one_hot
from upslope.scratch.ops.in_place import setitem, update
from upslope.scratch.ops.indexing import getitem
from upslope.scratch.ops.losses import binary_cross_entropy_with_logits, cross_entropy, mse_loss, nll_loss
from upslope.scratch.ops.normalization import batch_norm, layer_norm
from upslope.scratch.ops.pooling import avg_pool2d, max_pool2d
from upslope.scratch.ops.probabilities import log_softmax, logsumexp, softmax
from upslope.scratch.ops.products import linear, matmul
from upslope.scratch.ops.reductions import argmax, argmin, cumsum, max, mean, min, std, sum, var
from upslope.scratch.ops.regularization import dropout
from upslope.scratch.ops.shapes import (
    cat,
    expand,
    flatten,
    pad,
    permute,
    reshape,
    squeeze,
    stack,
    transpose,
    unsqueeze,
)

__all__ = [
    "abs",
    "add",
    "argmax",
    "argmin",
    "as_tensor",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "cat",
    "clamp",
    "compare",
    "conv2d",
    "cos",
    "cross_entropy",
    "cumsum",
    "div",
    "dropout",
    "elu",
    "embedding",
    "exp",
    "expand",
    "flatten",
    "gelu",
    "getitem",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mse_loss",
    "mul",
    "neg",
    "nll_loss",
    "one_hot",
    "pad",
    "permute",
    "pow",
    "relu",
    "reshape",
    "setitem",
    "sigmoid",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "squeeze",
    "stack",
    "std",
    "sub",
    "sum",
    "tanh",
    "to",
    "transpose",
    "unsqueeze",
    "update",
    "var",
    "where",
]

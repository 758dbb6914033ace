"""The names that are an answer come in families: `layer_norm`, `LayerNorm`, `native_layer_norm`, `InstanceNorm1d`.

A lesson's `refuses:` names a family of this table, or a single name, which stands for its own variants. A name belongs
to a family if one of the family's stems is a run of the name's words. So module classes, functions, in-place and `_out`
forms, and all numbers of dimensions are refused together, and so is the name that a library adds next year. Words are
compared whole: the stem `eig` is in `linalg_eig` and not in `weight`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Stems are written as one word, in small letters, without the number of dimensions.
FAMILIES = {
    "attention": _words("attention scaleddotproduct transformer"),
    "average_pool": _words("avgpool averagepool lppool interpolate upsample"),  # a picture resized to 1 x 1 is its mean
    "binary_cross_entropy": _words("binarycrossentropy bce bceloss bcewithlogits softmarginloss bernoulli"),
    "convolution": _words("conv convolve convolution fftconvolve oaconvolve deconvolve correlate"),
    "cross_entropy": _words("crossentropy nllloss kldiv kldivergence categorical multinomial"),
    "dropout": _words("dropout droppath stochasticdepth"),
    "kl_divergence": _words("kldiv kldivergence gaussiannll"),
    "logsumexp": _words("logsumexp logaddexp logcumsumexp"),
    "matrix_root": _words("sqrtm frechet torchmetrics"),
    "max_pool": _words("maxpool"),
    "model_averaging": _words("averagedmodel emaavg emamultiavg swaavg swamultiavg swautils"),
    "multi_head_attention": _words("multiheadattention flexattention transformer"),
    "normal_distribution": _words("normal independent"),
    "normalization": _words("layernorm groupnorm batchnorm instancenorm rmsnorm localresponsenorm"),
    "orthogonalization": _words("""
        svd svdvals eig eigh eigvals eigvalsh symeig lobpcg qr geqrf orgqr ormqr householder linalg polar cholesky
        pinv pinvh pinverse orthogonal orthogonalize muon
    """),
    "quantization": _words("quantize quantized dequantize quantizer quantization fakequant observer qparams"),
    "random_normal": _words("randn sample rsample"),
    "recurrent": _words("lstm gru rnn"),
    "relu": _words("relu prelu rrelu"),
    "rotary": _words("rotary rope"),
    "sigmoid": _words("sigmoid logsigmoid hardsigmoid expit"),
    "softmax": _words("softmax softmin"),
}

# RMSNorm is RMS and Norm, BCEWithLogitsLoss is BCE, With, Logits and Loss; digits separate words.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_DIMENSIONS = re.compile(r"(?<=[a-z_])\d+d(?![a-z])|(?<=[a-z])nd(?![a-z])", re.IGNORECASE)


def stems(refused: Iterable[str]) -> frozenset[str]:
    """The stems that a lesson's `refuses:` means: those of families, and single names each as a stem of its own."""
    return frozenset(stem for word in refused for stem in FAMILIES.get(word, (squashed(word),)) if stem)


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in small letters: `InstanceNorm1d` is ("instance", "norm"), and so is `instance_norm_`."""
    return tuple(word.lower() for word in _WORD.findall(_DIMENSIONS.sub("", name)))


def squashed(name: str) -> str:
    """A name without case, underscores, digits and dimensions: `MaxPool3d` and `max_pool2d_` are "maxpool"."""
    return "".join(words(name))


def belongs(name: str, to: frozenset[str]) -> bool:
    """Whether one of these stems is a run of whole words of the name."""
    parts = words(name)
    ends = range(1, len(parts) + 1)
    return any("".join(parts[begin:end]) in to for end in ends for begin in range(end))

"""Bits per byte: how well a language model predicts a text, whatever its tokens are.

The measure by which models with different tokenizers are compared: L. Gao et al., "The Pile", 2020,
https://arxiv.org/abs/2101.00027, section 3.1. It is the length of the text in bits, compressed by a code that follows
the model (C. Shannon, "A Mathematical Theory of Communication", 1948), over its length in bytes.
"""

import math

import numpy as np
from numpy.typing import NDArray


def bits_per_byte(losses: NDArray[np.floating], text: str) -> float:
    """The losses of the tokens of a text, in nats, as bits for each byte of it.

    `losses` (N,) holds -ln p of every token, and the tokens together are `text`. With B the bytes that the text has in
    UTF-8,

        bits per byte = sum of the losses / ln 2 / B

    It does not matter how many tokens there are: two that cost ln 2 and ln 8 are 1 + 3 bits, and if they are the text
    "hé.", four bytes, the result is 1.0; so it is for one token that costs ln 16. It is a Python float, computed in
    float64. ValueError for a text without bytes, and for losses that are not one row. Gao et al. 2020, section 3.1.
    """
    if losses.ndim != 1:
        raise ValueError(f"losses of shape {losses.shape}: give one loss for each token, of shape (N,)")
    # Letters outside ASCII have two bytes or more.
    size = len(text.encode("utf-8"))
    if size == 0:
        raise ValueError("the text is empty, so there is no byte to share the losses: give the text of the tokens")
    # All bits that the tokens cost together; a mean would depend on how many there are.
    bits = float(losses.sum(dtype=np.float64)) / math.log(2)
    return bits / size

"""Additive attention: a small network says how well a state of the decoder and a state of the source match.

D. Bahdanau, K. Cho, Y. Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2014,
https://arxiv.org/abs/1409.0473, section 3.1 and appendix A.1.2: the first attention in translation, three years before
the scaled dot product.
"""

from jaxtyping import Bool, Float
from torch import Tensor


def additive_attention(
    query: Float[Tensor, "*B D"],
    keys: Float[Tensor, "*B S D"],
    values: Float[Tensor, "*B S E"],
    *,
    v: Float[Tensor, "D"],
    mask: Bool[Tensor, "*#B S"] | None = None,
) -> Float[Tensor, "*B E"]:
    """The average of S values, with weights softmax over s of v . tanh(query + keys[s]).

    `query` is W_a times the decoder's state and `keys` are U_a times the states of the source, both made outside; `v`
    makes a score of what tanh leaves. `mask` is True where a key may be looked at; it broadcasts over the leading
    dimensions. Where it is False the weight is exactly 0, and the others sum to 1; with every key masked the result is
    nan, as a mean over nothing is. With query = [0], keys = [[0], [atanh(1/2)]], v = [2 ln 3] and values = [[0], [4]]
    the scores are [0, ln 3], the weights [0.25, 0.75] and the result is [3]. Bahdanau et al. 2014, equations 5 and 6.
    """
    # (*B, S): a hidden layer over the sum of the query and each key, and one number from it.
    scores = (query.unsqueeze(-2) + keys).tanh() @ v
    # What may not be looked at gets the score -infinity, of which the exponential is 0.
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    # Weights that sum to 1 over the keys, and with them the average of the values.
    weights = scores.softmax(dim=-1)
    return (weights.unsqueeze(-2) @ values).squeeze(-2)

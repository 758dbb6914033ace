"""What additive_attention must do."""

import math

import numpy as np

from upslope.blocks.language import additive_attention
from upslope.checks import grades, wrong
from upslope.checks.blocks.attention.equation import masked
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close
from upslope.checks.samples import some

# Leading dimensions, S keys, their D numbers, E numbers in a value.
SIZES = (((), 2, 1, 1), ((), 3, 2, 1), ((2,), 3, 2, 2), ((2, 2), 2, 3, 1), ((1, 3), 1, 2, 2))
LN3 = math.log(3)


def one_by_one(query, keys, values, v, mask=None):
    """Equations 5 and 6, one query after the other and one key after the other; nan where every key is masked."""
    front = query.shape[:-1]
    out = np.zeros((*front, values.shape[-1]))
    allowed = np.broadcast_to(True if mask is None else mask, keys.shape[:-1])
    for where in np.ndindex(*front):
        seen = [s for s in range(keys.shape[-2]) if allowed[(*where, s)]]
        scores = [math.fsum(v * np.tanh(query[where] + keys[(*where, s)])) for s in seen]
        shares = [math.exp(score - max(scores)) for score in scores]
        for share, s in zip(shares, seen, strict=True):
            out[where] += share / math.fsum(shares) * values[(*where, s)]
        if not seen:
            out[where] = math.nan
    return out


def drawn(rng, sizes=SIZES):
    for front, count, width, deep in sizes:
        keys, values = some(rng, *front, count, width), some(rng, *front, count, deep)
        yield {"query": some(rng, *front, width), "keys": keys, "values": values, "v": some(rng, width, spread=2)}


def looked(rng):
    """The same with a mask each."""
    for sample in drawn(rng):
        yield {**sample, "mask": masked(rng, *sample["keys"].shape[:-1])}


def one_mask(rng):
    """Masks that lack leading dimensions, or have 1 there."""
    for shape in ((3,), (2, 1, 3), (1, 3)):
        for sample in drawn(rng, [((2, 3), 3, 2, 1)]):
            yield {**sample, "mask": masked(rng, *shape)}


ATTENTION = TorchOp(additive_attention.additive_attention, samples=drawn, truth=one_by_one)
HAND = {"query": [0.0], "keys": [[0.0], [math.atanh(0.5)]], "values": [[0.0], [4.0]], "v": [2 * LN3]}

test_shape_and_dtype = ATTENTION.shape("one average of values for each query, in the dtype that came")
test_by_hand = ATTENTION.by_hand("scores 0 and ln 3 give the weights 1/4 and 3/4, and 3 from [0, 4]", (HAND, [3]))
test_random = ATTENTION.random("random numbers: equations 5 and 6 written out for each key")
test_size = ATTENTION.large(
    "4 queries and 16 keys of 32 numbers", lambda rng: drawn(rng, [((4,), 16, 32, 64)]), atol=1e-4
)
test_gradient = ATTENTION.gradient("the gradients of query, keys, values and v agree with finite differences")
test_mask = ATTENTION.by_hand(
    "where the mask is False nobody looks; with every key masked the result is nan",
    ({**HAND, "mask": [True, False]}, [0]),
    ({**HAND, "mask": [False, True]}, [4]),
    ({**HAND, "mask": [False, False]}, [math.nan]),
)
test_mask_random = ATTENTION.random("random masks, one for each query", looked)
test_mask_broadcasts = ATTENTION.random("one mask serves all leading dimensions, or has its own for some", one_mask)
test_stable = ATTENTION.stable(
    "stable for large scores: the best key takes all",
    ({"query": [0.0], "keys": [[9.0], [-9.0]], "values": [[3.0], [7.0]], "v": [1000.0]}, [3]),
    ({"query": [0.0], "keys": [[9.0], [8.0]], "values": [[3.0], [7.0]], "v": [1000.0]}, ...),
)
test_laws = ATTENTION.laws("the laws of every operation: calls, passes and memory do not get mixed up", looked)


@grades(additive_attention.additive_attention)
def test_the_identity_shows_the_weights(rng):
    """with the identity as values the result is the weights: each at least 0, and 1 together"""
    sample = {name: tensor(value) for name, value in next(iter(drawn(rng, [((2,), 3, 2, 1)]))).items()}
    eye = tensor(np.eye(3)).expand(2, 3, 3)
    weights = additive_attention.additive_attention(sample["query"], sample["keys"], eye, v=sample["v"])
    close(weights.sum(dim=-1), np.ones(2), case="the sum of the weights of each query")


wrong(
    additive_attention.additive_attention,
    {
        "the result comes back as float32": ("@ values).squeeze(-2)", "@ values).squeeze(-2).float()"),
        "tanh is left out: the query moves all scores alike, and so it chooses nothing": (".tanh() @ v", " @ v"),
        "query and key are multiplied, not added": ("(query.unsqueeze(-2) + keys)", "(query.unsqueeze(-2) * keys)"),
        "the weights are taken over the batch and not over the keys": ("softmax(dim=-1)", "softmax(dim=0)"),
        "the mask is the wrong way round: True hides": ("masked_fill(~mask", "masked_fill(mask"),
        "a masked key gets the score 0, as if it matched a little": ('float("-inf")', "0.0"),
        "the scores are divided by the root of D, as those of a scaled dot product are": (
            ".tanh() @ v",
            ".tanh() @ v * query.shape[-1] ** -0.5",
        ),
        "the weights average the keys and not the values": ("@ values)", "@ keys)"),
        "exp(score) / sum in the place of softmax, which overflows where scores are large": (
            "scores.softmax(dim=-1)",
            "scores.exp() / scores.exp().sum(dim=-1, keepdim=True)",
        ),
    },
)

"""What scaled_dot_product_attention must do."""

import math

from torch.nn import functional as F

from upslope.blocks import attention
from upslope.checks import wrong
from upslope.checks.blocks.attention.equation import masked, written_out
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

# Leading dimensions, T queries, S keys, their D numbers, E numbers in a value.
SIZES = (((), 1, 2, 2, 1), ((), 3, 2, 1, 2), ((2,), 2, 3, 3, 1), ((2, 2), 3, 4, 2, 3), ((1, 3), 2, 2, 5, 4))
LN3 = math.log(3)


def drawn(rng, sizes=SIZES):
    for front, queries, keys, width, deep in sizes:
        q, k, v = some(rng, *front, queries, width), some(rng, *front, keys, width), some(rng, *front, keys, deep)
        yield {"q": q, "k": k, "v": v}


def looked(rng):
    """The same with a mask each."""
    for sample in drawn(rng):
        yield {**sample, "mask": masked(rng, *sample["q"].shape[:-1], sample["k"].shape[-2])}


def one_mask(rng):
    """Masks that lack leading dimensions, or have 1 there."""
    for shape in ((2, 3), (2, 1, 2, 3), (1, 3)):
        for sample in drawn(rng, [((2, 3), 2, 3, 2, 1)]):
            yield {**sample, "mask": masked(rng, *shape)}


ATTENTION = TorchOp(
    attention.scaled_dot_product_attention,
    samples=drawn,
    truth=written_out,
    peer=lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
)

test_attention_shape_and_dtype = ATTENTION.shape("a row for each query, as long as a value, in the dtype that came")
test_attention_by_hand = ATTENTION.by_hand(
    "q = [[1, 0]], k = [[ln 3 sqrt 2, 0], [0, 0]], v = [[4], [0]] give [[3]]",
    ({"q": [[1.0, 0.0]], "k": [[LN3 * math.sqrt(2), 0.0], [0.0, 0.0]], "v": [[4.0], [0.0]]}, [[3]]),
)
test_attention_random = ATTENTION.random("random numbers: equation 1 written out for each query")
test_attention_size = ATTENTION.large(
    "2 heads of 16 queries and keys of 64 numbers", lambda rng: drawn(rng, [((1, 2), 16, 16, 64, 64)])
)
test_attention_gradient = ATTENTION.gradient("the gradients of q, k and v agree with finite differences")
test_attention_mask = ATTENTION.by_hand(
    "where the mask is False nobody looks; the other weights still sum to 1",
    (
        {
            "q": [[1.0], [1.0]],
            "k": [[0.0], [LN3]],
            "v": [[2.0], [6.0]],
            "mask": [[True, False], [True, True]],
        },
        [[2], [5]],
    ),
)
test_attention_mask_random = ATTENTION.random("random masks, one for each query", looked)
test_attention_mask_broadcasts = ATTENTION.random(
    "one mask serves all leading dimensions, or has its own for some", one_mask
)
test_attention_masked_weight_is_nothing = ATTENTION.by_hand(
    "a masked key has exactly the weight 0; a query with every key masked gets nan",
    (
        {
            "q": [[1.0], [1.0]],
            "k": [[0.0], [900.0]],
            "v": [[5.0], [1e30]],
            "mask": [[True, False], [False, False]],
        },
        [[5], [math.nan]],
    ),
)
test_attention_large = ATTENTION.stable(
    "stable for large scores: the best key takes all",
    ({"q": [[1000.0]], "k": [[1.0], [0.0]], "v": [[3.0], [7.0]]}, [[3]], [[1]], {"v": [[1], [0]]}),
    ({"q": [[-1000.0]], "k": [[0.0], [1.0]], "v": [[3.0], [7.0]]}, [[3]], [[1]], {"v": [[1], [0]]}),
    ({"q": [[100.0], [-100.0]], "k": [[1.0], [-1.0]], "v": [[3.0], [7.0]]}, [[3], [7]]),
)
test_laws = ATTENTION.laws("the laws of every operation: calls, passes and memory do not get mixed up", looked)


wrong(
    attention.scaled_dot_product_attention,
    {
        "the scores are not divided by the root of D": (" * q.shape[-1] ** -0.5", ""),
        "the weights sum to 1 over the queries, not over the keys": ("softmax(dim=-1)", "softmax(dim=-2)"),
        "the mask is the wrong way round: True hides": ("masked_fill(~mask", "masked_fill(mask"),
        "the mask cuts weights after the softmax, so those that are left no longer sum to 1": (
            """scores = scores.masked_fill(~mask, float("-inf"))
    # Weights that sum to 1 over the keys, and with them the average of the values.
""",
            """return scores.softmax(dim=-1).masked_fill(~mask, 0) @ v
""",
        ),
        "hidden keys get the lowest finite score, so a query with every key masked looks everywhere": (
            'float("-inf")',
            "-1e30",
        ),
        "the mask is taken to have all leading dimensions of q": ("~mask,", "~mask.reshape(scores.shape),"),
        "exp(score) / sum in the place of softmax, which overflows where scores are large": (
            "scores.softmax(dim=-1)",
            "(scores.exp() / scores.exp().sum(dim=-1, keepdim=True))",
        ),
        "the result is always float32": ("scores.softmax(dim=-1) @ v", "scores.float().softmax(dim=-1) @ v.float()"),
    },
)

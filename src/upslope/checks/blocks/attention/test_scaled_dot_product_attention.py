"""What scaled_dot_product_attention must do."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks import attention
from upslope.checks import grades, wrong
from upslope.checks.blocks.attention.equation import masked, written_out
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Leading dimensions, T queries, S keys, their D numbers, E numbers in a value.
SIZES = (((), 1, 2, 2, 1), ((), 3, 2, 1, 2), ((2,), 2, 3, 3, 1), ((2, 2), 3, 4, 2, 3), ((1, 3), 2, 2, 5, 4))


def drawn(rng, size):
    """Random queries, keys and values, and the call in words."""
    front, queries, keys, width, deep = size
    q, k, v = some(rng, *front, queries, width), some(rng, *front, keys, width), some(rng, *front, keys, deep)
    if q.size + k.size + v.size > 12:
        return q, k, v, f"q, k, v of shapes {q.shape}, {k.shape}, {v.shape}"
    return q, k, v, f"q = {spelled(q)}, k = {spelled(k)}, v = {spelled(v)}"


def said(mask):
    """A mask in words, if it is small; else its shape."""
    return str(mask.tolist()) if mask.size <= 12 else f"of shape {mask.shape}"


def attend(q, k, v, mask=None):
    """The answer, from arrays."""
    looked = None if mask is None else torch.tensor(mask)
    return attention.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v), mask=looked)


@grades(attention.scaled_dot_product_attention)
def test_attention_shape_and_dtype(rng):
    """a row for each query, as long as a value, in the dtype that came"""
    for dtype in (torch.float32, torch.float64):
        for front, queries, keys, width, deep in SIZES:
            q, k = torch.zeros(*front, queries, width, dtype=dtype), torch.zeros(*front, keys, width, dtype=dtype)
            v = torch.zeros(*front, keys, deep, dtype=dtype)
            out = attention.scaled_dot_product_attention(q, k, v)
            case = f"q, k, v of shapes {tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
            tensor_of(out, (*front, queries, deep), dtype=str(dtype).removeprefix("torch."), case=case)


@grades(attention.scaled_dot_product_attention)
def test_attention_by_hand(rng):
    """q = [[1, 0]], k = [[ln 3 sqrt 2, 0], [0, 0]], v = [[4], [0]] give [[3]]"""
    q, k, v = [[1.0, 0.0]], [[math.log(3) * math.sqrt(2), 0.0], [0.0, 0.0]], [[4.0], [0.0]]
    close(attend(q, k, v), [[3.0]], case="q = [[1, 0]], k = [[ln 3 sqrt 2, 0], [0, 0]], v = [[4], [0]]")


@grades(attention.scaled_dot_product_attention)
def test_attention_random(rng):
    """random numbers: equation 1 written out for each query"""
    for size in SIZES:
        q, k, v, case = drawn(rng, size)
        close(attend(q, k, v), written_out(q, k, v), case=case)
        close(attend(q, k, v), F.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v)), case=case)


@grades(attention.scaled_dot_product_attention)
def test_attention_gradient(rng):
    """the gradients of q, k and v agree with finite differences"""
    for size in SIZES[:3]:
        q, k, v, case = drawn(rng, size)
        gradients(attention.scaled_dot_product_attention, {"q": q, "k": k, "v": v}, rng=rng, case=case)


@grades(attention.scaled_dot_product_attention)
def test_attention_mask(rng):
    """where the mask is False nobody looks; the other weights still sum to 1"""
    mask = np.array([[True, False], [True, True]])
    q, k, v = np.ones((2, 1)), np.array([[0.0], [math.log(3)]]), np.array([[2.0], [6.0]])
    case = f"q = [[1], [1]], k = [[0], [ln 3]], v = [[2], [6]], mask {said(mask)}"
    close(attend(q, k, v, mask), [[2], [5]], case=case)
    for size in SIZES:
        q, k, v, case = drawn(rng, size)
        mask = masked(rng, *q.shape[:-1], k.shape[-2])
        close(attend(q, k, v, mask), written_out(q, k, v, mask), case=f"{case}, mask {said(mask)}")


@grades(attention.scaled_dot_product_attention)
def test_attention_mask_broadcasts(rng):
    """one mask serves all leading dimensions, or has its own for some"""
    q, k, v, case = drawn(rng, ((2, 3), 2, 3, 2, 1))
    for shape in ((2, 3), (2, 1, 2, 3), (1, 3)):
        mask = masked(rng, *shape)
        close(attend(q, k, v, mask), written_out(q, k, v, mask), case=f"{case}, mask of shape {shape}")


@grades(attention.scaled_dot_product_attention)
def test_attention_masked_weight_is_nothing(rng):
    """a masked key has exactly the weight 0; a query with every key masked gets nan"""
    q, k, v = np.array([[1.0], [1.0]]), np.array([[0.0], [900.0]]), np.array([[5.0], [1e30]])
    mask = np.array([[True, False], [False, False]])
    case = "q = [[1], [1]], k = [[0], [900]], v = [[5], [1e30]], mask [[True, False], [False, False]]"
    close(attend(q, k, v, mask), [[5], [math.nan]], case=case)


@grades(attention.scaled_dot_product_attention)
def test_attention_large(rng):
    """stable for large scores: the best key takes all"""
    for q, k in (([[1000.0]], [[1.0], [0.0]]), ([[-1000.0]], [[0.0], [1.0]])):
        call = [torch.tensor(x) for x in (q, k, [[3.0], [7.0]])]
        case = f"q = {spelled(q)}, k = {spelled(k)}, v = [[3], [7]] in float32"
        close(attention.scaled_dot_product_attention(*call), [[3.0]], case=case)


@grades(attention.scaled_dot_product_attention)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    sizes = ((2, 3, 4, 2), (1, 2, 3, 5))  # tokens that ask, tokens that are asked, features of each
    drawn = ([some(rng, 2, t, d), some(rng, 2, s, d), some(rng, 2, s, e)] for t, s, d, e in sizes)
    calls = (Call(attention.scaled_dot_product_attention, each) for each in drawn)
    keeps_laws(*calls, tensor=laid)


wrong(
    attention.scaled_dot_product_attention,
    {
        "the scores are not divided by the root of D": (" * q.shape[-1] ** -0.5", ""),
        "the scores are divided by D, not by its root": ("q.shape[-1] ** -0.5", "q.shape[-1] ** -1"),
        "the scores are divided by the root of the number of keys; it is D numbers that are summed": (
            "q.shape[-1] ** -0.5",
            "k.shape[-2] ** -0.5",
        ),
        "what comes out is divided by the root of D, where the scores should be": (
            "scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5",
            "scores, v = q @ k.transpose(-2, -1), v * q.shape[-1] ** -0.5",
        ),
        "the weights sum to 1 over the queries, not over the keys": ("softmax(dim=-1)", "softmax(dim=-2)"),
        "the scores themselves are the weights; there is no softmax": ("scores.softmax(dim=-1)", "scores"),
        "the mask is the wrong way round: True hides": ("masked_fill(~mask", "masked_fill(mask"),
        "the mask cuts weights after the softmax, so those that are left no longer sum to 1": (
            """scores = scores.masked_fill(~mask, float("-inf"))
    # Weights that sum to 1 over the keys, and with them the average of the values.
""",
            """return scores.softmax(dim=-1).masked_fill(~mask, 0) @ v
""",
        ),
        "a hidden key gets the score 0, which still has a weight": ('float("-inf")', "0.0"),
        "hidden scores are lowered by 100, which a good match makes up for": (
            'scores.masked_fill(~mask, float("-inf"))',
            "scores - 100.0 * ~mask",
        ),
        "hidden keys get the lowest finite score, so a query with every key masked looks everywhere": (
            'float("-inf")',
            "-1e30",
        ),
        "the mask is not looked at": ("if mask is not None:", "if False:"),
        "the mask is taken to have all leading dimensions of q": ("~mask,", "~mask.reshape(scores.shape),"),
        "exp(score) / sum in the place of softmax, which overflows where scores are large": (
            "scores.softmax(dim=-1)",
            "(scores.exp() / scores.exp().sum(dim=-1, keepdim=True))",
        ),
        "the weights are cut from the graph, so q and k learn nothing": (
            "scores.softmax(dim=-1)",
            "scores.softmax(dim=-1).detach()",
        ),
        "the result is always float32": ("scores.softmax(dim=-1) @ v", "scores.float().softmax(dim=-1) @ v.float()"),
    },
)

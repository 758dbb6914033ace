"""What scaled_dot_product_attention and MultiHeadAttention must do."""

import math
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from upslope.blocks import attention
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, equal, raises, tensor_of
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


def written_out(q, k, v, mask=None):
    """Equation 1 in float64 NumPy, one query after the other; nan where a query may look nowhere."""
    front = q.shape[:-2]
    out = np.zeros((*front, q.shape[-2], v.shape[-1]))
    allowed = np.ones((*front, q.shape[-2], k.shape[-2]), bool) if mask is None else mask
    allowed = np.broadcast_to(allowed, (*front, q.shape[-2], k.shape[-2]))
    for where in np.ndindex(*front, q.shape[-2]):
        one = where[:-1]
        seen = [s for s in range(k.shape[-2]) if allowed[(*where, s)]]
        scores = [float(q[where] @ k[(*one, s)]) / math.sqrt(q.shape[-1]) for s in seen]
        shares = [math.exp(score - max(scores)) for score in scores]
        for share, s in zip(shares, seen, strict=True):
            out[where] += share / math.fsum(shares) * v[(*one, s)]
        if not seen:
            out[where] = math.nan
    return out


def masked(rng, *shape):
    """A random mask in which every query may look at one key at least, and at least one query not at all of them."""
    mask = rng.random(shape) < 0.5
    rows = mask.reshape(-1, shape[-1])
    rows[np.arange(len(rows)), rng.integers(0, shape[-1], len(rows))] = True
    rows[0] = np.arange(shape[-1]) == rng.integers(0, shape[-1])
    return mask


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
    """a masked key has exactly the weight 0; a query that may look nowhere gets nan"""
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


wrong(
    attention.scaled_dot_product_attention, "the scores are not divided by the root of D", " * q.shape[-1] ** -0.5", ""
)
wrong(
    attention.scaled_dot_product_attention,
    "the scores are divided by D, not by its root",
    "q.shape[-1] ** -0.5",
    "q.shape[-1] ** -1",
)
wrong(
    attention.scaled_dot_product_attention,
    "the scores are divided by the root of the number of keys; it is D numbers that are summed",
    "q.shape[-1] ** -0.5",
    "k.shape[-2] ** -0.5",
)
wrong(
    attention.scaled_dot_product_attention,
    "what comes out is divided by the root of D, where the scores should be",
    "scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5",
    "scores, v = q @ k.transpose(-2, -1), v * q.shape[-1] ** -0.5",
)
wrong(
    attention.scaled_dot_product_attention,
    "the weights sum to 1 over the queries, not over the keys",
    "softmax(dim=-1)",
    "softmax(dim=-2)",
)
wrong(
    attention.scaled_dot_product_attention,
    "the scores themselves are the weights; there is no softmax",
    "scores.softmax(dim=-1)",
    "scores",
)
wrong(
    attention.scaled_dot_product_attention,
    "the mask is the wrong way round: True hides",
    "masked_fill(~mask",
    "masked_fill(mask",
)
wrong(
    attention.scaled_dot_product_attention,
    "the mask cuts weights after the softmax, so those that are left no longer sum to 1",
    """scores = scores.masked_fill(~mask, float("-inf"))
    # Weights that sum to 1 over the keys, and with them the average of the values.
""",
    """return scores.softmax(dim=-1).masked_fill(~mask, 0) @ v
""",
)
wrong(
    attention.scaled_dot_product_attention,
    "a hidden key gets the score 0, which still has a weight",
    'float("-inf")',
    "0.0",
)
wrong(
    attention.scaled_dot_product_attention,
    "hidden scores are lowered by 100, which a good match makes up for",
    'scores.masked_fill(~mask, float("-inf"))',
    "scores - 100.0 * ~mask",
)
wrong(
    attention.scaled_dot_product_attention,
    "hidden keys get the lowest finite score, so a query that may look nowhere looks everywhere",
    'float("-inf")',
    "-1e30",
)
wrong(attention.scaled_dot_product_attention, "the mask is not looked at", "if mask is not None:", "if False:")
wrong(
    attention.scaled_dot_product_attention,
    "the mask is taken to have all leading dimensions of q",
    "~mask,",
    "~mask.reshape(scores.shape),",
)
wrong(
    attention.scaled_dot_product_attention,
    "exp(score) / sum in the place of softmax, which overflows where scores are large",
    "scores.softmax(dim=-1)",
    "(scores.exp() / scores.exp().sum(dim=-1, keepdim=True))",
)
wrong(
    attention.scaled_dot_product_attention,
    "the weights are cut from the graph, so q and k learn nothing",
    "scores.softmax(dim=-1)",
    "scores.softmax(dim=-1).detach()",
)
wrong(
    attention.scaled_dot_product_attention,
    "the result is always float32",
    "scores.softmax(dim=-1) @ v",
    "scores.float().softmax(dim=-1) @ v.float()",
)


def heads_apart(x, state, heads, mask=None):
    """Section 3.2.2 in float64 NumPy: each sample and each head by itself, with its own rows of the weights."""
    _, length, dim = x.shape
    width = dim // heads
    allowed = np.broadcast_to(np.ones((1, 1), bool) if mask is None else mask, (len(x), heads, length, length))
    out = np.zeros_like(x)
    for b, sample in enumerate(x):
        for h in range(heads):
            rows = [slice(part * dim + h * width, part * dim + (h + 1) * width) for part in range(3)]
            biases = [state["qkv.bias"][r] if "qkv.bias" in state else 0.0 for r in rows]
            q, k, v = (sample @ state["qkv.weight"][r].T + bias for r, bias in zip(rows, biases, strict=True))
            out[b, :, h * width : (h + 1) * width] = written_out(q, k, v, allowed[b, h])
    return out @ state["projection.weight"].T + state["projection.bias"]


def numbers(module):
    """What a module has learned, by name, in NumPy."""
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


MULTI = ((1, 1, 2, 1), (1, 2, 2, 2), (2, 3, 4, 2), (2, 2, 6, 3))  # batch, positions, dim, heads


@grades(attention.MultiHeadAttention)
def test_heads_parameters(rng):
    """two linear layers, qkv and projection; bias=False takes the bias of qkv only"""
    weights = {"qkv.weight": [12, 4], "projection.weight": [4, 4], "projection.bias": [4]}
    holds(
        attention.MultiHeadAttention(4, heads=2), {**weights, "qkv.bias": [12]}, case="MultiHeadAttention(4, heads=2)"
    )
    without = attention.MultiHeadAttention(4, heads=2, bias=False)
    holds(without, weights, case="MultiHeadAttention(4, heads=2, bias=False)")
    kept = [without.heads, without.fused]
    equal(kept, [2, False], case="MultiHeadAttention(4, heads=2, bias=False): the attributes heads and fused")


@grades(attention.MultiHeadAttention)
def test_heads_shape_and_dtype(rng):
    """the shape and the dtype of x"""
    for batch, length, dim, heads in MULTI:
        layer = attention.MultiHeadAttention(dim, heads=heads)
        case = f"MultiHeadAttention({dim}, heads={heads}) on a tensor of shape {(batch, length, dim)}"
        tensor_of(layer(torch.zeros(batch, length, dim)), (batch, length, dim), dtype="float32", case=case)


@grades(attention.MultiHeadAttention)
def test_heads_by_hand(rng):
    """queries of 0 give the mean: [[1, 3], [3, 5]] becomes [[2, 4], [2, 4]]"""
    one, nothing = np.eye(2), np.zeros((2, 2))
    values = {"qkv.weight": np.concatenate([nothing, one, one]), "qkv.bias": np.zeros(6)}
    values |= {"projection.weight": one, "projection.bias": np.zeros(2)}
    layer = holding(attention.MultiHeadAttention(2, heads=1), values)
    case = "queries 0, keys, values and projection the identity, heads=1, on [[1, 3], [3, 5]]"
    close(layer(tensor([[[1.0, 3.0], [3.0, 5.0]]])), [[[2.0, 4.0], [2.0, 4.0]]], case=case)


@grades(attention.MultiHeadAttention)
def test_heads_random(rng):
    """random weights: every head by itself, with its own rows of the weights"""
    for batch, length, dim, heads in MULTI:
        layer = filled(attention.MultiHeadAttention(dim, heads=heads), rng)
        x = some(rng, batch, length, dim)
        case = f"MultiHeadAttention({dim}, heads={heads}) with random weights on {spelled(x)}"
        close(layer(tensor(x)), heads_apart(x, numbers(layer), heads), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_beside_pytorch(rng):
    """with the same weights PyTorch's own layer gives the same"""
    for batch, length, dim, heads in MULTI:
        layer = filled(attention.MultiHeadAttention(dim, heads=heads), rng)
        own = nn.MultiheadAttention(dim, heads, batch_first=True)
        names = {"in_proj_weight": "qkv.weight", "in_proj_bias": "qkv.bias"}
        names |= {"out_proj.weight": "projection.weight", "out_proj.bias": "projection.bias"}
        holding(own, {theirs: numbers(layer)[ours] for theirs, ours in names.items()})
        x = tensor(some(rng, batch, length, dim))
        case = f"MultiHeadAttention({dim}, heads={heads}) and nn.MultiheadAttention with the same weights"
        close(layer(x), own(x, x, x, need_weights=False)[0].detach(), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_mask(rng):
    """the mask reaches every head: one for all, or one for each sample"""
    for batch, length, dim, heads in MULTI[2:]:
        layer = filled(attention.MultiHeadAttention(dim, heads=heads), rng)
        x = some(rng, batch, length, dim)
        for words, mask in (
            ("a mask that hides the future", np.tril(np.ones((length, length), bool))),
            (f"a mask of shape {(batch, 1, length, length)}", masked(rng, batch, 1, length, length)),
        ):
            case = f"MultiHeadAttention({dim}, heads={heads}) with {words} on {spelled(x)}"
            close(layer(tensor(x), mask=torch.tensor(mask)), heads_apart(x, numbers(layer), heads, mask), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_gradient(rng):
    """the gradients of x and of all weights agree with finite differences"""
    layer = filled(attention.MultiHeadAttention(2, heads=2), rng)
    state = numbers(layer)

    def f(x, *weights):
        return functional_call(layer, dict(zip(state, weights, strict=True)), x)

    case = "MultiHeadAttention(2, heads=2) on a tensor of shape (2, 2, 2)"
    gradients(f, {"x": some(rng, 2, 2, 2), **state}, rng=rng, case=case)


@grades(attention.MultiHeadAttention)
def test_heads_fused(rng):
    """fused=True gives the same numbers, with a mask and without"""
    x = some(rng, 2, 3, 4)
    written = filled(attention.MultiHeadAttention(4, heads=2), rng)
    fused = holding(attention.MultiHeadAttention(4, heads=2, fused=True), numbers(written))
    for words, mask in (("", None), (", with a mask", masked(rng, 3, 3))):
        case = f"MultiHeadAttention(4, heads=2, fused=True) on a tensor of shape (2, 3, 4){words}"
        looked = None if mask is None else torch.tensor(mask)
        close(fused(tensor(x), mask=looked), heads_apart(x, numbers(written), 2, mask), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_refuse(rng):
    """heads that do not divide dim raise a ValueError that names both"""
    call = partial(attention.MultiHeadAttention, 100, heads=6)
    raises(ValueError, call, case="MultiHeadAttention(100, heads=6)", says=["heads=6", "dim=100"])


wrong(
    attention.MultiHeadAttention,
    "positions and heads are mixed by a plain reshape",
    """rearrange(self.qkv(x), "B T (three heads d) -> three B heads T d", three=3, heads=self.heads)""",
    """self.qkv(x).reshape(3, x.shape[0], self.heads, x.shape[1], -1)""",
)
wrong(
    attention.MultiHeadAttention,
    "a head's numbers do not lie side by side: it takes every heads-th",
    "B T (three heads d)",
    "B T (three d heads)",
)
wrong(
    attention.MultiHeadAttention,
    "the output of qkv is read as head by head, each with its query, key and value",
    "B T (three heads d)",
    "B T (heads three d)",
)
wrong(attention.MultiHeadAttention, "keys and values are exchanged", "q, k, v = rearrange", "q, v, k = rearrange")
wrong(
    attention.MultiHeadAttention,
    "queries and keys are exchanged, so the table of weights is transposed",
    "q, k, v = rearrange",
    "k, q, v = rearrange",
)
wrong(
    attention.MultiHeadAttention,
    "the heads are joined by a plain reshape, which mixes them with the positions",
    'rearrange(gathered, "B heads T d -> B T (heads d)")',
    "gathered.reshape(x.shape)",
)
wrong(
    attention.MultiHeadAttention,
    "the joined heads are interleaved, not side by side",
    'B T (heads d)")',
    'B T (d heads)")',
)
wrong(
    attention.MultiHeadAttention,
    "each position's heads attend to one another; the positions never meet",
    """three B heads T d", three=3, heads=self.heads)
        # Every head attends by itself.
        if self.fused:
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            gathered = scaled_dot_product_attention(q, k, v, mask=mask)
""",
    """three B T heads d", three=3, heads=self.heads)
        gathered = scaled_dot_product_attention(q, k, v).transpose(1, 2)
""",
)
wrong(
    attention.MultiHeadAttention,
    "the scores are divided by the root of dim, not of a head's share of it",
    " = scaled_dot_product_attention(q, k, v, mask=mask)",
    " = scaled_dot_product_attention(q * self.heads**-0.5, k, v, mask=mask)",
)
wrong(
    attention.MultiHeadAttention,
    "the last linear layer is there but not used",
    'return self.projection(rearrange(gathered, "B heads T d -> B T (heads d)"))',
    'return rearrange(gathered, "B heads T d -> B T (heads d)")',
)
wrong(attention.MultiHeadAttention, "the mask is not handed on", "(q, k, v, mask=mask)", "(q, k, v)")
wrong(
    attention.MultiHeadAttention,
    "the mask is not handed on where fused is asked for",
    "(q, k, v, attn_mask=mask)",
    "(q, k, v)",
)
wrong(
    attention.MultiHeadAttention,
    "heads that do not divide dim are accepted until the first forward",
    "if dim % heads:",
    "if False:",
)
wrong(attention.MultiHeadAttention, "bias=False is not looked at", "3 * dim, bias=bias)", "3 * dim)")
wrong(
    attention.MultiHeadAttention,
    "bias=False takes the bias of the projection as well",
    "nn.Linear(dim, dim)",
    "nn.Linear(dim, dim, bias=bias)",
)
wrong(
    attention.MultiHeadAttention,
    "the batch is read as the positions: samples attend to one another",
    'rearrange(self.qkv(x), "B T (three heads d)',
    'rearrange(self.qkv(x), "T B (three heads d)',
)

"""What grouped_query_attention must do."""

import numpy as np

from upslope.blocks.language import grouped_queries as module
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, equal
from upslope.checks.samples import some

# Batch, heads of queries, of keys, queries, keys, numbers in a key, in a value.
SIZES = (
    (1, 2, 1, 2, 2, 2, 1),
    (2, 4, 2, 3, 2, 1, 2),
    (1, 6, 2, 2, 3, 2, 2),
    (1, 3, 3, 1, 2, 2, 1),
    (2, 6, 3, 1, 4, 2, 2),
)


def one_by_one(q, k, v, mask=None, causal=False):
    """One head, one query after the other, each with the keys that it may see."""
    batch, heads, rows, deep = q.shape
    group, columns = heads // k.shape[1], k.shape[2]
    allowed = np.tri(rows, columns, dtype=bool) if causal else np.ones((rows, columns), dtype=bool)
    allowed = np.broadcast_to(allowed if mask is None else mask, (batch, 1, rows, columns))
    out = np.zeros((batch, heads, rows, v.shape[3]))
    for b, h, t in np.ndindex(batch, heads, rows):
        seen = allowed[b, 0, t]
        scores = k[b, h // group][seen] @ q[b, h, t] / np.sqrt(deep)
        shares = np.exp(scores - scores.max())
        out[b, h, t] = shares @ v[b, h // group][seen] / shares.sum()
    return out


def drawn(*sizes, **more):
    return lambda rng: [
        {"q": some(rng, b, h, t, d), "k": some(rng, b, kv, s, d), "v": some(rng, b, kv, s, e), **more}
        for b, h, kv, t, s, d, e in sizes
    ]


def masked(*sizes):
    """A mask for all texts, or one for each; every query sees something."""

    def samples(rng):
        for number, sample in enumerate(drawn(*sizes)(rng)):
            (batch, _, rows, _), columns = sample["q"].shape, sample["k"].shape[2]
            shape = (batch, 1, rows, columns) if number % 2 else (rows, columns)
            mask = rng.random(shape) < 0.5
            mask[..., -1] = columns == 1
            mask[..., 0] = True
            yield {**sample, "mask": mask}

    return samples


SQUARE = ((1, 2, 1, 3, 3, 2, 1), (2, 4, 2, 2, 2, 1, 2), (1, 4, 4, 4, 4, 2, 1), (1, 2, 1, 1, 1, 2, 2))
GROUPED = TorchOp(module.grouped_query_attention, samples=drawn(*SIZES), truth=one_by_one)
EQUAL = {"q": [[[[0.0]]] * 4], "k": [[[[0.0], [0.0]], [[0.0], [0.0]]]], "v": [[[[1.0], [3.0]], [[5.0], [7.0]]]]}

test_shape_and_dtype = GROUPED.shape("a row of values for each query of each head, in the dtype that came")
test_by_hand = GROUPED.by_hand(
    "4 heads that average and 2 heads of values, 1 and 3, 5 and 7: [[[[2]], [[2]], [[6]], [[6]]]]",
    (EQUAL, [[[[2]], [[2]], [[6]], [[6]]]]),
)
test_random = GROUPED.random("random heads, one query at a time")
test_mask = GROUPED.random("random masks, which all heads share", masked(*SIZES, *SQUARE))
test_causal = GROUPED.random("causal: no query sees what stands behind it", drawn(*SQUARE, causal=True))
test_large = GROUPED.large(
    "9 heads of queries on 3 heads of keys, 64 numbers each, as SmolLM2 has", drawn((1, 9, 3, 8, 20, 64, 64)), atol=1e-4
)
test_one_query = GROUPED.large("the same for a single new token", drawn((2, 9, 3, 1, 20, 64, 64)), atol=1e-4)
test_gradient = GROUPED.gradient("gradients reach q, k and v; a shared head collects those of its whole group")
test_laws = GROUPED.laws("the laws of every operation: calls, passes and memory do not get mixed up")


@grades(module.grouped_query_attention)
def test_neighbours_share(rng):
    """changing a head of values changes the heads of its own group and no others"""
    sample = {name: tensor(value) for name, value in drawn((1, 6, 3, 2, 2, 2, 1))(rng)[0].items()}
    before = module.grouped_query_attention(sample["q"], sample["k"], sample["v"])
    for number in range(3):
        moved = sample["v"].clone()
        moved[:, number] += 1
        change = module.grouped_query_attention(sample["q"], sample["k"], moved) - before
        wanted = np.zeros((1, 6, 2, 1))
        wanted[:, 2 * number : 2 * number + 2] = 1
        close(
            change,
            wanted,
            case=f"6 heads of queries, 3 of values: the change when head {number} of the values grows by 1",
        )


@grades(module.grouped_query_attention)
def test_multi_query(rng):
    """with one head of keys all heads of queries look through it"""
    sample = {name: tensor(value) for name, value in drawn((1, 1, 1, 3, 3, 2, 2))(rng)[0].items()}
    one = module.grouped_query_attention(sample["q"], sample["k"], sample["v"])
    four = module.grouped_query_attention(sample["q"].expand(1, 4, 3, 2), sample["k"], sample["v"])
    equal(tuple(four.shape), (1, 4, 3, 2), case="4 heads of queries, 1 of keys: the shape")
    close(four, one.expand(1, 4, 3, 2).detach().numpy(), case="4 equal heads of queries on 1 head of keys")


test_refuses = GROUPED.refuses(
    "heads that cannot be shared out evenly raise a ValueError that names both numbers",
    (drawn((1, 6, 4, 2, 2, 2, 1))(np.random.default_rng(0))[0], ["kv_heads=4", "heads=6"]),
    (drawn((1, 2, 4, 1, 2, 2, 1))(np.random.default_rng(0))[0], ["kv_heads=4", "heads=2"]),
)


wrong(
    module.grouped_query_attention,
    {
        "the heads of keys take turns, 0 1 0 1, where neighbours should share one": (
            "k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)",
            "k.repeat(1, group, 1, 1), v.repeat(1, group, 1, 1)",
        ),
        "keys are shared by neighbours and values in turns, so they do not belong together": (
            "v.repeat_interleave(group, dim=1)",
            "v.repeat(1, group, 1, 1)",
        ),
        "keys and values are repeated along the tokens and then cut into heads": (
            "k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)",
            "(each.repeat_interleave(group, dim=2).reshape(len(q), heads, each.shape[2], -1) for each in (k, v))",
        ),
        "all heads look through the first head of keys and values": (
            "k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)",
            "k[:, :1].expand(-1, heads, -1, -1), v[:, :1].expand(-1, heads, -1, -1)",
        ),
        "the mask is not handed on": ("attn_mask=mask, is_causal=causal", "is_causal=causal"),
        "causal is not handed on: queries see the future": ("attn_mask=mask, is_causal=causal", "attn_mask=mask"),
        "a single query sees every key without looking at the mask": ("(rows, k, v, attn_mask=mask)", "(rows, k, v)"),
        "the group's rows of a single query come back as queries of one head": (
            "return gathered.flatten(1, 2).unsqueeze(2)",
            "return gathered",
        ),
        "the result comes back as float32": (
            "attn_mask=mask, is_causal=causal)",
            "attn_mask=mask, is_causal=causal).float()",
        ),
        "heads that cannot be shared out evenly are accepted": ("if heads % kv_heads:", "if kv_heads < 1:"),
        "a shared head learns from one query head of its group only": (
            "k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)",
            "once = (q.new_ones(group).cumsum(0) == 1).repeat(kv_heads)[:, None, None]\n"
            "    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)\n"
            "    k, v = k.where(once, k.detach()), v.where(once, v.detach())",
        ),
    },
)
survives(
    module.grouped_query_attention,
    {
        "a single query may be treated as any other, which costs copies and changes no number": [
            ("q.shape[2] == 1", "False"),
            ("q.shape[2] == 1", "q.shape[2] == 0"),
            (
                """    if q.shape[2] == 1:
        rows = q.reshape(q.shape[0], kv_heads, group, -1)
        gathered = F.scaled_dot_product_attention(rows, k, v, attn_mask=mask)
        return gathered.flatten(1, 2).unsqueeze(2)
""",
                "    pass\n",
            ),
        ],
    },
)

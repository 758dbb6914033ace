"""What padding_mask must do."""

import numpy as np

from upslope.blocks.language import masks
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import equal, true

# Batch, length, the first position that looks.
SIZES = ((1, 3, 0), (2, 4, 0), (3, 5, 2), (2, 4, 3), (1, 1, 0))


def one_by_one(real, causal=False, start=0):
    """Each position and each token that it might look at."""
    batch, length = real.shape
    seen = np.zeros((batch, 1, length - start, length), dtype=bool)
    for text, row, column in np.ndindex(batch, length - start, length):
        place = start + row
        shown = real[text, column] and (column <= place or not causal)
        seen[text, 0, row, column] = shown or column == place
    return seen


def drawn(*sizes, **more):
    """Texts with padding on the left, on the right, and anywhere."""

    def samples(rng):
        for batch, length, start in sizes:
            lengths = rng.integers(0, length + 1, (batch, 1))
            for real in (
                np.arange(length) < lengths,
                np.arange(length) >= lengths,
                rng.random((batch, length)) < 0.6,
            ):
                yield {"real": real} | ({"start": start} if start else {}) | more

    return samples


MASK = TorchOp(masks.padding_mask, samples=drawn(*SIZES), truth=one_by_one)
ALL, NONE = [True, True, True], [False, False, False]

test_shape_and_dtype = MASK.shape(
    "(B, 1, T, S) of True and False, with 1 for the heads", gives="bool", dtypes=("float32",)
)
test_by_hand = MASK.by_hand(
    "[[1, 1, 0]] becomes [[[[1, 1, 0], [1, 1, 0], [1, 1, 1]]]]",
    ({"real": [[True, True, False]]}, [[[[1, 1, 0], [1, 1, 0], [1, 1, 1]]]]),
)
test_causal = MASK.by_hand(
    "with causal nothing that comes later is seen, and the rest is as it was",
    ({"real": [[True, True, False]], "causal": True}, [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]]),
    ({"real": [[False, True, True]], "causal": True}, [[[[1, 0, 0], [0, 1, 0], [0, 1, 1]]]]),
)
test_itself = MASK.by_hand(
    "padding may look at itself, so that no row is empty: an average of nothing is nan",
    ({"real": [NONE]}, [[[[1, 0, 0], [0, 1, 0], [0, 0, 1]]]]),
    ({"real": [NONE], "causal": True}, [[[[1, 0, 0], [0, 1, 0], [0, 0, 1]]]]),
)
test_start = MASK.by_hand(
    "with start only the later positions look, at all tokens so far",
    ({"real": [ALL], "causal": True, "start": 1}, [[[[1, 1, 0], [1, 1, 1]]]]),
    ({"real": [[True, False, False]], "start": 1}, [[[[1, 1, 0], [1, 0, 1]]]]),
    ({"real": [[False, True, True]], "causal": True, "start": 2}, [[[[0, 1, 1]]]]),
)
test_random = MASK.random("texts of random lengths, padded on either side", dtypes=("float64",))
test_random_causal = MASK.random("the same for a causal model", drawn(*SIZES, causal=True), dtypes=("float64",))
test_large = MASK.large("8 texts of up to 40 tokens", drawn((8, 40, 0), (8, 40, 39), causal=True))


@grades(masks.padding_mask)
def test_attention(rng):
    """attention through the mask gives what each text gives alone, without its padding"""
    length, pads = 5, int(rng.integers(1, 4))
    q, k, v = (tensor(rng.normal(size=(1, 1, length, 3))) for _ in range(3))
    real = tensor(np.arange(length) >= pads).bool()[None]
    seen = masks.padding_mask(real, causal=True)
    scores = (q @ k.transpose(-2, -1)).masked_fill(~seen, float("-inf"))
    got = (scores.softmax(dim=-1) @ v)[0, 0, pads:]
    alone = [each[0, 0, pads:] for each in (q, k, v)]
    below = tensor(np.tril(np.ones((length - pads, length - pads)))).bool()
    expected = (alone[0] @ alone[1].T).masked_fill(~below, float("-inf")).softmax(dim=-1) @ alone[2]
    case = f"a text of {length - pads} tokens behind {pads} of padding, beside the text alone"
    true(bool((got - expected).abs().max() < 1e-9), "padding has changed what the tokens get", case=case)


@grades(masks.padding_mask)
def test_input_stays(rng):
    """what came is not changed"""
    for causal in (False, True):
        real = tensor([[1, 0, 1], [0, 0, 0]]).bool()
        masks.padding_mask(real, causal=causal)
        equal(real.int().tolist(), [[1, 0, 1], [0, 0, 0]], case=f"real after padding_mask(real, causal={causal})")


wrong(
    masks.padding_mask,
    {
        "padding sees nothing, not even itself, and its rows become nan": (
            "return seen | (places[start:, None] == places)",
            "return seen.clone()",
        ),
        "the mask is the other way round: True where nobody may look": (
            "return seen | (places[start:, None] == places)",
            "return ~(seen | (places[start:, None] == places))",
        ),
        "padding may not look, but everybody may look at it: rows are hidden and not columns": (
            "real[:, None, None, :].expand(-1, 1, length - start, -1)",
            "real[:, None, start:, None].expand(-1, 1, -1, length)",
        ),
        "a causal model sees the padding, too": ("seen = seen & causal_mask(", "seen = seen | causal_mask("),
        "causal is not looked at: every position sees the future": ("if causal:", "if False:"),
        "every position sees the past alone, whether the model is causal or not": ("if causal:", "if True:"),
        "the triangle begins at the first token, though the first new position stands further on": (
            "causal_mask(length, start=start, device=real.device)",
            "causal_mask(length, device=real.device)[: length - start]",
        ),
        "the new positions are counted from 0, as if they stood at the beginning of the text": (
            "places[start:, None] == places",
            "places[: length - start, None] == places",
        ),
        "the dimension for the heads is missing": (
            "return seen | (places[start:, None] == places)",
            "return (seen | (places[start:, None] == places))[:, 0]",
        ),
        "it is made of numbers, 1 and 0, which attention would add to its scores": (
            "return seen | (places[start:, None] == places)",
            "return (seen | (places[start:, None] == places)).float()",
        ),
        "a text of padding alone counts as real, and from then on for whoever called as well": (
            "length = real.shape[1]",
            "length = real.shape[1]\n    real |= ~real.any(dim=1, keepdim=True)",
        ),
        "positions in real text do not see themselves": ("return seen | (", "return seen & ~("),
    },
)

"""What next_token_probabilities must do."""

import itertools
from typing import Any

import numpy as np

from upslope.blocks.language import sampling
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

LOGS = np.log([1.0, 2.0, 5.0])
SETTINGS: tuple[dict[str, Any], ...] = ({}, {"temperature": 0.0}, {"top_k": 2, "top_p": 0.9})


def one_by_one(logits, temperature=1.0, top_k=0, top_p=1.0):
    """A single row in plain Python, token by token from the likeliest on."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[: top_k or len(logits)]
    weights = {i: float(np.exp((logits[i] - max(logits)) / (temperature or 1e-9))) for i in order}
    total, reached = sum(weights.values()), 0.0
    kept: dict[int, float] = {}
    for i in order:
        if kept and reached >= top_p:
            break
        kept[i] = weights[i]
        reached += weights[i] / total
    return [kept.get(i, 0.0) / sum(kept.values()) for i in range(len(logits))]


def drawn(*shapes, settings=SETTINGS):
    return lambda rng: [{"logits": some(rng, *shape, spread=2)} | more for shape in shapes for more in settings]


NEXT = TorchOp(
    sampling.next_token_probabilities,
    samples=drawn((2, 4), (3,), (2, 3, 5)),
    truth=lambda logits, **settings: np.apply_along_axis(lambda row: one_by_one(row.tolist(), **settings), -1, logits),
)
EVERY = [
    {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    for temperature, top_k, top_p in itertools.product((0.3, 1.0, 2.0), (0, 1, 4, 9), (0.05, 0.6, 1.0))
]

test_shape_and_dtype = NEXT.shape("shape and dtype of the logits")
test_by_hand = NEXT.by_hand(
    "logits [ln 1, ln 2, ln 5] give [0.125, 0.25, 0.625], and with top_k=2 [0, 2/7, 5/7]",
    ({"logits": LOGS}, [0.125, 0.25, 0.625]),
    ({"logits": LOGS, "top_k": 1}, [0, 0, 1]),
    ({"logits": LOGS, "top_k": 2}, [0, 2 / 7, 5 / 7]),
    ({"logits": LOGS, "temperature": 0.5}, [1 / 30, 4 / 30, 25 / 30]),
    ({"logits": LOGS, "top_p": 0.7}, [0, 2 / 7, 5 / 7]),
)
test_greedy = NEXT.by_hand(
    "temperature=0 puts everything on the largest logit, the first if several are equal",
    ({"logits": [[1.0, 3.0, 2.0]], "temperature": 0.0}, [[0, 1, 0]]),
    ({"logits": [[2.0, 5.0, 5.0], [-1.0, -4.0, -2.0]], "temperature": 0.0}, [[0, 1, 0], [1, 0, 0]]),
)
test_random = NEXT.random(
    "random rows in every combination of temperature, top-k and top-p",
    drawn((3, 6), settings=EVERY),
    dtypes=("float64",),
)
test_large = NEXT.large("a vocabulary of 100", drawn((2, 100), settings=({"top_k": 40, "temperature": 0.8},)))
test_top_p_keeps_the_one_that_crosses = NEXT.by_hand(
    "the token with which the sum reaches p stays, and the likeliest one stays for any p",
    ({"logits": LOGS, "top_p": 0.5}, [0, 0, 1]),
    ({"logits": LOGS, "top_p": 0.63}, [0, 2 / 7, 5 / 7]),
    ({"logits": LOGS, "top_p": 0.9}, [0.125, 0.25, 0.625]),
    ({"logits": LOGS, "top_p": 0.0}, [0, 0, 1]),
)
test_large_logits = NEXT.stable(
    "logits of 10,000 do not overflow, in rows far apart either",
    ({"logits": LOGS + 1e4, "temperature": 0.5}, [1 / 30, 4 / 30, 25 / 30]),
    ({"logits": [[1e4, -1e4], [-100.0, -100.0]]}, [[1, 0], [0.5, 0.5]]),
    dtypes=("float64",),
)
test_laws = NEXT.laws(
    "the laws of every operation: calls, passes and memory do not get mixed up",
    drawn((2, 3), (1, 4), settings=SETTINGS[2:]),
    backward=False,
    dtypes=(),
)


wrong(
    sampling.next_token_probabilities,
    {
        "logits are multiplied by the temperature": ("(ordered / temperature)", "(ordered * temperature)"),
        "tokens cut by top-k get the logit 0, not a probability of 0": ('float("-inf")', "0.0"),
        "top-p drops the token with which the sum reaches p": (
            "probabilities.cumsum(dim=-1) - probabilities",
            "probabilities.cumsum(dim=-1)",
        ),
        "for a small p no token is left": (" | (torch.arange(logits.shape[-1], device=logits.device) == 0)", ""),
        "the probabilities stay in the order of likelihood": (
            "torch.empty_like(probabilities).scatter(-1, order, probabilities)",
            "probabilities",
        ),
        "at temperature 0 each of several largest logits gets the probability 1": (
            "torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, keepdim=True), 1.0)",
            "(logits == logits.amax(dim=-1, keepdim=True)).to(logits.dtype)",
        ),
        "the probabilities are doubles, whatever the logits are": (
            "empty_like(probabilities).scatter(-1, order, probabilities)",
            "empty_like(probabilities).scatter(-1, order, probabilities).double()",
        ),
        "the logits are divided by the temperature in place": (
            "ordered, order = logits.sort(",
            "logits /= temperature; temperature = 1.0; ordered, order = logits.sort(",
        ),
    },
)
survives(
    sampling.next_token_probabilities,
    {
        "the last dimension is the one that sort takes by itself": [("sort(dim=-1, ", "sort(")],
        "PyTorch sorts so few numbers in a stable way in any case": [
            (", stable=True", ""),
            ("stable=True", "stable=False"),
        ],
        "a sum of rounded probabilities equals top_p by chance alone": [("before < top_p", "before <= top_p")],
        "a sum of probabilities reaches neither": [("top_p: float = 1.0", "top_p: float = 2.0")],
    },
)

"""What average_precision must do."""

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import Mismatch, close, equal
from upslope.checks.op_info import OpInfo
from upslope.runs.reports.detection import average_precision as module

# With as many objects every recall that is a whole percent is so in floating-point numbers, too.
OBJECTS = (1, 2, 3, 4, 7, 8, 9)


def drawn(rng, most=14, digits=2):
    for objects in OBJECTS:
        hits = np.zeros(int(rng.integers(1, most)), dtype=bool)
        right = int(rng.integers(0, min(objects, len(hits)) + 1))
        hits[rng.permutation(len(hits))[:right]] = True
        yield {"scores": rng.uniform(0, 1, len(hits)).round(digits), "hits": hits, "objects": objects}


def with_ties(rng):
    return [sample for _ in range(3) for sample in drawn(rng, digits=1)]


def by_definition(scores, hits, objects):
    """Recall by recall: the largest precision of all cuts that reach it."""
    order = sorted(range(len(scores)), key=lambda k: -scores[k])
    cuts = []
    for k in range(1, len(order) + 1):
        right = sum(bool(hits[n]) for n in order[:k])
        cuts.append((right / objects, right / k))
    percents = [max((p for r, p in cuts if r >= percent / 100), default=0.0) for percent in range(101)]
    return np.array(sum(percents) / 101)


AP = OpInfo(module.average_precision, samples=drawn, truth=by_definition, tensor=np.asarray)

test_by_hand = AP.by_hand(
    "right, wrong, right of two objects: 51 recalls with precision 1 and 50 with 2/3 make 0.8350",
    ({"scores": [0.9, 0.8, 0.7], "hits": [True, False, True], "objects": 2}, (51 + 50 * 2 / 3) / 101),
)
test_ends = AP.by_hand(
    "all found before the first false alarm: 1; nothing right, or nothing found: 0",
    ({"scores": [0.9, 0.8, 0.1], "hits": [True, True, False], "objects": 2}, 1.0),
    ({"scores": [0.9, 0.8], "hits": [False, False], "objects": 3}, 0.0),
    ({"scores": np.zeros(0), "hits": np.zeros(0, dtype=bool), "objects": 3}, 0.0),
)
test_order = AP.by_hand(
    "scores come in any order; of equal ones the first stands first",
    ({"scores": [0.7, 0.9, 0.8], "hits": [True, True, False], "objects": 2}, (51 + 50 * 2 / 3) / 101),
    ({"scores": [0.5, 0.5], "hits": [True, False], "objects": 1}, 1.0),
    ({"scores": [0.5, 0.5], "hits": [False, True], "objects": 1}, 0.5),
)
test_missed = AP.by_hand(
    "an object that is never found: recalls beyond what is reached count as 0",
    ({"scores": [0.9], "hits": [True], "objects": 2}, 51 / 101),
    ({"scores": [0.9], "hits": [True], "objects": 4}, 26 / 101),
)
test_envelope = AP.by_hand(
    "a later, higher precision counts for lower recalls, too: wrong, right, right is 2/3",
    ({"scores": [0.9, 0.8, 0.7], "hits": [False, True, True], "objects": 2}, 2 / 3),
)
test_random = AP.random("random scores and hits", dtypes=("float64",))
test_ties = AP.random("scores of which many are equal", with_ties, dtypes=("float64",))
test_large = AP.large("60 boxes", lambda rng: drawn(rng, most=60, digits=4), dtype="float64")
test_refuses = AP.refuses(
    "without objects there is no recall: a ValueError that says it",
    ({"scores": [0.9], "hits": [False], "objects": 0}, ("objects=0", "recall")),
)


@grades(module.average_precision)
def test_a_number(rng):
    """a Python float, and scores and hits stay as they are"""
    scores, hits = np.array([0.2, 0.9, 0.4]), np.array([True, False, True])
    got = module.average_precision(scores, hits, objects=2)
    if type(got) is not float:
        raise Mismatch("a Python float is wanted", case="average_precision of three boxes", got=type(got).__name__)
    close(scores, [0.2, 0.9, 0.4], case="the scores afterwards")
    equal(hits.tolist(), [True, False, True], case="the hits afterwards")


wrong(
    module.average_precision,
    {
        "the boxes are taken as they come, not by their scores": (
            'np.argsort(-np.asarray(scores), kind="stable")',
            "np.arange(len(hits))",
        ),
        "the lowest scores come first": ("np.argsort(-np.asarray(scores)", "np.argsort(np.asarray(scores)"),
        "of equal scores the last one stands first": (
            'np.argsort(-np.asarray(scores), kind="stable")',
            'np.argsort(np.asarray(scores), kind="stable")[::-1]',
        ),
        "recall is divided by what was found, not by the objects that are there": (
            "found / objects",
            "found / max(1, found[-1:].sum())",
        ),
        "precision is divided by the objects, not by the boxes so far": (
            "found / np.arange(1, len(hits) + 1)",
            "found / objects",
        ),
        "the precision of the first box that reaches a recall counts, not the largest from there on": (
            "np.maximum.accumulate(precision[::-1])[::-1]",
            "precision",
        ),
        "the largest precision so far counts, not the largest from there on": (
            "np.maximum.accumulate(precision[::-1])[::-1]",
            "np.maximum.accumulate(precision)",
        ),
        "the mean runs over the recalls that were reached only": (
            "np.append(envelope, 0.0)[first].mean()",
            "np.append(envelope, 0.0)[first][first < len(hits)].mean() if len(hits) else 0.0",
        ),
        "11 recalls are looked at, as in the older PASCAL rules": ("np.linspace(0, 1, 101)", "np.linspace(0, 1, 11)"),
        "without objects the result is 0": (
            'raise ValueError(f"objects={objects}: there is no recall of nothing")',
            "return 0.0",
        ),
        "what comes back is a number of NumPy's": (
            "float(np.append(envelope, 0.0)[first].mean())",
            "np.append(envelope, 0.0)[first].mean()",
        ),
    },
)

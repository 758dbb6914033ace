"""What cross_entropy must do."""

import math
from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, gradient_at, gradients, quiet, raises, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import leaf, some, spelled
from upslope.scratch import ops
from upslope.scratch.tensor import Tensor

LN3 = math.log(3)
SIZES = ((1, 2), (2, 3), (3, 2), (4, 4), (1, 1))


def surprise(logits, target, smoothing=0.0):
    """The mean over rows of -sum_j q_j log p_j by Python's math, row by row."""
    losses = []
    for row, label in zip(logits.tolist(), target, strict=True):
        top = max(row)
        log_sum = top + math.log(math.fsum(math.exp(z - top) for z in row))
        wanted = [(1 - smoothing) * (j == label) + smoothing / len(row) for j in range(len(row))]
        losses.append(math.fsum(q * (log_sum - z) for q, z in zip(wanted, row, strict=True)))
    return math.fsum(losses) / len(losses)


def drawn(rng, batch, classes):
    """Logits and one label for each row; as many different labels as there can be."""
    return some(rng, batch, classes, spread=2), rng.permutation(np.arange(batch) % classes)


@grades(ops.cross_entropy)
def test_shape_and_dtype(rng):
    """a scalar of the logits' dtype"""
    for dtype in ("float32", "float64"):
        z, y = drawn(rng, 2, 3)
        out = ops.cross_entropy(Tensor(z.astype(dtype)), Tensor(y))
        tensor_of(out, (), dtype=dtype, case=f"cross_entropy of {dtype} logits of shape (2, 3)")


@grades(ops.cross_entropy)
def test_by_hand(rng):
    """cross_entropy([[0, ln 3]], [1]) is ln(4/3), with gradient [[0.25, -0.25]]"""
    z = np.array([[0.0, LN3]])
    close(ops.cross_entropy(Tensor(z), np.array([1])), math.log(4 / 3), case="cross_entropy([[0, ln 3]], [1])")
    close(ops.cross_entropy(Tensor(z), np.array([0])), math.log(4), case="cross_entropy([[0, ln 3]], [0])")
    gradients(
        lambda z: ops.cross_entropy(z, np.array([1])),
        [z],
        rng=rng,
        tensor=leaf,
        names=["logits"],
        case="cross_entropy([[0, ln 3]], [1]), g = 2",
        upstream=np.array(2.0),
        expected=[np.array([[0.5, -0.5]])],
    )


@grades(ops.cross_entropy)
def test_random(rng):
    """random logits: the mean of what each row costs"""
    for batch, classes in (*SIZES, (32, 10)):
        z, y = drawn(rng, batch, classes)
        case = f"cross_entropy({spelled(z)}, {spelled(y)})"
        close(ops.cross_entropy(Tensor(z.astype(np.float32)), Tensor(y)), surprise(z, y), case=case)


@grades(ops.cross_entropy)
def test_gradient(rng):
    """the gradient agrees with finite differences"""
    for batch, classes in SIZES:
        z, y = drawn(rng, batch, classes)
        gradients(
            lambda z, y=y: ops.cross_entropy(z, y),
            [z],
            rng=rng,
            tensor=leaf,
            names=["logits"],
            case=f"cross_entropy({spelled(z)}, {spelled(y)})",
        )


@grades(ops.cross_entropy)
def test_large(rng):
    """stable for large scores: sure and wrong costs the difference of the scores"""
    for row, label, loss, slope in (
        ([1000.0, 0.0], 0, 0.0, [0, 0]),
        ([1000.0, 0.0], 1, 1000.0, [1, -1]),
        ([-1000.0, 0.0], 1, 0.0, [0, 0]),
        ([0.0, 200.0, 0.0], 0, 200.0, [-1, 1, 0]),
    ):
        case = f"cross_entropy([{spelled(row)}], [{label}])"
        z = leaf(np.array([row], dtype=np.float32))
        f = partial(ops.cross_entropy, target=np.array([label]))
        quiet(partial(f, z), loss, case=case)
        slopes = [[2 * s for s in slope]]
        quiet(partial(gradient_at, f, z, Tensor(np.float32(2))), slopes, case=f"{case}, g = 2: gradient of logits")


@grades(ops.cross_entropy)
def test_label_smoothing(rng):
    """label smoothing spreads a part of the wanted probability over all classes"""
    z = np.array([[0.0, LN3]])
    close(
        ops.cross_entropy(Tensor(z), np.array([1]), label_smoothing=0.2),
        0.9 * math.log(4 / 3) + 0.1 * math.log(4),
        case="cross_entropy([[0, ln 3]], [1], label_smoothing=0.2)",
    )
    for batch, classes in SIZES:
        z, y = drawn(rng, batch, classes)
        case = f"cross_entropy({spelled(z)}, {spelled(y)}, label_smoothing=0.3)"
        close(ops.cross_entropy(Tensor(z), y, label_smoothing=0.3), surprise(z, y, 0.3), case=case)


@grades(ops.cross_entropy)
def test_label_smoothing_gradient(rng):
    """the gradient with label smoothing agrees with finite differences"""
    for batch, classes in ((1, 3), (3, 2)):
        z, y = drawn(rng, batch, classes)
        f = partial(ops.cross_entropy, target=y, label_smoothing=0.3)
        case = f"cross_entropy({spelled(z)}, {spelled(y)}, label_smoothing=0.3)"
        gradients(f, [z], rng=rng, tensor=leaf, names=["logits"], case=case)


@grades(ops.cross_entropy)
def test_labels(rng):
    """labels as a list, an array or a tensor; labels that are no classes raise a ValueError"""
    z, y = drawn(rng, 3, 4)
    for kind, labels in (("a list", y.tolist()), ("an int32 array", y.astype(np.int32)), ("a tensor", Tensor(y))):
        close(ops.cross_entropy(Tensor(z), labels), surprise(z, y), case=f"cross_entropy with labels in {kind}")
    for labels in ([0, 1, 4], [0, -1, 1], [0, 1]):
        raises(
            ValueError,
            partial(ops.cross_entropy, Tensor(z), np.array(labels)),
            case=f"cross_entropy of logits of shape (3, 4) with labels {labels}",
        )


@grades(ops.cross_entropy)
def test_rows_apart(rng):
    """each row has a largest score of its own"""
    z, y = np.array([[1000.0, 999.0], [-1000.0, -1001.0]]), np.array([1, 1])
    case = f"cross_entropy({spelled(z)}, {spelled(y)})"
    quiet(partial(ops.cross_entropy, Tensor(z), y), surprise(z, y), case=case, rtol=1e-9)


@grades(ops.cross_entropy)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = []
    for batch, classes in ((2, 3), (4, 2)):
        z, y = drawn(rng, batch, classes)
        calls.append(Call(lambda z, y=y: ops.cross_entropy(z, y), [z], case=f"{batch} rows of {classes} logits"))
    keeps_laws(*calls)


wrong(
    ops.cross_entropy,
    {
        "the losses are summed over the batch, not averaged": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[rows, labels].sum()",
        ),
        "the mean runs over all B x C numbers, not over the B rows": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[rows, labels].sum() / log_p.size",
        ),
        "log_p[:, labels] picks the label's column in every row, not the label of each row": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[:, labels].mean()",
        ),
        "the gradient is that of the sum: it lacks the 1 / B of the mean": ("gradient *= g / batch", "gradient *= g"),
        "the gradient's sign is turned around": ("gradient *= g / batch", "gradient *= -g / batch"),
        "the gradient is that of the right class's score alone, without the softmax": (
            "= e / total - label_smoothing / classes",
            "= 0 * e - label_smoothing / classes",
        ),
        "the largest score is not subtracted before exp": (
            "shifted = logits.data - logits.data.max(axis=1, keepdims=True)",
            "shifted = logits.data * 1",
        ),
        "the logarithm is taken of softmax probabilities that may have been rounded to 0": (
            "log_p = shifted - np.log(total)",
            "log_p = np.log(e / total)",
        ),
        "label smoothing spreads over the other classes only, where each class, the right one too, gets s / C": (
            "label_smoothing * log_p.mean()",
            "label_smoothing * (log_p.mean() * classes + loss) / max(classes - 1, 1)",
        ),
        "label smoothing takes its share from the right class and gives it to none": (
            "(1 - label_smoothing) * loss - label_smoothing * log_p.mean()",
            "(1 - label_smoothing) * loss",
        ),
        "label smoothing is missing in the gradient": (
            "e / total - label_smoothing / classes\n        gradient[rows, labels] -= 1 - label_smoothing",
            "e / total\n        gradient[rows, labels] -= 1",
        ),
        "the loss is always float64": (
            "loss = -log_p[rows, labels].sum() / batch",
            "loss = -log_p[rows, labels].sum(dtype=float) / batch",
        ),
    },
)
survives(
    ops.cross_entropy,
    {
        "a share of 0 taken from the label and given to all changes nothing": [("if label_smoothing:", "if True:")],
    },
)

"""What quantize_rows must do."""

import numpy as np
import torch

from upslope.blocks import int8 as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import equal, true

SIZES = ((1, 1), (2, 3), (3, 2), (4, 4), (5, 9))


def quantize_rows(w):
    """The answer with both of its results in one: the whole numbers, and in a last column the scales."""
    q, scale = module.quantize_rows(w)
    return torch.cat([q.to(scale.dtype), scale[:, None]], dim=1)


def drawn(rng, sizes=SIZES, least=-4.0, most=2.0):
    """Rows of very different sizes; nothing lies near the middle between two whole numbers."""
    for rows, columns in sizes:
        whole = rng.integers(-126, 127, (rows, columns)) + rng.uniform(-0.4, 0.4, (rows, columns)).round(2)
        largest = rng.integers(0, columns, rows)
        whole[np.arange(rows), largest] = rng.choice([-127, 127], rows)
        yield {"w": whole * 10 ** rng.uniform(least, most, (rows, 1))}


def number_by_number(w):
    rows = []
    for row in w.tolist():
        scale = max(abs(value) for value in row) / 127
        rows.append([float(round(value / scale)) for value in row] + [scale])
    return np.array(rows)


ROWS = TorchOp(module.quantize_rows, call=quantize_rows, samples=drawn, truth=number_by_number)

test_by_hand = ROWS.by_hand(
    "[[0.5, -1.27, 0.006], [100, 26, -254]] is [[50, -127, 1], [50, 13, -127]] with the scales [0.01, 2]",
    ({"w": [[0.5, -1.27, 0.006], [100.0, 26, -254]]}, [[50.0, -127, 1, 0.01], [50, 13, -127, 2]]),
)
test_ends = ROWS.by_hand(
    "the largest number of a row becomes 127 or -127, whichever sign the row has",
    ({"w": [[-3.0, -1.0], [3.0, 1.0]]}, [[-127.0, -42, 3 / 127], [127, 42, 3 / 127]]),
)
test_random = ROWS.random("random rows, number by number", atol=1e-12)
test_small = ROWS.random("rows of numbers as small as 1e-30", lambda rng: drawn(rng, least=-30, most=-25), atol=1e-35)
test_large = ROWS.large("a layer of 300 x 200 weights", lambda rng: drawn(rng, ((300, 200),)), atol=1e-12)
test_laws = ROWS.laws("calls and memory do not get mixed up", dtypes=(), backward=False)


@grades(module.quantize_rows)
def test_two_results(rng):
    """whole numbers in int8, as many as there are weights, and a float32 scale for each row"""
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        case = f"quantize_rows of a {str(dtype).removeprefix('torch.')} matrix of 3 x 2"
        q, scale = module.quantize_rows(tensor(rng.normal(size=(3, 2)), dtype))
        equal([tuple(q.shape), tuple(scale.shape)], [(3, 2), (3,)], case=f"{case}: shapes")
        equal([q.dtype, scale.dtype], [torch.int8, torch.float32], case=f"{case}: dtypes")


@grades(module.quantize_rows)
def test_zeros(rng):
    """a row of zeros becomes zeros, with a scale above 0, and leaves other rows alone"""
    case = "quantize_rows([[0, 0], [127, -64], [0, 0]])"
    q, scale = module.quantize_rows(tensor([[0.0, 0], [127, -64], [0, 0]], torch.float32))
    equal(q.tolist(), [[0, 0], [127, -64], [0, 0]], case=case)
    scales = scale.tolist()
    true(all(0 < each < 1e30 for each in scales), "a scale is not a positive number", case=case, got=scales)
    equal(scales[1], 1.0, case=f"{case}: the scale of the middle row")


@grades(module.quantize_rows)
def test_halves(rng):
    """200 rows of float16 and bfloat16: no sign turns round, nothing is off by more than half a scale"""
    for dtype in (torch.float16, torch.bfloat16):
        w = tensor(rng.normal(0, 0.001, (200, 24)), dtype)
        q, scale = module.quantize_rows(w)
        held, given = q.double().numpy(), w.double().numpy()
        name = str(dtype).removeprefix("torch.")
        for k, (whole, row, size) in enumerate(zip(held, given, scale.tolist(), strict=True)):
            case = f"quantize_rows of a {name} matrix: row {k}"
            most = float(np.abs(whole).max())
            true(most == 127, "the largest number is not 127 or -127", case=case, got=most)
            off = float(np.abs(whole * size - row).max())
            true(off <= 0.501 * size, f"a weight is off by {off / size:.2f} scales", case=case, expected="at most 0.5")


wrong(
    module.quantize_rows,
    {
        "one scale for all rows: small rows have few whole numbers left": (
            "w.abs().amax(dim=1)",
            "w.abs().amax().expand(len(w))",
        ),
        "the largest number of each column is looked for, not of each row": ("amax(dim=1)", "amax(dim=0)"),
        "the digits after the point are cut off, not rounded": (").round()", ").trunc()"),
        "numbers are rounded down, the negative ones away from 0": (").round()", ").floor()"),
        "the largest number counts, not the largest absolute value": ("w.abs().amax(dim=1)", "w.amax(dim=1)"),
        "the largest becomes 128, which int8 does not hold: it turns into -128": (
            "amax(dim=1) / 127",
            "amax(dim=1) / 128",
        ),
        "the range is divided by 255, as if numbers ran from 0 to 255": ("amax(dim=1) / 127", "amax(dim=1) / 255"),
        "a row of zeros is divided by 0": ("scale = scale.clamp(min=torch.finfo(torch.float32).tiny)", "pass"),
        "negative numbers are cut off at 0": (").round()", ").round().clamp(0, 127)"),
        "the scale is kept the other way round: what to multiply by, not to divide by": (
            ".to(torch.int8), scale",
            ".to(torch.int8), 1 / scale",
        ),
        "halves are computed in their own few digits": ("w = w.float()", "pass"),
        "the whole numbers stay floats, which saves nothing": (".to(torch.int8)", ""),
        "the least scale is that of ordinary weights: small rows become zeros": (
            "torch.finfo(torch.float32).tiny",
            "1e-6",
        ),
    },
)

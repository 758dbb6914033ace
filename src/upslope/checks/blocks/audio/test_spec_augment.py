"""What spec_augment must do."""

import math

import numpy as np
import torch

from upslope.blocks.audio import spec_augment as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, true
from upslope.checks.samples import some

SAMPLES = 2000


def spec_augment(x, seed, *, freq_width=0, time_width=0, **more):
    """The answer, with a generator that begins at `seed`."""
    generator = torch.Generator().manual_seed(seed)
    return module.spec_augment(x, freq_width=freq_width, time_width=time_width, generator=generator, **more)


def start(rng):
    return int(rng.integers(0, 2**31))


def runs(hidden):
    """For each row of booleans its first true place and how many there are; -1 where they are not side by side."""
    found = []
    for row in hidden:
        places = np.flatnonzero(row)
        count = len(places)
        together = count == 0 or places[-1] - places[0] + 1 == count
        found.append((int(places[0]) if count else 0, count if together else -1))
    return found


def drawn(*shapes, **settings):
    return lambda rng: [{"x": some(rng, *shape), "seed": start(rng), **settings} for shape in shapes]


AUGMENT = TorchOp(
    module.spec_augment,
    call=spec_augment,
    samples=drawn((2, 3, 4), (1, 1, 1), (0, 4, 5), freq_width=1, time_width=1),
    truth=lambda x, **_: x,
    tensor=torch.from_numpy,
)

test_shape_and_dtype = AUGMENT.shape("shape and dtype of x stay", dtypes=("float32", "float64", "bfloat16"))
test_untouched = AUGMENT.random("with widths of 0 x stays as it is", drawn((2, 3, 4), (2, 40, 100)))


@grades(module.spec_augment)
def test_by_hand(rng):
    """with one row hidden of two, [[5, 6], [7, 8]] keeps one of its rows"""
    for out in spec_augment(tensor([[[5.0, 6.0], [7.0, 8.0]]] * 30), start(rng), freq_width=1).tolist():
        fine = out in ([[5, 6], [7, 8]], [[0, 0], [7, 8]], [[5, 6], [0, 0]])
        true(fine, "rows are hidden whole, one or none", case="[[5, 6], [7, 8]], freq_width=1, time_width=0", got=out)


@grades(module.spec_augment)
def test_whole_rows_and_columns(rng):
    """rows side by side and columns side by side are hidden whole, the rest stays"""
    for bands, frames, freq_width, time_width in ((6, 9, 3, 0), (6, 9, 0, 4), (7, 5, 2, 3), (3, 4, 3, 4)):
        x = rng.uniform(1, 2, (60, bands, frames))
        out = np.array(spec_augment(tensor(x), start(rng), freq_width=freq_width, time_width=time_width).tolist())
        case = f"numbers of shape (60, {bands}, {frames}), freq_width={freq_width}, time_width={time_width}"
        rows, columns = (out == 0).all(axis=2), (out == 0).all(axis=1)
        close(out, np.where(rows[:, :, None] | columns[:, None, :], 0, x), case=case)
        for what, hidden, widest in (("row", rows, freq_width), ("column", columns, time_width)):
            if widest == (bands if what == "row" else frames) or out.shape[0] == 0:
                continue  # then a sample may be hidden as a whole, and all its columns with the rows
            other = columns if what == "row" else rows
            partly = [run for run, whole in zip(runs(hidden), other.all(axis=1), strict=True) if not whole]
            most = max((count for _, count in partly), default=0)
            true(most <= widest, f"{most} {what}s are hidden", case=case)
            true(all(count >= 0 for _, count in partly), f"hidden {what}s are not side by side", case=case)


@grades(module.spec_augment)
def test_as_likely(rng):
    """every width up to the widest is as likely, and so is every place that it fits"""
    length, widest = 5, 2
    for what, shape, settings in (
        ("freq_width", (SAMPLES, length, 2), {"freq_width": widest}),
        ("time_width", (SAMPLES, 2, length), {"time_width": widest}),
    ):
        out = np.array(spec_augment(tensor(np.ones(shape)), start(rng), **settings).tolist())
        found = runs((out == 0).all(axis=2 if what == "freq_width" else 1))
        case = f"{SAMPLES} samples, {what}={widest} of {length}"
        for width in range(widest + 1):
            begins = [first for first, count in found if count == width]
            # Chance moves a share by five times its standard deviation less than once in a million draws.
            stray = 5 * math.sqrt(2 / 9 / SAMPLES)
            close(len(begins) / SAMPLES, 1 / 3, case=f"{case}: share with {width} hidden", rtol=0, atol=stray)
            places = length - width + 1
            for place in range(places) if width else ():
                share, stray = 1 / places, 5 * math.sqrt((places - 1) / places**2 / len(begins))
                got = begins.count(place) / len(begins)
                close(got, share, case=f"{case}: share of {width} hidden that begin at {place}", rtol=0, atol=stray)


@grades(module.spec_augment)
def test_each_its_own(rng):
    """each sample draws for itself, and rows and columns are drawn apart"""
    out = np.array(spec_augment(tensor(np.ones((64, 8, 8))), start(rng), freq_width=4, time_width=4).tolist())
    rows, columns = runs((out == 0).all(axis=2)), runs((out == 0).all(axis=1))
    case = "64 samples of shape (8, 8), both widths 4"
    # By chance all alike, or each row like its column, less than once in 10^30 draws.
    true(len(set(rows)) > 1 and len(set(columns)) > 1, "all samples have the same parts hidden", case=case)
    true(rows != columns, "the same places are hidden in rows and in columns", case=case)


@grades(module.spec_augment)
def test_generator(rng):
    """the generator decides alone, and goes on from call to call"""
    x, seed = torch.ones(64, 8, 8), start(rng)
    first = spec_augment(x, seed, freq_width=4).tolist()
    torch.rand(3)
    true(
        spec_augment(x, seed, freq_width=4).tolist() == first, "the same generator hides other parts", case="64 samples"
    )
    generator = torch.Generator().manual_seed(seed)
    one, two = (module.spec_augment(x, freq_width=4, time_width=0, generator=generator).tolist() for _ in range(2))
    true(one != two, "every call hides the same parts", case="64 samples, twice from one generator")


@grades(module.spec_augment)
def test_fill(rng):
    """what is hidden becomes `fill`"""
    x = tensor(rng.uniform(1, 2, (40, 4, 4)))
    before = np.array(x.tolist())
    out = np.array(spec_augment(x, start(rng), freq_width=2, time_width=2, fill=-7.0).tolist())
    case = "40 samples of shape (4, 4), both widths 2, fill=-7"
    true((out == -7).any(), "nothing became -7", case=case)
    close(np.where(out == -7, before, out), before, case=f"{case}: what is not hidden")


test_refuses = AUGMENT.refuses(
    "more rows or columns than there are raise a ValueError that says so",
    ({"x": np.ones((2, 8, 6)), "seed": 0, "freq_width": 9}, ["freq_width=9", "8"]),
    ({"x": np.ones((2, 8, 6)), "seed": 0, "time_width": 7}, ["time_width=7", "6"]),
)
test_laws = AUGMENT.laws(
    "x itself is not changed; calls, passes and memory do not get mixed up",
    drawn((3, 4, 5), (2, 3, 4), freq_width=2, time_width=2),
    backward=False,
    dtypes=(),
)


wrong(
    module.spec_augment,
    {
        "the first one may be anywhere, so that parts at the end are cut off": ("(length - width + 1)", "length"),
        "one draw decides for the whole batch": (
            """        width = torch.randint(0, widest + 1, (size, 1), generator=generator)
        # Where the first one is: anywhere from which all of them fit.
        start = (torch.rand((size, 1), generator=generator) * (length - width + 1)).long()
""",
            """        width = torch.randint(0, widest + 1, (1, 1), generator=generator)
        start = (torch.rand((1, 1), generator=generator) * (length - width + 1)).long()
""",
        ),
        "what is hidden becomes 0, whatever fill says": (".to(x.device), fill)", ".to(x.device), 0.0)"),
        "x itself is changed in place": ("x.masked_fill(", "x.masked_fill_("),
        "the generator is not used for the widths": (
            "(size, 1), generator=generator)\n        # Where",
            "(size, 1))\n        # Where",
        ),
        "one more than was drawn is hidden": ("place < start + width)", "place <= start + width)"),
        "the result is always float32": ("return x.masked_fill(", "return x.float().masked_fill("),
        "a width of more than there is is cut to what there is": (
            '        raise ValueError(f"time_width={time_width} of {frames} frames")',
            "        time_width = frames",
        ),
    },
)

"""What extend_buffer must do."""

from functools import partial

import numpy as np
import torch

from upslope.blocks.language import cache
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import tensor
from upslope.checks.expect import equal, raises, tensor_of, true
from upslope.checks.samples import some

# Batch, heads, numbers in a row.
SIZES = ((1, 1, 1), (2, 3, 2), (1, 2, 4))


def rows(rng, size, count, dtype=torch.float64):
    batch, heads, deep = size
    return tensor(some(rng, batch, heads, count, deep), dtype)


def written(size, counts, rng, *, most=64, first=4):
    """What a buffer holds after pieces of so many rows, and all pieces one behind the other."""
    buffer, used, pieces = None, 0, []
    for count in counts:
        pieces.append(rows(rng, size, count))
        buffer = cache.extend_buffer(buffer, pieces[-1].clone(), used=used, most=most, first=first)
        used += count
    return buffer, torch.cat(pieces, dim=2)


@grades(cache.extend_buffer)
def test_first(rng):
    """without a buffer one is made, with the rows that came at its beginning, in their dtype"""
    for dtype in (torch.float32, torch.float64):
        new = rows(rng, (2, 3, 2), 3, dtype)
        got = cache.extend_buffer(None, new, used=0, most=64, first=10)
        case = "extend_buffer(None, 3 rows, used=0, most=64, first=10)"
        tensor_of(got, (2, 3, 10, 2), dtype=str(dtype).removeprefix("torch."), case=case)
        equal(got[:, :, :3], new.numpy(), case=f"{case}: its first 3 rows")


@grades(cache.extend_buffer)
def test_room(rng):
    """with first=4 and most=64, 4 rows in use and 1 new one make room for 10"""
    for used, count, first, most, room in (
        (4, 1, 4, 64, 10),
        (0, 7, 4, 64, 14),
        (0, 1, 4, 64, 4),
        (0, 2, 256, 900, 256),
    ):
        buffer = rows(rng, (1, 1, 2), used) if used else None
        got = cache.extend_buffer(buffer, rows(rng, (1, 1, 2), count), used=used, most=most, first=first)
        case = f"extend_buffer({used or 'no'} rows, {count} rows, used={used}, most={most}, first={first})"
        equal(got.shape[2], room, case=f"{case}: rows of the buffer")


@grades(cache.extend_buffer)
def test_default_first(rng):
    """without first the first buffer has 256 rows"""
    got = cache.extend_buffer(None, rows(rng, (1, 1, 1), 2), used=0, most=4096)
    equal(got.shape[2], 256, case="extend_buffer(None, 2 rows, used=0, most=4096): rows of the buffer")


@grades(cache.extend_buffer)
def test_most(rng):
    """there is never room for more than most, and that much may be used"""
    buffer = rows(rng, (1, 2, 2), 6)
    got = cache.extend_buffer(buffer, rows(rng, (1, 2, 2), 2), used=6, most=8, first=4)
    equal(got.shape[2], 8, case="extend_buffer(6 rows, 2 rows, used=6, most=8, first=4): rows of the buffer")
    got = cache.extend_buffer(None, rows(rng, (1, 2, 2), 2), used=0, most=3, first=256)
    equal(got.shape[2], 3, case="extend_buffer(None, 2 rows, used=0, most=3, first=256): rows of the buffer")


@grades(cache.extend_buffer)
def test_pieces(rng):
    """texts that come in pieces lie one piece behind the other, however often the buffer grows"""
    for size in SIZES:
        counts = [int(count) for count in rng.integers(1, 5, 6)]
        buffer, whole = written(size, counts, rng)
        got = buffer[:, :, : whole.shape[2]]
        equal(got, whole.numpy(), case=f"the rows in use after pieces of {counts} rows, first=4")


@grades(cache.extend_buffer)
def test_in_place(rng):
    """where there is room the buffer itself comes back, and only the new rows are written"""
    buffer = rows(rng, (2, 2, 3), 6)
    before, new = buffer.clone(), rows(rng, (2, 2, 3), 2)
    got = cache.extend_buffer(buffer, new, used=2, most=64, first=4)
    case = "extend_buffer(6 rows, 2 rows, used=2, ...)"
    true(got is buffer, "another buffer came back, though there was room", case=case)
    equal(got[:, :, 2:4], new.numpy(), case=f"{case}: rows 2 and 3")
    equal(got[:, :, :2], before[:, :, :2].numpy(), case=f"{case}: the rows before")
    equal(got[:, :, 4:], before[:, :, 4:].numpy(), case=f"{case}: the rows behind")


@grades(cache.extend_buffer)
def test_exactly_full(rng):
    """rows that just fit are written in place"""
    buffer, new = rows(rng, (1, 1, 2), 4), rows(rng, (1, 1, 2), 1)
    got = cache.extend_buffer(buffer, new, used=3, most=64, first=4)
    case = "extend_buffer(4 rows, 1 row, used=3, ...)"
    true(got is buffer, "another buffer came back, though the row fits", case=case)
    equal(got[:, :, 3:], new.numpy(), case=f"{case}: row 3")


@grades(cache.extend_buffer)
def test_seldom(rng):
    """over 200 tokens, one by one, a new buffer is made seven times"""
    buffer, made, size = None, 0, (1, 1, 1)
    for used in range(200):
        got = cache.extend_buffer(buffer, rows(rng, size, 1), used=used, most=4096, first=4)
        made, buffer = made + (got is not buffer), got
    equal(made, 7, case="200 times extend_buffer(buffer, 1 row, used=0 ... 199, most=4096, first=4): new buffers")


@grades(cache.extend_buffer)
def test_new_stays(rng):
    """the rows that came are copied: changing them afterwards changes nothing in the buffer"""
    new = rows(rng, (1, 2, 2), 3)
    wanted = new.numpy().copy()
    got = cache.extend_buffer(None, new, used=0, most=3, first=3)
    new.zero_()
    equal(got[:, :, :3], np.asarray(wanted), case="the buffer after the rows that came were set to 0")


@grades(cache.extend_buffer)
def test_refuses(rng):
    """more than most rows raise a ValueError with both numbers"""
    call = partial(cache.extend_buffer, rows(rng, (1, 1, 1), 8), rows(rng, (1, 1, 1), 1), used=8, most=8)
    raises(ValueError, call, case="extend_buffer(8 rows, 1 row, used=8, most=8)", says=["9", "8"])
    call = partial(cache.extend_buffer, None, rows(rng, (1, 1, 1), 5), used=0, most=3)
    raises(ValueError, call, case="extend_buffer(None, 5 rows, used=0, most=3)", says=["5", "3"])


wrong(
    cache.extend_buffer,
    {
        "a new buffer is made each time: every token copies all those before it": (
            "if buffer is None or buffer.shape[2] < end:",
            "if True:",
        ),
        "the new rows are written at the beginning, over the earlier ones": (
            "buffer[:, :, used:end] = new",
            "buffer[:, :, : new.shape[2]] = new",
        ),
        "the earlier rows are lost when the buffer grows": ("larger[:, :, :used] = buffer[:, :, :used]", "pass"),
        "the buffer grows to what is needed now, and again at the next token": ("2 * end)", "end)"),
        "the buffer grows although the new rows just fit": ("buffer.shape[2] < end:", "buffer.shape[2] <= end:"),
        "the buffer is larger than the model can ever need": ("min(most, max(first, 2 * end))", "max(first, 2 * end)"),
        "rows beyond most are written all the same": (
            'if end > most:\n        raise ValueError(f"{end} tokens for a cache of at most {most}")',
            "most = max(most, end)",
        ),
        "as many tokens as most are one too many": ("if end > most:", "if end >= most:"),
        "the rows that came are the first buffer, which whoever called may change": (
            "    if buffer is None or",
            "    if buffer is None and end == most:\n        return new\n    if buffer is None or",
        ),
        "the buffer is float32, whatever the rows are": (
            "new.new_empty(new.shape[0], new.shape[1], room, new.shape[3])",
            "new.float().new_empty(new.shape[0], new.shape[1], room, new.shape[3])",
        ),
        "the rows behind the new ones are set to 0 each time": (
            "buffer[:, :, used:end] = new",
            "buffer[:, :, used:end] = new\n    buffer[:, :, end:] = 0",
        ),
        "without first the buffer begins with a few rows and grows at once": ("first: int = 256", "first: int = 16"),
    },
)

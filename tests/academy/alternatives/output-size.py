"""By walking: the window is moved as long as it may be."""


def output_size(
    size: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    reach = dilation * (kernel - 1)
    first, last = -padding, size + padding - 1
    if first + reach > last:
        raise ValueError(f"a window of {reach + 1} places does not fit on {size + 2 * padding}")
    count, place = 0, first
    while place + reach <= last:
        count, place = count + 1, place + stride
    hangs_over = place - stride + reach < last
    return count + 1 if ceil_mode and hangs_over and place < size else count

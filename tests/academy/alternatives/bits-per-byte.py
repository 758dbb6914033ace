"""With logarithms to base 2 from the start, byte by byte."""

import math


def bits_per_byte(losses, text):
    if len(losses.shape) != 1:
        raise ValueError(f"one row of losses is needed, not {losses.shape}")
    count = sum(1 + (ord(c) > 0x7F) + (ord(c) > 0x7FF) + (ord(c) > 0xFFFF) for c in text)
    if not count:
        raise ValueError("empty text")
    return math.fsum(losses.tolist()) * math.log2(math.e) / count

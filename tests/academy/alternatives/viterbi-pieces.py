"""Forwards: from each place to all that one piece can reach, each with its way as a list."""

import math


def viterbi(text, scores, *, longest, unknown):
    ways = [(-math.inf, None)] * (len(text) + 1)
    ways[0] = (0.0, [])
    for start, letter in enumerate(text):
        so_far, pieces = ways[start]
        if letter not in scores and ways[start + 1][1] is None:
            ways[start + 1] = (so_far + unknown, [*pieces, letter])
        for end in range(start + 1, min(len(text), start + longest) + 1):
            piece = text[start:end]
            value = scores.get(piece, unknown if end == start + 1 else None)
            if value is not None and so_far + value > ways[end][0]:
                ways[end] = (so_far + value, [*pieces, piece])
    return ways[-1][1]

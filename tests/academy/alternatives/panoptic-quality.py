"""Segment by segment, with loops; PQ by its own fraction."""

import math


def panoptic_quality(pictures, kind):
    total, pairs, alone = 0.0, 0, 0
    for one in pictures:
        rows = [t for t in range(len(one.true_class)) if one.true_class[t] == kind]
        taken, missed = set(), 0
        for t in rows:
            if one.crowd[t]:
                continue
            missed += 1
            for f in range(len(one.found_class)):
                both = int(one.shared[t, f])
                # more than half of the union, in whole numbers
                union = int(one.true_area[t] + one.found_area[f] - one.void[f]) - both
                if one.found_class[f] == kind and 2 * both > union:
                    total, pairs, missed = total + both / union, pairs + 1, missed - 1
                    taken.add(f)
        for f in range(len(one.found_class)):
            nobody = int(one.void[f]) + sum(int(one.shared[t, f]) for t in rows if one.crowd[t])
            if one.found_class[f] == kind and f not in taken and 2 * nobody <= one.found_area[f]:
                alone += 1
        alone += missed
    if pairs + alone == 0:
        return math.nan, math.nan, math.nan
    every = pairs + alone / 2
    return total / every, total / pairs if pairs else 0.0, pairs / every

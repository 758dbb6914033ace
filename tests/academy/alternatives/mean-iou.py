"""Class by class, in Python's numbers."""

from fractions import Fraction


def mean_iou(matrix):
    rows = matrix.tolist()
    parts = []
    for k, row in enumerate(rows):
        either = sum(row) + sum(other[k] for other in rows) - row[k]
        if either:
            parts.append(Fraction(row[k], either))
    if not parts:
        raise ValueError("there are no pixels, and without them no IoU")
    return float(sum(parts) / len(parts))

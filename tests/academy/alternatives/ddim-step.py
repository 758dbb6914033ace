"""Gathered into one factor for x and one for the image."""

import math


def ddim_step(x, image, *, alpha_bar, alpha_bar_after, eta=0.0, fresh=None):
    a, b = alpha_bar, alpha_bar_after
    if a < 0 or b > 1 or b <= a:
        raise ValueError(f"from {a:g} to {b:g}: no step towards the image")
    variance = eta**2 * (1 - b) / (1 - a) * (1 - a / b)
    of_x = math.sqrt(max(0.0, 1 - b - variance) / (1 - a))
    out = of_x * x + (math.sqrt(b) - of_x * math.sqrt(a)) * image
    if variance > 0 and fresh is not None:
        out = out + math.sqrt(variance) * fresh
    return out

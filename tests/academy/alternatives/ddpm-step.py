"""By Bayes' rule in precisions, with the last step by itself."""

import math


def ddpm_step(x, image, *, alpha_bar, alpha_bar_after, fresh):
    a, b = alpha_bar, alpha_bar_after
    if a < 0 or b > 1 or b <= a:
        raise ValueError(f"from {a:g} to {b:g}: no step towards the image")
    if b == 1:
        return image + 0 * x
    added = 1 - a / b
    precision = 1 / (1 - b) + (a / b) / added
    mean = (math.sqrt(b) / (1 - b) * image + math.sqrt(a / b) / added * x) / precision
    return mean + fresh / math.sqrt(precision)

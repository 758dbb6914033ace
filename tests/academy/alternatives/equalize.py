"""By sorting: where each level begins and ends among all pixels in order."""

import numpy as np


def equalize(image):
    ordered = np.sort(image, axis=None)
    if len(ordered) == 0 or ordered[0] == ordered[-1]:
        return image.copy()
    darkest = np.searchsorted(ordered, ordered[0], side="right")
    below = np.searchsorted(ordered, image, side="right")
    return np.round((below - darkest) * 255 / (len(ordered) - darkest)).astype("uint8")

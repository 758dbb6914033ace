"""As two matrices: one that blurs columns, one that blurs rows, with the mirror written into them."""

import numpy as np


def blurring(length, sigma, radius):
    matrix = np.zeros((length, length))
    weights = [np.exp(-(i**2) / (2 * sigma**2)) for i in range(-radius, radius + 1)]
    for place in range(length):
        for i, weight in zip(range(-radius, radius + 1), weights, strict=True):
            other = abs(place + i)
            if other >= length:
                other = 2 * (length - 1) - other
            matrix[place, other] += weight / sum(weights)
    return matrix


def gaussian_blur(image, *, sigma, radius):
    height, width = image.shape
    down, across = blurring(height, sigma, radius), blurring(width, sigma, radius)
    return (down @ image @ across.T).astype(image.dtype)

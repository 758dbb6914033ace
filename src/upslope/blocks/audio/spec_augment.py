"""SpecAugment: hide parts of a spectrogram in training, so that a recogniser relies on no single sound of a word.

D. S. Park, W. Chan, Y. Zhang, C.-C. Chiu, B. Zoph, E. D. Cubuk, Q. V. Le, "SpecAugment: A Simple Data Augmentation
Method for Automatic Speech Recognition", 2019, https://arxiv.org/abs/1904.08779. One mask of each kind; time warping,
which their table 5 finds to matter least, is left out.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def spec_augment(
    x: Float[Tensor, "B F T"], *, freq_width: int, time_width: int, generator: torch.Generator, fill: float = 0.0
) -> Float[Tensor, "B F T"]:
    """Hide a band of frequencies and a span of time in each spectrogram: what is hidden becomes `fill`.

    The band is w of the F rows, whole: w is one of 0, 1, ..., freq_width, each as likely, and the first row one of 0,
    ..., F - w, each as likely. The span is as many of the T columns, with time_width. Each sample draws its own four
    numbers from `generator`. A width of more than there is raises a ValueError that says "freq_width=9 of 8 bands" or
    "time_width=9 of 8 frames". x itself and its dtype stay as they are. If rows 1 and 2 are hidden, and no column, the
    column [5, 6, 7, 8] becomes [5, 0, 0, 8]. Park et al. 2019, section 2.
    """
    size, bands, frames = x.shape
    # What is hidden must fit.
    if freq_width > bands:
        raise ValueError(f"freq_width={freq_width} of {bands} bands")
    if time_width > frames:
        raise ValueError(f"time_width={time_width} of {frames} frames")
    hidden = torch.zeros(x.shape, dtype=torch.bool)
    for axis, widest in ((1, freq_width), (2, time_width)):
        length = x.shape[axis]
        # How many rows or columns: every number up to the widest, both ends included, for each sample by itself.
        width = torch.randint(0, widest + 1, (size, 1), generator=generator)
        # Where the first one is: anywhere from which all of them fit.
        start = (torch.rand((size, 1), generator=generator) * (length - width + 1)).long()
        # Those from the first one on, as many as were drawn.
        place = torch.arange(length)
        inside = (place >= start) & (place < start + width)  # (B, length)
        # Whole rows, or whole columns: the other axis is 1 and broadcasts.
        hidden |= inside.unsqueeze(3 - axis)
    return x.masked_fill(hidden.to(x.device), fill)

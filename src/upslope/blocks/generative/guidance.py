"""Classifier-free guidance: away from what could be anything, towards what was asked for.

J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance", 2022, https://arxiv.org/abs/2207.12598.
"""

from jaxtyping import Float
from torch import Tensor


def guided(asked: Float[Tensor, "B *S"], anything: Float[Tensor, "B *S"], *, guidance: float) -> Float[Tensor, "B *S"]:
    """(1 + w) * asked - w * anything, with w = guidance: what a network predicts with the class, moved on by w times
    its difference from what the same network predicts without.

    0 gives `asked`, -1 gives `anything`, and what lies between them is a mixture; above 0 samples become more typical
    of their class and less different from each other. (Others count a scale of 1 + w, which is 1 for no guidance.) For
    asked [[3]], anything [[1]] and w = 1.5 it is 2.5 * 3 - 1.5 * 1 = [[6]]. Ho and Salimans 2022, equation 6.
    """
    # What the class adds: the direction from any image towards one of the class.
    difference = asked - anything
    # Beyond the prediction for the class, w times as far again.
    return asked + guidance * difference

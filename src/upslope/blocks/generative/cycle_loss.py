"""Cycle consistency: an image that was translated, and translated back, is the image again.

J.-Y. Zhu, T. Park, P. Isola, A. Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", 2017, https://arxiv.org/abs/1703.10593, section 3.2.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor


def cycle_loss(
    x: Float[Tensor, "..."],
    y: Float[Tensor, "..."],
    *,
    fake_x: Float[Tensor, "..."],
    fake_y: Float[Tensor, "..."],
    to_x: Callable[[Tensor], Tensor],
    to_y: Callable[[Tensor], Tensor],
) -> Float[Tensor, ""]:
    """mean |to_x(to_y(x)) - x| + mean |to_y(to_x(y)) - y|: both ways there and back, in absolute differences.

    x and y are images of two kinds, of which there may be different numbers. fake_y = to_y(x) and fake_x = to_x(y) are
    given, because the adversarial losses need them as well: each generator is called once here. Gradients reach both
    generators on both ways. With to_y(t) = 2 t and to_x(t) = t + 1, x = [1] and y = [3] the translations are [2] and
    [4], and back again [3] and [8]; the loss is |3 - 1| + |8 - 3|, which is 7. Zhu et al. 2017, equation 2.
    """
    # There and back: the translation is read by the other generator, and the original must come out.
    first = (to_x(fake_y) - x).abs().mean()
    # The same beginning on the other side.
    second = (to_y(fake_x) - y).abs().mean()
    return first + second

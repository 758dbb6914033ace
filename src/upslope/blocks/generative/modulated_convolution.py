"""Modulated convolution: each sample has kernels of its own, scaled by its style and then brought back to unit length.

T. Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2019, https://arxiv.org/abs/1912.04958,
section 2.2 and appendix B.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor


def modulated_convolution(
    x: Float[Tensor, "B I H W"],
    weight: Float[Tensor, "O I K K"],
    style: Float[Tensor, "B I"],
    *,
    convolve: Callable[[Tensor, Tensor], Tensor],
    demodulate: bool = True,
    epsilon: float = 1e-8,
) -> Float[Tensor, "B O H2 W2"]:
    """Each sample convolved with kernels of its own: w'[o, i] = style[i] w[o, i], divided by their length over i.

    The divisor of output channel o is sqrt(sum of w'[o]^2 over i and both kernel axes + epsilon), for each sample; with
    `demodulate=False` there is none. `convolve(x, weight)` is any convolution of maps without a bias: padded to the
    same size, transposed, blurred afterwards. It is called once for the whole batch, with the weights as they came. For
    one pixel of two channels [1, 1], weights [3, 4] and style [1, 0] the kernel is [3, 0], of length 3, and the result
    is 3 / 3 = 1; without demodulation it is 3. Karras et al. 2019, equations 1 and 3.
    """
    # To scale a kernel's input channels is to scale the input's channels: no sample needs kernels of its own.
    y = convolve(x * style[:, :, None, None], weight)
    if not demodulate:
        return y
    # The squared length of the modulated kernels, for each sample and output channel.
    energy = style.square() @ weight.square().sum(dim=(2, 3)).T  # (B, O)
    # To scale a kernel is to scale the output channel that it makes.
    return y * (energy + epsilon).rsqrt()[:, :, None, None]

"""What a painting's features have to do with each other, wherever they are: the Gram matrix, a description of style.

L. Gatys, A. Ecker, M. Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016, section 2.2, and
"A Neural Algorithm of Artistic Style", 2015, https://arxiv.org/abs/1508.06576. Scaled as J. Johnson, A. Alahi, L.
Fei-Fei do, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", 2016,
https://arxiv.org/abs/1603.08155, equation 3.
"""

from jaxtyping import Float
from torch import Tensor


def gram_matrix(features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C C"]:
    """G[b, i, j] = sum over y, x of F[b, i, y, x] F[b, j, y, x], over C H W; of each picture of a batch its own.

    How strongly feature map i is where feature map j is: places are summed away, so what is left says which features
    come together, not where. G is symmetric, and moving the columns or rows of all maps about does not change it. The
    division makes matrices of pictures of different sizes comparable. With maps [[1, 2]] and [[3, 4]] of one picture
    (C = 2, H = 1, W = 2) the sums are 1 + 4 = 5, 3 + 8 = 11 and 9 + 16 = 25, and G is [[1.25, 2.75], [2.75, 6.25]].
    The mean is not taken off: G is no covariance. Same dtype as the features, differentiable. What has not four
    dimensions is refused: ValueError says "features of shape (2, 5)". Johnson et al. 2016, equation 3.
    """
    if features.ndim != 4:
        raise ValueError(f"features of shape {tuple(features.shape)}: (B, C, H, W) is wanted")
    batch, channels, height, width = features.shape
    # Each map as one row: (B, C, H W). The batch stays apart.
    rows = features.reshape(batch, channels, height * width)
    # Every row times every row of the same picture.
    products = rows @ rows.transpose(1, 2)
    # As many terms as there are places, and as many maps as there are: divided by both.
    return products / (channels * height * width)

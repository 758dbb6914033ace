"""Cross-entropy with smoothed labels.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer Vision",
2015, https://arxiv.org/abs/1512.00567, section 7.
"""

from jaxtyping import Float, Int
from torch import Tensor


def smoothed_cross_entropy(
    logits: Float[Tensor, "B K"], labels: Int[Tensor, " B"], *, smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """The mean over the batch of -sum_k q_k log p_k, with p = softmax(logits).

    The wanted distribution q gives 1 - smoothing to the label and spreads smoothing evenly over all K classes, the
    label's own among them. Logits of +-1000 give no nan. For logits [0, ln 3], label 1 and smoothing 0.2 it is
    0.9 * ln(4/3) + 0.1 * ln 4 = 0.3975. Smoothing outside of [0, 1) is refused: ValueError says "smoothing=1.5 is not
    in [0, 1)". Szegedy et al. 2015, section 7.
    """
    # With a smoothing of 1 the label would not count at all.
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing={smoothing} is not in [0, 1)")
    # Logarithms of the probabilities, (B, K), by a sum of exponentials that cannot overflow.
    log_p = logits - logits.logsumexp(dim=1, keepdim=True)
    # The label's own share, and the mean over all classes, which is what an even spread asks for.
    of_label = log_p.gather(1, labels[:, None]).squeeze(1)
    evenly = log_p.mean(dim=1)
    # Mixed, made positive, and averaged over the batch.
    return -((1 - smoothing) * of_label + smoothing * evenly).mean()

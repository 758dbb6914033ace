"""Losses for embeddings: vectors whose distances are to say whether two pictures show the same person.

- F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet: A Unified Embedding for Face Recognition and Clustering", 2015,
  https://arxiv.org/abs/1503.03832: triplets. Which ones to take from a batch is as in A. Hermans, L. Beyer, B. Leibe,
  "In Defense of the Triplet Loss for Person Re-Identification", 2017, https://arxiv.org/abs/1703.07737.
- J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", 2019,
  https://arxiv.org/abs/1801.07698: a classifier of the training people, made harder by a margin on the sphere.

Left out: semi-hard triplets, ArcFace's several centers for each person, and its margins that multiply or come later.
"""

import math

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def triplet_loss(
    embeddings: Float[Tensor, "B D"], labels: Int[Tensor, " B"], *, margin: float = 0.2
) -> Float[Tensor, ""]:
    """The mean over anchors a of max(0, d(a, p) - d(a, n) + margin), with d the squared Euclidean distance.

    Each sample is an anchor once, with its hardest triplet in the batch: p is the farthest sample that has its label,
    n the nearest of all that have another. A sample that is alone with its label is no anchor. Without any anchor, and
    in a batch of a single label, the loss is 0. Embeddings that are equal give no nan, forward or backward. With labels
    0, 0, 1 and a margin of 4 the loss of [[0], [1], [3]] is 0.5: the first costs 1 - 9 + 4 < 0, so 0, the second
    1 - 4 + 4 = 1, the third is no anchor. Schroff et al. 2015, equation 2; Hermans et al. 2017, equation 5.
    """
    # Squared distances of all pairs, (B, B), and which of them are of one label.
    distances = (embeddings[:, None] - embeddings[None]).square().sum(dim=2)
    same = labels[:, None] == labels[None]
    # The hardest positive is the farthest; to itself each sample is nearest, so that one never stands in the way.
    positive = distances.masked_fill(~same, -math.inf).amax(dim=1)
    # The hardest negative is the nearest.
    negative = distances.masked_fill(same, math.inf).amin(dim=1)
    # Who is alone with a label has no positive but itself, and does not count.
    anchors = same.sum(dim=1) > 1
    losses = (positive - negative + margin)[anchors].relu()
    return losses.mean() if len(losses) else losses.sum()


def arcface_logits(
    embeddings: Float[Tensor, "B D"],
    centers: Float[Tensor, "K D"],
    labels: Int[Tensor, " B"],
    *,
    margin: float = 0.5,
    scale: float = 64.0,
    easy_margin: bool = False,
) -> Float[Tensor, "B K"]:
    """Logits for a cross-entropy: scale * cos(theta_k), where theta_k is the angle from a sample to the center of k.

    Lengths count for nothing. For the sample's own label the angle is made larger by `margin`, in radians:
    cos(theta + margin). Where theta > pi - margin this would rise again; there it is cos(theta) - margin sin(margin),
    which goes on falling. With `easy_margin` only samples nearer than 90 degrees get the margin, cos(theta) > 0; for
    the others it stays cos(theta). At cos(theta) = 1 and -1 logits and gradients stay finite. A margin outside of
    [0, pi) is refused: ValueError says "margin=4 is not in [0, pi)". With centers [[1, 0], [0, 2]], label 0, a margin
    of pi/3 and a scale of 2 the embedding [3, 0] makes [2 cos(60 degrees), 2 cos(90 degrees)], which is [1, 0].
    Deng et al. 2019, equation 3.
    """
    if not 0 <= margin < math.pi:
        raise ValueError(f"margin={margin:g} is not in [0, pi)")
    # Cosines of all angles: products of vectors of length 1.
    cosines = F.normalize(embeddings) @ F.normalize(centers).T
    own = cosines.gather(1, labels[:, None])
    # cos(theta + m) = cos(theta) cos(m) - sin(theta) sin(m). The root has no slope at 0, so it never gets there.
    sines = (1 - own.square()).clamp(min=1e-12).sqrt()
    moved = own * math.cos(margin) - sines * math.sin(margin)
    # Where the margin would lead beyond 180 degrees, a straight line takes its place.
    moved = moved.where(own > -math.cos(margin), own - margin * math.sin(margin))
    if easy_margin:
        moved = moved.where(own > 0, own)
    # Each row's own cosine is replaced.
    return scale * cosines.scatter(1, labels[:, None], moved)

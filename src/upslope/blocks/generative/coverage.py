"""Which real images a generator reaches, and how crowded its images are among them: coverage and density.

M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi, J. Yoo, "Reliable Fidelity and Diversity Metrics for Generative Models", 2020,
https://arxiv.org/abs/2002.09797, section 3. Around the features of each real image lies a ball that just reaches its
k-th nearest real neighbor: small where real images are many, large where they are rare. A generated image inside of
it looks like that real one.
"""

import torch
from jaxtyping import Float
from torch import Tensor

ROWS = 1000  # real images at a time: a table of 10,000 x 10,000 distances would take 800 MB


def coverage(real: Float[Tensor, "N D"], generated: Float[Tensor, "M D"], *, neighbors: int = 5) -> float:
    """The share of real images that have a generated image near by, in [0, 1].

    Each row of `real` and `generated` holds the features of one image. Near means: not farther from the real image than
    its k-th nearest other real image, with k = `neighbors` and Euclidean distances, computed in float64. For the real
    features [0], [1], [3], [7] and k = 1 the nearest others are 1, 1, 2 and 4 away; of the generated [0.5] and [2.5]
    one is near each of the first three, and the coverage is 3 / 4. At least `neighbors` + 1 real images are needed: of
    4 with k = 5, ValueError says "4 real images". Naeem et al. 2020, equation 7.
    """
    # Each real image needs k others.
    if len(real) <= neighbors:
        raise ValueError(f"{len(real)} real images do not have {neighbors} neighbors each")
    real, generated = real.double(), generated.double()
    covered = 0
    for some in torch.split(real, ROWS):
        # The distance from each real image to its k-th neighbor. The nearest of all is itself, so one more is counted.
        radius = torch.cdist(some, real).kthvalue(neighbors + 1).values
        # The distance to the nearest generated image: is it inside?
        nearest = torch.cdist(some, generated).amin(dim=1)
        covered += int((nearest <= radius).sum())
    return covered / len(real)


def density(real: Float[Tensor, "N D"], generated: Float[Tensor, "M D"], *, neighbors: int = 5) -> float:
    """How many balls of real images a generated image lies in, over k = `neighbors`; about 1 for more real images.

    Far from all real images it is 0. Above 1 the generated images crowd where real ones are many, as those of a
    generator do that leaves out what is rare. For the real features [0], [1], [3], [7], k = 1 and the generated [0.5]
    and [2.5]: the first lies in the balls of [0] and [1], the second in that of [3], together 3, and the density is
    3 / (1 * 2) = 1.5. Refuses what `coverage` refuses. Naeem et al. 2020, equation 6.
    """
    if len(real) <= neighbors:
        raise ValueError(f"{len(real)} real images do not have {neighbors} neighbors each")
    real, generated = real.double(), generated.double()
    inside = 0
    for some in torch.split(real, ROWS):
        radius = torch.cdist(some, real).kthvalue(neighbors + 1).values
        inside += int((torch.cdist(some, generated) <= radius[:, None]).sum())
    return inside / (neighbors * len(generated))

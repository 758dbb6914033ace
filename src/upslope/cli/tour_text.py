"""What the tour says and types: a wrong and a right softmax, neither of them copied from the library."""

STEP, LAB = "softmax", "digits"

WHAT = (
    "Upslope teaches deep learning by letting you write it: you fill in functions of a real library, its own checks "
    "grade your code, and the networks that you train afterwards run on what you wrote."
)

IDEA = (
    "A network ends in scores, any real numbers. Softmax makes them probabilities:",
    "p_i = exp(x_i) / sum_j exp(x_j)        scores {scores} become {probabilities}",
    "There is a trap. exp({large}) is too large for a computer ({overflow}), and inf / inf is not a number.",
    "Only differences of scores matter, so the largest may be taken away from all of them first.",
)

_HEAD = '''"""An answer to softmax."""

import numpy as np

from upslope.scratch.tensor import Tensor


'''

# What most people write first: right on paper, nan for scores of 1000.
WRONG_CODE = """\
def softmax(x: Tensor, dim: int = -1) -> Tensor:
    powers = np.exp(x.data)
    p = powers / np.sum(powers, axis=dim, keepdims=True)

    def back(g):
        average = np.sum(p * g, axis=dim, keepdims=True)
        return p * (g - average)

    return x.then(p, back)
"""

RIGHT_CODE = WRONG_CODE.replace(
    "    powers = np.exp(x.data)\n",
    "    highest = np.max(x.data, axis=dim, keepdims=True)\n    powers = np.exp(x.data - highest)\n",
)

WRONG, RIGHT = _HEAD + WRONG_CODE, _HEAD + RIGHT_CODE

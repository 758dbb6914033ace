"""What the tour says and types: a wrong and a right relu, neither of them copied from the library."""

STEP, LAB = "relu", "digits"

WHAT = (
    "Upslope teaches deep learning by letting you write it: you fill in functions of a real library, its own checks "
    "grade your code, and the networks that you train afterwards run on what you wrote."
)

IDEA = (
    "A layer takes weighted sums, and weighted sums of weighted sums are only weighted sums.",
    "So a nonlinearity stands between two layers. The simplest sets what is below zero to 0:",
    "relu(x) = max(0, x)        {numbers} become {cut}",
    "To learn, a network sends a gradient g back: how the loss changes with each number.",
    "So your function says two things: what goes forward, and what of g goes back.",
)

_HEAD = '''"""An answer to relu."""

import numpy as np

from upslope.scratch.tensor import Tensor


'''

# What many people write first: the way forward is right, and the way back forgets what was cut.
WRONG_CODE = """\
def relu(x: Tensor) -> Tensor:
    forward = np.maximum(0, x.data)

    def back(g):
        return g

    return x.then(forward, back)
"""

RIGHT_CODE = WRONG_CODE.replace("        return g\n", "        return np.where(x.data > 0, g, 0)\n")

WRONG, RIGHT = _HEAD + WRONG_CODE, _HEAD + RIGHT_CODE

"""A neural network of Values in pure Python: neurons, layers of neurons, layer after layer, and gradient descent."""

import random
from collections.abc import Sequence
from itertools import pairwise

from upslope.scratch.scalar import Number, Value, dot, logsumexp

Numbers = Sequence[Value | Number]


class Neuron:
    """A weighted sum of its inputs plus a bias."""

    def __init__(self, inputs: int, *, rng: random.Random) -> None:
        # Spread so that the sum over all inputs is about as large as one input.
        self.weights = [Value(rng.gauss(0, (2 / inputs) ** 0.5)) for _ in range(inputs)]
        self.bias = Value(0.0)

    def __call__(self, inputs: Numbers) -> Value:
        return dot(self.weights, inputs, self.bias)

    def parameters(self) -> list[Value]:
        return [*self.weights, self.bias]


class Layer:
    """Neurons side by side, all looking at the same inputs."""

    def __init__(self, inputs: int, outputs: int, *, rng: random.Random) -> None:
        self.neurons = [Neuron(inputs, rng=rng) for _ in range(outputs)]

    def __call__(self, inputs: Numbers) -> list[Value]:
        return [neuron(inputs) for neuron in self.neurons]

    def parameters(self) -> list[Value]:
        return [p for neuron in self.neurons for p in neuron.parameters()]


class MLP:
    """Layers one after the other, with a relu between them: MLP(64, 32, 10) takes 64 numbers to 10 scores."""

    def __init__(self, *sizes: int, rng: random.Random) -> None:
        self.layers = [Layer(n_in, n_out, rng=rng) for n_in, n_out in pairwise(sizes)]

    def __call__(self, inputs: Numbers) -> list[Value]:
        for layer in self.layers[:-1]:
            inputs = [value.relu() for value in layer(inputs)]
        return self.layers[-1](inputs)

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]


def cross_entropy(scores: Sequence[Value], target: int) -> Value:
    """-log of the softmax probability of the right class: log sum exp of all scores, minus the right one."""
    return logsumexp(scores) - scores[target]


class SGD:
    """Stochastic gradient descent: every parameter goes `lr` times its gradient downhill."""

    def __init__(self, parameters: Sequence[Value], *, lr: float) -> None:
        self.parameters = parameters
        self.lr = lr

    def step(self) -> None:
        """Move every parameter, and set its gradient back to 0 for the next step."""
        for p in self.parameters:
            p.data -= self.lr * p.grad
            p.grad = 0.0

"""What train_step must do."""

import keras
import numpy as np
import torch
from keras import layers, ops

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, tensor_of, true
from upslope.checks.samples import some
from upslope.twins import steps

WORDS = "w * x with w = 2 on input 3, label 5, half the squared error, a rate of 0.1"


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, np.float32))


def half_square(labels, scores):
    """Half the squared error of each sample."""
    return 0.5 * ops.sum(ops.square(scores - labels), axis=-1)


def times(w):
    """The model w * x."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[w]])])
    return model


X, Y = [[3.0]], [[5.0]]


def step(model, x=X, y=Y, *, loss=half_square, optimizer=None):
    optimizer = optimizer or keras.optimizers.SGD(0.1)
    return steps.train_step(model, tensor(x), tensor(y), loss=loss, optimizer=optimizer)


def weight(model, number=0):
    return model.weights[number].value.detach()


@grades(steps.train_step)
def test_scalar(rng):
    """a scalar tensor, cut from the graph"""
    out = step(times(2.0))
    tensor_of(out, (), dtype="float32", case=WORDS)
    problem = "the loss still holds the graph of the step, and with it all that the step computed"
    true(not out.requires_grad, problem, case=WORDS)


@grades(steps.train_step)
def test_by_hand(rng):
    """w = 2, input 3, label 5: the loss is 0.5, and a rate of 0.1 leaves w = 1.7"""
    model = times(2.0)
    close(step(model), 0.5, case=f"{WORDS}: the loss before the change")
    close(weight(model), [[1.7]], case=f"{WORDS}: w after the step")


@grades(steps.train_step)
def test_arguments(rng):
    """the loss gets the labels first, then the scores, once"""
    given = []

    def loss(labels, scores):
        given.append([labels.tolist(), scores.tolist()])
        return half_square(labels, scores)

    step(times(2.0), loss=loss)
    equal(given, [[[[5.0]], [[6.0]]]], case=f"{WORDS}: what loss(labels, scores) was given")


@grades(steps.train_step)
def test_old_gradients(rng):
    """gradients that were there before do not count"""
    model = times(2.0)
    model.weights[0].value.grad = tensor([[100.0]])
    step(model)
    close(weight(model), [[1.7]], case=f"{WORDS}, with a gradient of 100 left from before: w after the step")


@grades(steps.train_step)
def test_several_steps(rng):
    """several steps with momentum: every loss and every weight, beside NumPy"""
    w, velocity = some(rng, 3, 1), np.zeros((3, 1))
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, use_bias=False)])
    model.set_weights([w])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    for number in range(1, 4):
        x, y = some(rng, 4, 3), some(rng, 4, 1)
        out = step(model, x, y, optimizer=optimizer)
        off = x @ w - y
        velocity = 0.9 * velocity - 0.1 * x.T @ off / len(x)
        w = w + velocity
        close(out, np.square(off).sum() / 8, case=f"3 inputs, 4 samples, the mean loss of step {number}", rtol=1e-4)
        close(weight(model), w, case=f"3 inputs, weights after step {number}", rtol=1e-4)
    equal(int(optimizer.iterations), 3, case="3 steps, as the optimizer counts them")


@grades(steps.train_step)
def test_in_training(rng):
    """the model is called once, in training mode: batch norm takes and remembers the batch's statistics"""
    norm = layers.BatchNormalization(momentum=0.5, center=False, scale=False)
    model = keras.Sequential([keras.Input((1,)), norm, layers.Dense(1, use_bias=False)])
    model.layers[1].set_weights([np.array([[2.0]])])
    out = step(model, [[1.0], [3.0]], [[0.0], [0.0]])
    close(out, 2.0, case="batch norm, then 2 * x, on 1 and 3, labels 0: the mean loss of -2 and 2", rtol=1e-2)
    close(
        norm.moving_mean.value.detach(),
        [1.0],
        case="batch norm with momentum 0.5 on 1 and 3: the mean that it remembers",
    )


@grades(steps.train_step)
def test_frozen(rng):
    """what does not learn stays as it is"""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False), layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[2.0]]), np.array([[1.0]])])
    model.layers[0].trainable = False
    step(model)
    close(weight(model), [[2.0]], case="2 * x, frozen, then 1 * x, on 3, label 5: the first weight after the step")
    close(weight(model, 1), [[0.4]], case="2 * x, frozen, then 1 * x, on 3, label 5: the second weight after the step")


@grades(steps.train_step)
def test_not_recorded(rng):
    """the optimizer is called once, and nothing is recorded while it moves the weights"""
    recorded = []

    class Noting(keras.optimizers.SGD):  # type: ignore[misc]
        """Writes down whether PyTorch records."""

        def apply(self, grads, trainable_variables=None):
            recorded.append(torch.is_grad_enabled())
            return super().apply(grads, trainable_variables)

    step(times(2.0), optimizer=Noting(0.1))
    equal(recorded, [False], case=f"{WORDS}: whether gradients were recorded, for each call of optimizer.apply")


@grades(steps.train_step)
def test_as_keras(rng):
    """a network with a loss and an optimizer of Keras' own ends where train_on_batch ends"""
    kernel, x, labels = some(rng, 3, 4), some(rng, 5, 3).astype(np.float32), rng.integers(0, 4, 5)
    models = [keras.Sequential([keras.Input((3,)), layers.Dense(4, use_bias=False)]) for _ in range(2)]
    for model in models:
        model.set_weights([kernel])
    losses = [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in models]
    models[1].compile(optimizer=keras.optimizers.Adam(0.01), loss=losses[1], jit_compile=False)
    theirs = models[1].train_on_batch(x, labels)
    out = steps.train_step(
        models[0], tensor(x), ops.convert_to_tensor(labels), loss=losses[0], optimizer=keras.optimizers.Adam(0.01)
    )
    close(out, float(theirs), case="cross-entropy of 5 samples: the loss", rtol=1e-4)
    close(weight(models[0]), weight(models[1]), case="Adam with a rate of 0.01: weights after the step", rtol=1e-4)


wrong(
    steps.train_step,
    {
        "the gradients of earlier steps are never forgotten; they add up": ("model.zero_grad()", "pass"),
        "the gradients are forgotten between backward and the move, so nothing moves": (
            "error.backward()\n",
            "error.backward()\n    model.zero_grad(set_to_none=False)\n",
        ),
        "the model is called as in use: nothing is dropped, batch norm learns nothing": (
            "loss(labels, model(x, training=True))",
            "loss(labels, model(x, training=False))",
        ),
        "scores and labels are handed to the loss the wrong way round, as PyTorch has them": (
            "loss(labels, model(x, training=True))",
            "loss(model(x, training=True), labels)",
        ),
        "the losses of the samples are added up, where the mean is meant": (".mean()", ".sum()"),
        "the loss comes back with its graph: whoever keeps it keeps the whole step in memory": (
            "error.detach()",
            "error",
        ),
        "the loss is computed again, after the change": (
            "return error.detach()",
            "return loss(labels, model(x, training=True)).mean().detach()",
        ),
        "the move is made twice": (
            "torch.no_grad():\n        optimizer",
            "torch.no_grad():\n        optimizer.apply(gradients, variables)\n        optimizer",
        ),
        "the move itself is recorded": ("torch.no_grad()", "torch.enable_grad()"),
    },
)

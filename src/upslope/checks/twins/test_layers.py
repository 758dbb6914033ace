"""What PositionEmbedding must do."""

import keras
import numpy as np
import torch
from keras import ops

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, raises, true
from upslope.checks.samples import some
from upslope.twins import layers

SIZES = ((2, 3, 4, 5), (1, 1, 2, 3), (4, 5, 3, 5))  # batch, places, numbers, context
TABLE = np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])


def holding(context, table):
    """A layer that has been built for what is as wide as the table, with these numbers in it."""
    layer = layers.PositionEmbedding(context)
    layer.build((None, None, np.shape(table)[1]))
    layer.set_weights([np.asarray(table)])
    return layer


def tensor(array):
    return ops.convert_to_tensor(np.asarray(array, np.float32))


@grades(layers.PositionEmbedding)
def test_weights(rng):
    """build makes one weight that learns, embeddings, (context, D); before it there is none"""
    layer, case = layers.PositionEmbedding(7), "PositionEmbedding(7)"
    equal(len(layer.weights), 0, case=f"{case}: weights before it has seen a shape")
    layer.build((None, 5, 4))
    case = f"{case} built for (None, 5, 4)"
    equal([tuple(weight.shape) for weight in layer.weights], [(7, 4)], case=f"{case}: shapes of its weights")
    equal([weight.name for weight in layer.trainable_weights], ["embeddings"], case=f"{case}: weights that learn")


@grades(layers.PositionEmbedding)
def test_drawn(rng):
    """the weight is drawn from a normal distribution with the standard deviation 0.02"""
    layer = layers.PositionEmbedding(100)
    layer.build((None, 100, 60))
    numbers = layer.weights[0].value.detach().double().numpy()
    case = "the 6,000 first numbers of PositionEmbedding(100), built for 60: "
    close(numbers.std(), 0.02, case=case + "standard deviation", rtol=0.06)
    close(numbers.mean(), 0.0, case=case + "mean", atol=0.002)
    # Even ones end at 1.7 standard deviations.
    true(float(abs(numbers).max()) > 0.045, "no number lies far out, as of a normal distribution some do", case=case)


@grades(layers.PositionEmbedding)
def test_by_hand(rng):
    """rows [10, 20] and [30, 40]: [[[1, 2], [3, 4]]] becomes [[[11, 22], [33, 44]]]"""
    found = holding(3, TABLE)(tensor([[[1, 2], [3, 4]]]))
    close(found, [[[11, 22], [33, 44]]], case="context 3, table [[10, 20], [30, 40], [50, 60]] on [[[1, 2], [3, 4]]]")


@grades(layers.PositionEmbedding)
def test_random(rng):
    """random numbers: x plus the first T rows, the same for every sample"""
    for batch, places, numbers, context in SIZES:
        x, table = some(rng, batch, places, numbers), some(rng, context, numbers)
        case = f"context {context} on numbers of shape {x.shape}"
        close(holding(context, table)(tensor(x)), x + table[:places], case=case)


@grades(layers.PositionEmbedding)
def test_gradient(rng):
    """a place's row gets the gradients of all samples, added up; rows behind the text 0; x the gradient"""
    layer, x = holding(3, TABLE), tensor(some(rng, 4, 2, 2)).requires_grad_()
    g = some(rng, 4, 2, 2)
    (layer(x) * tensor(g)).sum().backward()
    case = "context 3 on 4 samples of 2 places: gradient of "
    close(x.grad, g, case=case + "x")
    wanted = np.concatenate([g.sum(axis=0), np.zeros((1, 2))])
    close(layer.trainable_weights[0].value.grad, wanted, case=case + "the table")


@grades(layers.PositionEmbedding)
def test_unchanged(rng):
    """x itself stays as it is, and a second call gives the same"""
    layer, numbers = holding(3, TABLE), some(rng, 2, 3, 2)
    x = tensor(numbers)
    first, second = layer(x).detach().clone(), layer(x)
    close(x, numbers, case="context 3: x after two calls")
    close(second, first, case="context 3: the second call on the same x")


@grades(layers.PositionEmbedding)
def test_too_long(rng):
    """more than context places raise a ValueError that says both; exactly context are fine"""
    layer = holding(3, TABLE)
    long = tensor(np.zeros((2, 5, 2)))
    raises(ValueError, lambda: layer(long), case="context 3 on 5 places", says=["5 places", "context=3"])
    close(layer(long[:, :3]), [TABLE, TABLE], case="context 3 on 3 places of zeros")


@grades(layers.PositionEmbedding)
def test_any_length(rng):
    """in a model whose texts have any length it takes them as they come"""
    asked = keras.Input((None, 2))
    layer = layers.PositionEmbedding(3)
    model = keras.Model(asked, layer(asked))
    equal(tuple(model.output.shape), (None, None, 2), case="a model of inputs (None, None, 2): shape of its output")
    layer.set_weights([TABLE])
    for places in (1, 3):
        found = model(tensor(np.zeros((1, places, 2))))
        close(found, [TABLE[:places]], case=f"a model of inputs (None, None, 2) on {places} places of zeros")


@grades(layers.PositionEmbedding)
def test_half(rng):
    """the result has the dtype of the layer: a layer of 16 bits gives 16 bits"""
    layer = layers.PositionEmbedding(3, dtype="bfloat16")
    found = layer(tensor(np.zeros((1, 2, 2))))
    equal(found.dtype == torch.bfloat16, True, case='PositionEmbedding(3, dtype="bfloat16"): bfloat16 comes back')


wrong(
    layers.PositionEmbedding,
    {
        "the table begins at 0, so that nothing tells the places apart": (
            "keras.initializers.RandomNormal(stddev=0.02)",
            "keras.initializers.Zeros()",
        ),
        "the table is never learned": ('name="embeddings")', 'name="embeddings", trainable=False)'),
        "the last T rows are added, where the first belong to the first places": (
            "self.embeddings[:length]",
            "self.embeddings[self.context - length :]",
        ),
        "only the rows come back, without x": ("x + self.embeddings[:length]", "0 * x + self.embeddings[:length]"),
        "the rows are added into x itself, which others still need": (
            "return x + self.embeddings[:length]",
            "x += self.embeddings[:length]\n        return x",
        ),
        "the whole table is added, which fits texts of one length only": (
            "self.embeddings[:length]",
            "self.embeddings",
        ),
        "as many rows are taken as the batch has samples": ("ops.shape(x)[1]", "ops.shape(x)[0]"),
        "a text as long as context is refused": ("length > self.context", "length >= self.context"),
    },
)

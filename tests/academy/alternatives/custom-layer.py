"""The weight made with everything said, the rows taken by a slice of keras.ops, the refusal in a method of its own."""

from typing import Any

import keras
from keras import layers, ops


class PositionEmbedding(layers.Layer):
    def __init__(self, context: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context = context

    def build(self, shape: tuple[int | None, ...]) -> None:
        drawn = keras.initializers.RandomNormal(mean=0.0, stddev=0.02)
        width = int(shape[-1])
        self.table = self.add_weight(
            name="embeddings", shape=[self.context, width], initializer=drawn, dtype=self.variable_dtype, trainable=True
        )
        super().build(shape)

    def refuse(self, places: Any) -> None:
        if type(places) is int and places > self.context:
            raise ValueError(f"a text of {places} places: {places} places are more than context={self.context}")

    def call(self, x: Any) -> Any:
        places = x.shape[1]
        self.refuse(places)
        rows = ops.slice(self.table, (0, 0), (places, self.table.shape[1]))
        return ops.add(x, ops.cast(ops.expand_dims(rows, 0), x.dtype))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(shape)

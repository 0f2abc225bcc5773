"""How many floating point operations a training step takes."""

import keras
import numpy as np


def weighted(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of both halves that multiply: convolutions, dense layers."""
    halves = model.encoder.layers + model.decoder.layers
    return [layer for layer in halves if hasattr(layer, "kernel")]


def operations(layers: list[keras.layers.Layer]) -> int:
    """Return the floating point operations of a step for one image.

    A product and a sum are two; a gradient by the input and one by the weights cost as
    much as the layer itself, and the first layer has no gradient by its input.
    """
    total = 0
    for number, layer in enumerate(layers):
        places = layer.input if "Transpose" in type(layer).__name__ else layer.output
        products = np.prod(layer.kernel.shape) * np.prod(places.shape[1:-1])
        total += 2 * int(products) * (2 if number == 0 else 3)
    return total

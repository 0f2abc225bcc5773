"""A decoder as text that a page of JavaScript can run.

Weights are rounded to eight bits, with one step for each output channel, a mean image
to a fifth of a HU.
"""

import base64
from typing import Any

import keras
import numpy as np

_MEAN_STEPS = 8192  # in a model unit: 0.2 HU, and room for 4 model units
_ACTIVATIONS = ("linear", "relu", "leaky_relu", "tanh", "sigmoid")


def exported(decoder: keras.Model, mean_image: np.ndarray | None) -> dict[str, Any]:
    """Describe a decoder for `explorer.js`.

    Args:
        decoder: from (n, latents) to (n, side, side, 1), model units; of `Dense`,
            `Reshape` and `Conv2DTranspose` layers.
        mean_image: (side, side, 1) to be added, model units, or None.

    Returns:
        Numbers, lists and text: `latents`, `side`, `layers`, and `mean` if given.

    Raises:
        ValueError: if the script cannot run such a decoder.

    Taught in: chapter 6.
    """
    model = {
        "latents": int(decoder.input_shape[-1]),
        "side": int(decoder.output_shape[1]),
        "layers": [],
    }
    if decoder.output_shape[1:] != (model["side"], model["side"], 1):
        raise ValueError(
            "the decoder must give square images of one channel, got shape "
            f"{decoder.output_shape[1:]}"
        )
    if mean_image is not None:
        fine = np.ravel(mean_image) * _MEAN_STEPS  # sixteen bits for what all share
        model["mean"] = _base64(np.rint(fine).astype("<i2"))
        model["mean_steps"] = _MEAN_STEPS
    for layer in decoder.layers:
        if isinstance(layer, keras.layers.Dense):
            model["layers"].append({"kind": "dense", **_weights(layer)})
        elif isinstance(layer, keras.layers.Conv2DTranspose):
            model["layers"].append({"kind": "transposed", **_transposed(layer)})
        elif not isinstance(layer, keras.layers.InputLayer | keras.layers.Reshape):
            raise ValueError(
                "the decoder may consist of Dense, Reshape and Conv2DTranspose, got "
                f"{type(layer).__name__}: build it from these"
            )
    return model


def _transposed(layer: keras.layers.Conv2DTranspose) -> dict[str, Any]:
    sides, kernel, strides = layer.input.shape[1:3], layer.kernel_size, layer.strides
    if (
        layer.padding != "same"
        or len({*kernel}) > 1
        or len({*strides}) > 1
        or len({*sides}) > 1
        or kernel[0] < strides[0]
    ):
        raise ValueError(
            'Conv2DTranspose must have padding "same", square maps, kernels and '
            "strides, and no stride above the kernel; got "
            f"{layer.padding!r}, {kernel}, {strides}"
        )
    described = {"side": sides[0], "k": kernel[0], "stride": strides[0]}
    return {**described, "filters": layer.filters, **_weights(layer)}


def _weights(layer: keras.layers.Layer) -> dict[str, Any]:
    activation = keras.activations.serialize(layer.activation)
    if activation not in _ACTIVATIONS:
        raise ValueError(
            f"the activation must be one of {', '.join(_ACTIVATIONS)}, got {activation}"
        )
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    if kernel.ndim == 4:  # Keras: (k, k, out, in); the script: (k, k, in, out)
        kernel = kernel.transpose(0, 1, 3, 2)
    channels = kernel.shape[-1]
    bias = np.zeros(channels)
    if layer.use_bias:
        bias = keras.ops.convert_to_numpy(layer.bias)
    whole, step = rounded(kernel)
    return {
        "activation": activation,
        "weights": {"data": _base64(whole), "step": _base64(step)},
        "bias": _base64(bias.astype("<f4")),
    }


def rounded(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round weights to eight bits, with one step for each output channel.

    Args:
        kernel: (..., out) float array.

    Returns:
        int8 array of the shape of `kernel`, from -127 to 127, and the steps, float32
        (out,): their product is the kernel, to half a step.

    Example:
        >>> whole, step = rounded(np.array([[1.0, -4.0], [0.5, 2.0]]))
        >>> whole.tolist()
        [[127, -127], [64, 64]]
    """
    largest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    step = np.where(largest > 0, largest, 1.0).astype("<f4") / np.float32(127)
    return np.rint(kernel / step).astype(np.int8), step.astype("<f4")


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()

"""A Gaussian likelihood whose standard deviation is measured, not chosen."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from . import losses
from .losses import Tensor

SMALLEST_SIGMA = 0.01
"""No standard deviation is taken to be smaller, model units: 14 HU in this course."""

BATCHES = 20
"""The running variance is a mean over about so many batches, the last ones."""


@keras.saving.register_keras_serializable(package="medvae_course")
class FittedGaussian(keras.layers.Layer):
    r"""Negative log-likelihood with the standard deviation that makes it smallest.

    $\sum_i \frac{(x_i-\hat x_i)^2}{2\sigma^2} + \log\sigma$ is smallest where
    $\sigma^2$ is the mean of the squared residuals. While training they are measured:
    for one sigma on the batch, which makes the loss $\frac d2\log\mathrm{MSE}$ up to a
    constant; for one sigma per pixel, where a batch is too few, on the last batches.
    Otherwise sigma is what the last batches of the training had, or what `rescale` made
    of it. No step size of an optimiser is involved.

    Args:
        shape: () for one sigma, or (height, width, channels) for one per pixel.
        **kwargs: those of `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> layer = FittedGaussian()
        >>> x, x_hat = np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 1), 0.5)
        >>> nll = layer([x, x_hat], training=True)
        >>> float(layer.sigma)
        0.5

    Source: Rybkin, Daniilidis and Levine, Simple and effective VAE training with
        calibrated decoders (2021), section 3.3.
    Taught in: chapter 8.
    """

    def __init__(self, shape: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.shape = tuple(shape)
        fixed = {"trainable": False, "dtype": "float32"}
        self.variance = self.add_weight(
            shape=self.shape, initializer="ones", name="variance", **fixed
        )
        self.batches = self.add_weight(
            shape=(), initializer="zeros", name="batches", **fixed
        )
        self.built = True

    @property
    def sigma(self) -> Tensor:
        """The standard deviation in use when not training, model units."""
        return ops.sqrt(self.variance)

    def rescale(self, factor: Tensor) -> None:
        """Multiply the variance by this factor: that of new images over the old."""
        self.variance.assign(_floored(self.variance * factor))

    def call(self, inputs, training=False):
        """Return the nll given [x, x_hat], (batch,), nats per image."""
        x, x_hat = inputs
        sigma = self._measure(x, x_hat) if training else self.sigma
        return losses.gaussian_nll(x, x_hat, sigma=sigma)

    def _measure(self, x: Tensor, x_hat: Tensor) -> Tensor:
        square = ops.square(x - x_hat)
        axis = 0 if self.shape else None
        batch = _floored(ops.mean(square, axis=axis))
        self.batches.assign(ops.minimum(self.batches + 1, BATCHES))
        share = 1 / self.batches
        running = (1 - share) * self.variance + share * batch
        running = ops.stop_gradient(running)
        self.variance.assign(running)
        return ops.sqrt(running if self.shape else batch)

    def compute_output_shape(self, input_shape):
        """Return the shape of the nll: one number per image."""
        return (input_shape[0][0],)

    def get_config(self):
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "shape": self.shape}


def check_likelihood(likelihood: str, sigma: float | str) -> None:
    """Refuse what is no likelihood of `VAE`.

    Args:
        likelihood: `"gaussian"` or `"bernoulli"`.
        sigma: a positive number, model units, `"optimal"` or `"per pixel"`.

    Raises:
        ValueError: if one of them is none of these.
    """
    if likelihood not in ("gaussian", "bernoulli"):
        raise ValueError(
            f"`likelihood` must be 'gaussian' or 'bernoulli', got {likelihood!r}"
        )
    if isinstance(sigma, str):
        if sigma not in ("optimal", "per pixel"):
            raise ValueError(
                f"`sigma` must be a number, 'optimal' or 'per pixel', got {sigma!r}"
            )
        if likelihood == "bernoulli":
            raise ValueError("a Bernoulli likelihood has no `sigma` to be measured")
    elif not sigma > 0:
        raise ValueError(f"`sigma` must be positive, got {sigma}: model units")


def _floored(variance: Tensor) -> Tensor:
    return ops.maximum(variance, SMALLEST_SIGMA**2)

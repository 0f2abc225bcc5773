"""Layers that Keras does not have."""

from typing import Any

import keras
from keras import ops

Tensor = Any
"""A tensor of the backend in use, or an array that becomes one."""


def reparametrise(z_mean: Tensor, z_log_var: Tensor, noise: Tensor) -> Tensor:
    r"""Write a sample of the posterior as a function of its parameters.

    $z = \mu + \sigma\epsilon$, so that gradients reach $\mu$ and $\sigma$ although
    $\epsilon$ is random.

    Args:
        z_mean: means, (batch, ...).
        z_log_var: logarithms of the variances, shape of `z_mean`.
        noise: draws from the standard normal, shape of `z_mean`.

    Returns:
        Samples, shape of `z_mean`.

    Example:
        >>> import numpy as np
        >>> z = reparametrise(np.ones((1, 2)), np.zeros((1, 2)), np.ones((1, 2)))
        >>> ops.convert_to_numpy(z).tolist()
        [[2.0, 2.0]]

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), section 2.4.
    Taught in: chapter 6.
    """
    return ops.add(z_mean, ops.multiply(ops.exp(0.5 * z_log_var), noise))


@keras.saving.register_keras_serializable(package="medvae_course")
class Sampling(keras.layers.Layer):
    """Draw from the posterior while training, return its mean otherwise.

    The random state belongs to the layer, so that a seed fixes the draws on every
    backend and a saved model continues with the same sequence.

    Args:
        seed: start of the sequence of draws.
        **kwargs: those of `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> z_mean, z_log_var = np.ones((1, 2)), np.zeros((1, 2))
        >>> ops.convert_to_numpy(Sampling(0)([z_mean, z_log_var])).tolist()
        [[1.0, 1.0]]

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), section 2.4.
    Taught in: chapter 6.
    """

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Return a sample given [z_mean, z_log_var], or z_mean when not training."""
        z_mean, z_log_var = inputs
        if not training:
            return z_mean
        noise = keras.random.normal(
            ops.shape(z_mean), dtype=self.compute_dtype, seed=self.seed_generator
        )
        return reparametrise(z_mean, z_log_var, noise)

    def compute_output_shape(self, input_shape):
        """Return the shape of a sample: that of z_mean."""
        return input_shape[0]

    def get_config(self):
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "seed": self.seed}

"""A variational autoencoder that is told something about each image, and made to obey.

Encoder and decoder both see the condition, such as the height of the slice, so the code
need not hold it, and images can be drawn for a condition of one's choice.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from . import losses
from .layers import reparametrise
from .losses import Tensor
from .networks import convolutional_decoder, convolutional_features, posterior_encoder
from .variational import LOG_VAR_RANGE, VAE

CONDITION_UNITS = 32
"""Width of the hidden layer through which the condition enters each half."""


@keras.saving.register_keras_serializable(package="medvae_course")
class ConditionalVAE(VAE):
    r"""A variational autoencoder of images given a condition.

    What `VAE` does, for pairs [images, conditions]: `fit([x, c])`, `evaluate([x, c])`
    and `predict([x, c])`. The loss is the negative of a lower bound of $\log p(x|c)$,
    in nats per image; the prior of the code is the standard normal for every condition.

    Args:
        encoder: model from [images, conditions] to [z_mean, z_log_var].
        decoder: model from [codes, conditions] to images.
        **options: those of `VAE`.

    Source: Sohn, Lee and Yan, Learning structured output representation using deep
        conditional generative models (2015), section 4.
    Taught in: chapter 10.
    """

    # === Verbs ===

    def encode(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return `z_mean` and `z_log_var` of pairs [images, conditions]."""
        z_mean, z_log_var = self.encoder(_tensors(*x))
        return z_mean, ops.clip(z_log_var, *LOG_VAR_RANGE)

    def decode(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return the mean images of codes under conditions (batch, n_conditions)."""
        return self.mean_image(self.decoder(_tensors(z, condition)))

    def reconstruct(self, x: tuple[Tensor, Tensor]) -> Tensor:
        """Return the images of the posterior means of pairs [images, conditions]."""
        return self.decode(self.encode(x)[0], x[1])

    def generate(self, condition: Tensor, *, seed: int) -> Tensor:
        """Return an image for each condition, its code drawn from the prior."""
        latent_dim = self.decoder.input_shape[0][-1]
        z = keras.random.normal((len(condition), latent_dim), seed=seed)
        return self.decode(z, condition)

    def elbo(
        self, x: tuple[Tensor, Tensor], n_samples: int = 1, *, seed: int = 0
    ) -> Tensor:
        """Return the lower bound of log p(x|c) of each pair, (batch,), nats."""
        x = _tensors(*x)
        z_mean, z_log_var = self.encode(x)
        noise = keras.random.normal((n_samples, *ops.shape(z_mean)), seed=seed)
        draws = [reparametrise(z_mean, z_log_var, noise[i]) for i in range(n_samples)]
        nll = sum(self.nll(x[0], self.decoder([z, x[1]])) for z in draws)
        return -nll / n_samples - losses.kl(z_mean, z_log_var)

    # === Training ===

    def call(self, x, training=False):
        """Return reconstruction, posterior and decoder output in a dictionary."""
        x = _tensors(*x)
        z_mean, z_log_var = self.encode(x)
        z = self.sampling([z_mean, z_log_var], training=training)
        decoded = self.decoder([z, x[1]])
        return {
            "x_hat": self.mean_image(decoded),
            "z_mean": z_mean,
            "z_log_var": z_log_var,
            "decoded": decoded,
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the negative evidence lower bound, mean over the batch, nats."""
        image, condition = _tensors(*x)
        if not training:  # decoded from the mean, which would flatter the bound
            z_mean, z_log_var = y_pred["z_mean"], y_pred["z_log_var"]
            noise = keras.random.normal(ops.shape(z_mean), seed=self.seed)
            z = reparametrise(z_mean, z_log_var, noise)
            y_pred = {**y_pred, "decoded": self.decoder([z, condition])}
        return super().compute_loss(image, y, y_pred, sample_weight, training=True)

    # === Config ===

    def compute_output_shape(self, input_shape):
        """Return the shapes of what `call` gives for pairs of these shapes."""
        z_mean, z_log_var = self.encoder.compute_output_shape(input_shape)
        image = self.decoder.compute_output_shape([z_mean, input_shape[1]])
        return {
            "x_hat": image,
            "z_mean": z_mean,
            "z_log_var": z_log_var,
            "decoded": image,
        }


def _tensors(*arrays: Tensor) -> list[Tensor]:
    """Turn all into tensors: Keras takes no list that mixes them with arrays."""
    return [ops.convert_to_tensor(array) for array in arrays]


# === Functional models ===


def conditional_vae(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    n_conditions: int = 1,
    filters: Sequence[int] = (16, 32, 64),
    activation: str = "leaky_relu",
    **options: Any,
) -> ConditionalVAE:
    """Make a convolutional VAE whose halves both see a condition.

    Args:
        image_shape: (height, width, channels), pixels; height and width divisible by
            2 to the power of the number of stages.
        latent_dim: numbers per image in the code.
        n_conditions: numbers per image in the condition; about 0 to 1 each.
        filters: channels after each halving.
        activation: that of the hidden layers.
        **options: `likelihood`, `sigma`, `beta` and `seed` of `VAE`.

    Returns:
        A model that is not compiled.

    Raises:
        ValueError: if the image cannot be halved once per stage.

    Example:
        >>> import numpy as np
        >>> model = conditional_vae((16, 16, 1), 2, filters=(4,))
        >>> tuple(model.generate(np.array([[0.0], [0.5], [1.0]]), seed=0).shape)
        (3, 16, 16, 1)

    Source: Sohn, Lee and Yan, Learning structured output representation using deep
        conditional generative models (2015).
    Taught in: chapter 10.
    """
    image, features = convolutional_features(image_shape, filters, activation)
    condition = keras.Input((n_conditions,))
    told = layers.Dense(CONDITION_UNITS, activation=activation)(condition)
    both = layers.Concatenate()([features, told])
    encoder = posterior_encoder([image, condition], both, latent_dim)

    z, condition = keras.Input((latent_dim,)), keras.Input((n_conditions,))
    told = layers.Dense(CONDITION_UNITS, activation=activation)(condition)
    width = latent_dim + CONDITION_UNITS
    draw = convolutional_decoder(image_shape, width, filters, activation, None)
    drawn = draw(layers.Concatenate()([z, told]))
    decoder = keras.Model([z, condition], drawn, name="conditional_decoder")
    return ConditionalVAE(encoder, decoder, **options)

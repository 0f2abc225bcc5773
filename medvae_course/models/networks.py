"""What autoencoders and variational autoencoders share: halves, and their keeping."""

import math
from typing import Any

import keras
from keras import layers


class EncoderDecoder(keras.Model):
    """A model of two models, saved and loaded with both.

    Args:
        encoder: model from images (batch, height, width, channels) to codes.
        decoder: model from codes to images.
        **kwargs: those of `keras.Model`.

    Source: Keras, `keras.Model.get_config`.
    Taught in: chapter 3.
    """

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.built = True  # all weights exist: `summary` and `count_params` work

    def get_config(self):
        """Return the arguments that make an equal model."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "encoder": serialize(self.encoder),
            "decoder": serialize(self.decoder),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the model that `get_config` described."""
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("encoder", "decoder")
        }
        return cls(**{**config, **parts})


TUNED_INPUTS = 64 * 64
"""Pixels of the images on which the course tuned the rates of its dense networks."""


def dense_features(image_shape, hidden, activation):
    """Return input and last hidden layer of a dense encoder.

    Adam moves each weight by about its rate, so a sum over n pixels moves n times as
    far, and a rate that suits `TUNED_INPUTS` is too large for more of them. With pixels
    c times smaller and first weights c times larger, where c is n in units of
    `TUNED_INPUTS`, the layer computes the same and moves as far as on small images.

    Source: Yang et al., Tuning large neural networks via zero-shot hyperparameter
        transfer (2021): Adam's rate divided by the inputs.
    """
    inputs = keras.Input(tuple(image_shape))
    x = layers.Flatten()(inputs)
    excess = math.prod(image_shape) / TUNED_INPUTS
    first = {}
    if hidden and excess > 1:
        x = layers.Rescaling(1 / excess)(x)
        first["kernel_initializer"] = keras.initializers.VarianceScaling(
            excess**2, mode="fan_avg", distribution="uniform"
        )
    for units in hidden:
        x = layers.Dense(units, activation=activation, **first)(x)
        first = {}
    return inputs, x


def dense_decoder(image_shape, latent_dim, hidden, activation, output_activation):
    """Return a decoder with the hidden layers of the encoder in reverse."""
    inputs = keras.Input((latent_dim,))
    x = inputs
    for units in reversed(hidden):
        x = layers.Dense(units, activation=activation)(x)
    # float32 under every dtype policy: the loss compares this with the image
    x = layers.Dense(
        math.prod(image_shape), activation=output_activation, dtype="float32"
    )(x)
    outputs = layers.Reshape(tuple(image_shape), dtype="float32")(x)
    return keras.Model(inputs, outputs, name="decoder")


def convolutional_features(image_shape, filters, activation):
    """Return input and flat features of an encoder that halves once per stage."""
    _check_divisible(image_shape, len(filters))
    inputs = keras.Input(tuple(image_shape))
    x = inputs
    for channels in filters:
        x = layers.Conv2D(
            channels, 4, strides=2, padding="same", activation=activation
        )(x)
    return inputs, layers.Flatten()(x)


def convolutional_decoder(
    image_shape, latent_dim, filters, activation, output_activation
):
    """Return a decoder that doubles once per stage."""
    height, width, channels = image_shape
    scale = 2 ** len(filters)
    smallest = (height // scale, width // scale, filters[-1])
    inputs = keras.Input((latent_dim,))
    # no activation here: each latent adds its own map before anything is cut off
    x = layers.Dense(math.prod(smallest))(inputs)
    x = layers.Reshape(smallest)(x)
    for width_of_stage in reversed(filters[:-1]):
        x = layers.Conv2DTranspose(
            width_of_stage, 4, strides=2, padding="same", activation=activation
        )(x)
    outputs = layers.Conv2DTranspose(
        channels,
        4,
        strides=2,
        padding="same",
        activation=output_activation,
        dtype="float32",
    )(x)
    return keras.Model(inputs, outputs, name="decoder")


def posterior_encoder(inputs, features, latent_dim):
    """Return a model from images to `z_mean` and `z_log_var`."""
    # float32 under every dtype policy: the KL is computed from these
    heads = [
        layers.Dense(latent_dim, dtype="float32", name=name)(features)
        for name in ("z_mean", "z_log_var")
    ]
    return keras.Model(inputs, heads, name="encoder")


def _check_divisible(image_shape, stages):
    height, width, _ = image_shape
    scale = 2**stages
    if height % scale or width % scale:
        raise ValueError(
            f"height and width must be divisible by 2**{stages} = {scale}, one "
            f"halving per entry of `filters`, got {height} x {width}: crop or pad "
            "the images, or give fewer `filters`"
        )

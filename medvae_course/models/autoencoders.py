"""Autoencoders: linear, dense and convolutional.

`linear_autoencoder`, `dense_autoencoder` and `convolutional_autoencoder` make an
`Autoencoder` of two functional models, which other code may take apart:
`model.encoder` and `model.decoder`.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from .losses import Tensor


@keras.saving.register_keras_serializable(package="medvae_course")
class Autoencoder(keras.Model):
    r"""An encoder $f$ and a decoder $g$; the output is $\hat x = g(f(x))$.

    A plain Keras model: `compile(optimizer, loss="mse")`, then `fit(x)`; without a
    target the input is the target, with one (`fit(noisy, clean)`) it denoises.

    Args:
        encoder: model from images (batch, height, width, channels) to codes.
        decoder: model from codes to images.
        **kwargs: those of `keras.Model`.

    Example:
        >>> import numpy as np
        >>> model = dense_autoencoder((8, 8, 1), 3, hidden=(16,))
        >>> model.compile("adam", loss="mse")
        >>> x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> history = model.fit(x, verbose=0)
        >>> model.reconstruct(x).shape == x.shape
        True

    Source: Goodfellow, Bengio and Courville, Deep Learning (2016), chapter 14.
    Taught in: chapter 3.
    """

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.built = True  # all weights exist: `summary` and `count_params` work

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes of images `x`, (batch, latent_dim)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """Return the images of codes `z`, (batch, height, width, channels)."""
        return self.decoder(z)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return `x` after encoding and decoding, in one batch.

        For arrays that do not fit into memory at once use `predict`, which gives the
        same in batches.
        """
        return self.decode(self.encode(x))

    def call(self, x):
        """Return the reconstruction of `x`."""
        return self.decode(self.encode(x))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compare the output with the target, or with the input where none is given."""
        target = x if y is None else y
        return super().compute_loss(x, target, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Give the compiled metrics the same target as the loss."""
        return super().compute_metrics(x, x if y is None else y, y_pred, sample_weight)

    # === Config ===

    def compute_output_shape(self, input_shape):
        """Return the shape of the reconstruction of a batch of this shape."""
        return self.decoder.compute_output_shape(
            self.encoder.compute_output_shape(input_shape)
        )

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


# === Functional models ===


def linear_autoencoder(image_shape: Sequence[int], latent_dim: int) -> Autoencoder:
    """Make the autoencoder without hidden layers and without activations.

    Trained on squared error it finds the subspace of principal component analysis,
    though not its axes.

    Args:
        image_shape: (height, width, channels), pixels.
        latent_dim: numbers per image in the code.

    Returns:
        A model that is not compiled.

    Example:
        >>> linear_autoencoder((8, 8, 1), 3).count_params()  # 64*3 + 3 + 3*64 + 64
        451

    Source: Baldi and Hornik, Neural networks and principal component analysis (1989).
    Taught in: chapter 3.
    """
    return dense_autoencoder(image_shape, latent_dim, hidden=())


def dense_autoencoder(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    hidden: Sequence[int] = (512,),
    activation: str = "relu",
    output_activation: str | None = None,
) -> Autoencoder:
    """Make an autoencoder of fully connected layers; the decoder mirrors the encoder.

    Args:
        image_shape: (height, width, channels), pixels.
        latent_dim: numbers per image in the code.
        hidden: widths of the encoder's hidden layers.
        activation: that of the hidden layers; the code has none.
        output_activation: that of the image, None for none.

    Returns:
        A model that is not compiled.

    Example:
        >>> dense_autoencoder((64, 64, 1), 32).encoder.output_shape
        (None, 32)

    Source: Hinton and Salakhutdinov, Reducing the dimensionality of data with neural
        networks (2006).
    Taught in: chapter 3.
    """
    inputs, features = dense_features(image_shape, hidden, activation)
    code = layers.Dense(latent_dim, dtype="float32", name="code")(features)
    encoder = keras.Model(inputs, code, name="encoder")
    decoder = dense_decoder(
        image_shape, latent_dim, hidden, activation, output_activation
    )
    return Autoencoder(encoder, decoder)


def convolutional_autoencoder(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    filters: Sequence[int] = (16, 32, 64),
    activation: str = "relu",
    output_activation: str | None = None,
) -> Autoencoder:
    """Make an autoencoder whose stages halve and then double the image.

    Args:
        image_shape: (height, width, channels), pixels; height and width divisible by
            2 to the power of the number of stages.
        latent_dim: numbers per image in the code.
        filters: channels after each halving.
        activation: that of the hidden layers; the code has none.
        output_activation: that of the image, None for none.

    Returns:
        A model that is not compiled.

    Raises:
        ValueError: if the image cannot be halved once per stage.

    Example:
        >>> convolutional_autoencoder((64, 64, 1), 32).decoder.output_shape
        (None, 64, 64, 1)

    Source: Masci et al., Stacked convolutional auto-encoders (2011).
    Taught in: chapter 4.
    """
    inputs, features = convolutional_features(image_shape, filters, activation)
    code = layers.Dense(latent_dim, dtype="float32", name="code")(features)
    encoder = keras.Model(inputs, code, name="encoder")
    decoder = convolutional_decoder(
        image_shape, latent_dim, filters, activation, output_activation
    )
    return Autoencoder(encoder, decoder)


# === Halves, shared with the variational autoencoders ===


def dense_features(image_shape, hidden, activation):
    """Return input and last hidden layer of a dense encoder."""
    inputs = keras.Input(tuple(image_shape))
    x = layers.Flatten()(inputs)
    for units in hidden:
        x = layers.Dense(units, activation=activation)(x)
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
    x = layers.Dense(math.prod(smallest), activation=activation)(inputs)
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


def _check_divisible(image_shape, stages):
    height, width, _ = image_shape
    scale = 2**stages
    if height % scale or width % scale:
        raise ValueError(
            f"height and width must be divisible by 2**{stages} = {scale}, one "
            f"halving per entry of `filters`, got {height} x {width}: crop or pad "
            "the images, or give fewer `filters`"
        )

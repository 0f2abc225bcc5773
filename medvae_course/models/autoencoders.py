"""Autoencoders: linear, dense and convolutional.

`linear_autoencoder`, `dense_autoencoder` and `convolutional_autoencoder` make an
`Autoencoder` of two functional models, which other code may take apart:
`model.encoder` and `model.decoder`.
"""

from collections.abc import Sequence

import keras
from keras import layers

from .losses import Tensor
from .networks import (
    EncoderDecoder,
    convolutional_decoder,
    convolutional_features,
    dense_decoder,
    dense_features,
)


@keras.saving.register_keras_serializable(package="medvae_course")
class Autoencoder(EncoderDecoder):
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

    def compute_output_shape(self, input_shape):
        """Return the shape of the reconstruction of a batch of this shape."""
        return self.decoder.compute_output_shape(
            self.encoder.compute_output_shape(input_shape)
        )


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

    The first hidden layer takes images of more than 64 x 64 numbers in a scale that
    lets one rate of Adam suit images of every size: `networks.dense_features`.

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
    activation: str = "leaky_relu",
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

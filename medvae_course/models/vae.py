"""Variational autoencoders: dense and convolutional.

To load a saved model, import this module first, so that Keras knows its classes:

    import keras
    import medvae_course.models.vae
    model = keras.saving.load_model("vae.keras")
"""

from collections.abc import Sequence
from typing import Any

from .networks import (
    convolutional_decoder,
    convolutional_features,
    dense_decoder,
    dense_features,
    posterior_encoder,
)
from .variational import VAE

__all__ = ["VAE", "convolutional_vae", "dense_vae"]


def dense_vae(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    hidden: Sequence[int] = (512,),
    activation: str = "relu",
    **options: Any,
) -> VAE:
    """Make a variational autoencoder of fully connected layers.

    With `hidden=()` encoder and decoder are linear: probabilistic PCA.

    The first hidden layer takes images of more than 64 x 64 numbers in a scale that
    lets one rate of Adam suit images of every size: `networks.dense_features`.

    Args:
        image_shape: (height, width, channels), pixels.
        latent_dim: numbers per image in the code.
        hidden: widths of the encoder's hidden layers; the decoder mirrors them.
        activation: that of the hidden layers.
        **options: `likelihood`, `sigma`, `beta`, `free_bits` and `seed` of `VAE`.

    Returns:
        A model that is not compiled.

    Example:
        >>> import numpy as np
        >>> model = dense_vae((8, 8, 1), 3, hidden=(16,))
        >>> model.compile("adam")
        >>> x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> sorted(model.fit(x, verbose=0).history)
        ['elbo', 'kl', 'loss', 'reconstruction_nll']
        >>> tuple(model.generate(2, seed=0).shape)
        (2, 8, 8, 1)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix C.
    Taught in: chapter 6.
    """
    encoder = posterior_encoder(
        *dense_features(image_shape, hidden, activation), latent_dim
    )
    decoder = dense_decoder(image_shape, latent_dim, hidden, activation, None)
    return VAE(encoder, decoder, **options)


def convolutional_vae(
    image_shape: Sequence[int],
    latent_dim: int,
    *,
    filters: Sequence[int] = (16, 32, 64),
    activation: str = "leaky_relu",
    **options: Any,
) -> VAE:
    """Make a variational autoencoder whose stages halve and then double the image.

    Args:
        image_shape: (height, width, channels), pixels; height and width divisible by
            2 to the power of the number of stages.
        latent_dim: numbers per image in the code.
        filters: channels after each halving.
        activation: that of the hidden layers.
        **options: `likelihood`, `sigma`, `beta`, `free_bits` and `seed` of `VAE`.

    Returns:
        A model that is not compiled.

    Raises:
        ValueError: if the image cannot be halved once per stage.

    Example:
        >>> convolutional_vae((64, 64, 1), 32, sigma=0.1).sigma
        0.1

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014).
    Taught in: chapter 6.
    """
    features = convolutional_features(image_shape, filters, activation)
    encoder = posterior_encoder(*features, latent_dim)
    decoder = convolutional_decoder(image_shape, latent_dim, filters, activation, None)
    return VAE(encoder, decoder, **options)

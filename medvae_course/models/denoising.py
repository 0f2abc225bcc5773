"""A network that takes noise away, and masks that hide patches of an image."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers


def denoising_network(
    filters: Sequence[int] = (16, 32, 64),
    *,
    channels: int = 1,
    activation: str = "leaky_relu",
    noise_scale: float = 0.05,
) -> keras.Model:
    r"""Make a network $\hat x = y - f(y)$ that finds the noise and takes it away.

    Unlike an autoencoder it has no code through which all must pass: at each size a
    shortcut leads around what is smaller, so that sharp edges need not be redrawn. It
    takes images of any size that can be halved often enough.

    Args:
        filters: maps at full size, at half, at a quarter and so on.
        channels: of the images.
        activation: that of the hidden layers.
        noise_scale: about how large the noise is, model units; the last layer's answer
            is multiplied by it, so that first steps and late ones are small enough.

    Returns:
        A functional model that is not compiled: images (batch, height, width, channels)
        to images of the same shape, in the same unit.

    Raises:
        ValueError: if `filters` is empty.

    Example:
        >>> x = np.zeros((1, 24, 40, 1), "float32")
        >>> denoising_network((4, 8))(x).shape == x.shape
        True

    Source: K. Zhang et al., IEEE Trans. Image Process. 26 (2017) 3142-3155, on finding
        the noise; O. Ronneberger et al., MICCAI 2015, on shortcuts (here added).
    Taught in: chapter 5.
    """
    if not len(filters):
        raise ValueError("`filters` must hold at least the maps at full size, got none")
    options = {"padding": "same", "activation": activation}
    inputs = keras.Input((None, None, channels))
    x = layers.Conv2D(filters[0], 3, **options)(inputs)
    shortcuts = []
    for n in filters[1:]:
        shortcuts.append(x)
        x = layers.Conv2D(n, 4, strides=2, **options)(x)
        x = layers.Conv2D(n, 3, **options)(x)
    for n, shortcut in zip(filters[-2::-1], shortcuts[::-1], strict=True):
        x = layers.Conv2DTranspose(n, 4, strides=2, padding="same")(x)
        x = layers.Add()([x, shortcut])
        x = layers.Conv2D(n, 3, **options)(x)
    # float32 under every dtype policy: a difference of near equals, and the loss's
    noise = layers.Conv2D(channels, 3, padding="same", dtype="float32", name="noise")(x)
    noise = layers.Rescaling(noise_scale, dtype="float32")(noise)
    outputs = layers.Subtract(dtype="float32", name="denoised")([inputs, noise])
    return keras.Model(inputs, outputs, name="denoising_network")


def hide_patches(
    n: int,
    image_size: tuple[int, int],
    *,
    patch: int = 8,
    share: float = 0.75,
    seed: int = 0,
) -> np.ndarray:
    """Draw which patches of each image are hidden: the same number in each.

    Args:
        n: number of images.
        image_size: (height, width), pixels, multiples of `patch`.
        patch: side of a patch, pixels.
        share: of the patches to hide, above 0 and below 1; at least one stays and one
            is hidden.
        seed: of the drawing.

    Returns:
        bool array (n, height, width, 1), True where hidden.

    Raises:
        ValueError: if the patches do not fill the image, or the share is impossible.

    Example:
        >>> hidden = hide_patches(5, (64, 64))
        >>> hidden.shape, float(hidden.mean())
        ((5, 64, 64, 1), 0.75)

    Source: K. He et al., Masked autoencoders are scalable vision learners (2022).
    Taught in: chapter 5.
    """
    height, width = image_size
    if patch < 1 or height % patch or width % patch:
        raise ValueError(
            f"height and width must be multiples of `patch`, got {height} x {width} and"
            f" {patch}"
        )
    if not 0 < share < 1:
        raise ValueError(f"`share` must be above 0 and below 1, got {share}")
    rows, columns = height // patch, width // patch
    n_patches = rows * columns
    if n_patches < 2:
        raise ValueError(f"an image must hold at least 2 patches, got {n_patches}")
    n_hidden = min(max(1, round(share * n_patches)), n_patches - 1)
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(n_patches), (n, 1)), axis=1)
    hidden = (order < n_hidden).reshape(n, rows, columns)
    return np.kron(hidden, np.ones((1, patch, patch), bool))[..., None]

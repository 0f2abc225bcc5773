"""The linear rival of a convolutional encoder: principal components of patches."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers


def patch_pca_encoder(
    images: np.ndarray,
    *,
    filters: Sequence[int] = (16, 32, 64),
    n_patches: int = 20_000,
    seed: int = 0,
) -> keras.Model:
    """Make an encoder whose stages are principal components of ever larger patches.

    Stage s halves s times, as that of `convolutional_vae` with the same `filters`, and
    describes each patch of 2**(s + 1) pixels a side by its components, each of variance
    1. What a head does with it beyond this is owed to no learning but the linear.

    Args:
        images: (n, height, width, channels), model units, of training patients; they
            need no labels.
        filters: components at each stage, at most the pixels of its patches.
        n_patches: drawn to compute them from.
        seed: of the drawing.

    Returns:
        Functional model with one output for each stage; `latent_head` takes it as an
        encoder.

    Raises:
        ValueError: if a stage has more components than its patches have pixels, or the
            image cannot be halved so often.

    Example:
        >>> images = np.random.default_rng(0).random((4, 16, 16, 1), "float32")
        >>> encoder = patch_pca_encoder(images, filters=(4, 8), n_patches=500)
        >>> [output.shape for output in encoder.outputs]
        [(None, 8, 8, 4), (None, 4, 4, 8)]

    Source: Jolliffe, Principal component analysis (2002), on patches as in Olshausen
        and Field (1996).
    Taught in: chapter 15.
    """
    _, height, width, channels = images.shape
    scale = 2 ** len(filters)
    if height % scale or width % scale or min(height, width) < 2 * scale:
        raise ValueError(
            f"height and width must be multiples of 2**{len(filters)} = {scale}, and "
            f"twice as large at least, got {height} x {width}: give fewer `filters`"
        )
    rng = np.random.default_rng(seed)
    inputs = keras.Input(images.shape[1:])
    outputs = []
    for stage, n_components in enumerate(filters, 1):
        side = 2 ** (stage + 1)
        if n_components > side * side * channels:
            raise ValueError(
                f"stage {stage} has patches of {side * side * channels} numbers, got "
                f"{n_components} components: give fewer"
            )
        patches = _draw(images, side, n_patches, rng)
        convolution = layers.Conv2D(
            n_components, side, strides=2**stage, padding="same", name=f"pca_{stage}"
        )
        outputs.append(convolution(inputs))
        convolution.set_weights(_components(patches, n_components))
    return keras.Model(inputs, outputs, name="patch_pca")


def _draw(images, side, n_patches, rng):
    n, height, width, _ = images.shape
    which = rng.integers(n, size=n_patches)
    rows = rng.integers(height - side + 1, size=n_patches)
    columns = rng.integers(width - side + 1, size=n_patches)
    places = zip(which, rows, columns, strict=True)
    return np.stack([images[i, r : r + side, c : c + side] for i, r, c in places])


def _components(patches, n_components):
    """Kernel and bias that centre a patch, project it and divide by the deviation."""
    flat = patches.reshape(len(patches), -1).astype("float64")
    mean = flat.mean(0)
    variances, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
    order = np.argsort(variances)[::-1][:n_components]
    whitened = vectors[:, order] / np.sqrt(np.maximum(variances[order], 1e-12))
    return [whitened.reshape(*patches.shape[1:], n_components), -mean @ whitened]

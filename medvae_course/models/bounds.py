"""Tighter bounds of the log-likelihood of a VAE, and what they mean in bits.

The evidence lower bound looks at one code for each image. The importance-weighted bound
looks at many, each weighted by how well it explains the image, and comes as close to
the log-likelihood as one has time for.
"""

import math

import numpy as np
from keras import ops

from .losses import Tensor
from .variational import VAE


def log_weights(
    model: VAE,
    x: Tensor,
    *,
    n_samples: int,
    seed: int = 0,
    chunk: int = 1024,
) -> np.ndarray:
    r"""Give the logarithm of the importance weight of codes drawn by the encoder.

    $\log w = \log p(x|z) + \log p(z) - \log q(z|x)$ with $z \sim q(z|x)$. The mean of
    $\log w$ is the evidence lower bound; the logarithm of the mean of $w$ is the
    importance-weighted bound.

    Args:
        model: a `VAE`.
        x: images, (batch, height, width, channels), model units.
        n_samples: codes drawn for each image.
        seed: of the draws; they depend on nothing else, neither backend nor `chunk`.
        chunk: codes decoded at a time, which bounds the memory: 1024 images of 64 x 64
            take some 200 MB in a convolutional decoder.

    Returns:
        float32 (batch, n_samples), nats per image.

    Raises:
        ValueError: if `n_samples` or `chunk` is not positive.

    Example:
        >>> from medvae_course.models import vae
        >>> model = vae.dense_vae((8, 8, 1), 3, hidden=())
        >>> x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> log_weights(model, x, n_samples=10).shape
        (4, 10)

    Source: Burda, Grosse and Salakhutdinov, Importance weighted autoencoders (2016),
        section 3.
    Taught in: chapter 9.
    """
    if n_samples < 1 or chunk < 1:
        raise ValueError(
            f"`n_samples` and `chunk` must be at least 1, got {n_samples} and {chunk}"
        )
    x = ops.convert_to_numpy(x)
    z_mean, z_log_var = _posterior(model, x, chunk)
    rng = np.random.default_rng(seed)
    found = np.empty(len(x) * n_samples, dtype=np.float32)
    # all pairs of image and code in one row, cut into pieces that fit into memory
    for first in range(0, len(found), chunk):
        pairs = np.arange(first, min(first + chunk, len(found)))
        image = pairs // n_samples
        log_var = z_log_var[image]
        noise = rng.standard_normal(log_var.shape, dtype=np.float32)
        z = z_mean[image] + np.exp(0.5 * log_var) * noise
        nll = ops.convert_to_numpy(model.nll(x[image], model.decoder(z)))
        # of log p(z) - log q(z|x), where the two constants cancel
        prior_over_posterior = 0.5 * (noise**2 - z**2 + log_var).sum(axis=1)
        found[pairs] = prior_over_posterior - nll
    return found.reshape(len(x), n_samples)


def importance_bound(
    model: VAE,
    x: Tensor,
    *,
    n_samples: int,
    seed: int = 0,
    chunk: int = 1024,
) -> np.ndarray:
    r"""Give the importance-weighted lower bound of the log-likelihood of each image.

    $\mathcal L_K = \log\frac1K\sum_k w_k$ is on average at most $\log p(x)$, rises on
    average with $K$, and is the evidence lower bound for $K = 1$. It is an estimate:
    a single image's number may lie above $\log p(x)$ by chance.

    Args:
        model: a `VAE`; its `beta` plays no part.
        x: images, (batch, height, width, channels), model units.
        n_samples: $K$, codes drawn for each image.
        seed: of the draws.
        chunk: codes decoded at a time, which bounds the memory.

    Returns:
        float32 (batch,), nats per image.

    Raises:
        ValueError: if `n_samples` or `chunk` is not positive.

    Example:
        >>> from medvae_course.models import vae
        >>> model = vae.dense_vae((8, 8, 1), 3, hidden=())
        >>> x = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
        >>> few, many = (importance_bound(model, x, n_samples=k) for k in (1, 100))
        >>> bool(few.mean() < many.mean())
        True

    Source: Burda, Grosse and Salakhutdinov, Importance weighted autoencoders (2016),
        equation 8 and theorem 1.
    Taught in: chapter 9.
    """
    weights = log_weights(model, x, n_samples=n_samples, seed=seed, chunk=chunk)
    return log_mean_exp(weights)


def log_mean_exp(log_values: np.ndarray) -> np.ndarray:
    """Give the logarithm of the mean over the last axis, of values given by logarithms.

    The largest is taken out first: the exponential of a log-likelihood of thousands of
    nats is no number of any computer.

    Args:
        log_values: (..., n) array, float.

    Returns:
        (...) array of the same type.

    Example:
        >>> log_mean_exp(np.log([[1.0, 3.0]]) + 5000.0).round(4).tolist()
        [5000.6931]

    Source: none; `scipy.special.logsumexp` does the same for sums.
    Taught in: chapter 9.
    """
    log_values = np.asarray(log_values)
    largest = log_values.max(axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.exp(log_values - largest).mean(axis=-1))


def bits_per_pixel(
    log_likelihood: np.ndarray | float, *, n_pixels: int, level_width: float
) -> np.ndarray:
    r"""Turn the log-density of images into bits per pixel at a width of grey level.

    A density has no bits: only the probability of a grey level has, and that is about
    the density times the width $\Delta$ of the level, as long as the density is flat
    across it. So the bits per pixel are $-(\log p(x) + d\log\Delta)/(d\log 2)$. For
    images smeared over their levels by uniform noise this is, on average, never less
    than what the best code for the levels themselves needs.

    Args:
        log_likelihood: log-density, or a bound of it, nats per image; any shape.
        n_pixels: pixels (times channels) of an image.
        level_width: distance of two grey levels in the unit in which the density is
            taken: for levels of 1 HU and model units of 1400 HU, 1 / 1400.

    Returns:
        float64 array of the same shape, bits per pixel.

    Raises:
        ValueError: if `n_pixels` or `level_width` is not positive.

    Example:
        >>> uniform = 0.0  # density 1 on [0, 1], 256 levels: 8 bits
        >>> float(bits_per_pixel(uniform, n_pixels=64, level_width=1 / 256))
        8.0

    Source: Theis, van den Oord and Bethge, A note on the evaluation of generative
        models (2016), section 3.1.
    Taught in: chapter 9.
    """
    if not (n_pixels > 0 and level_width > 0):
        raise ValueError(
            "`n_pixels` and `level_width` must be positive, got "
            f"{n_pixels} and {level_width}"
        )
    nats = -np.asarray(log_likelihood, dtype=np.float64) / n_pixels
    return (nats - math.log(level_width)) / math.log(2)


def _posterior(model: VAE, x: np.ndarray, chunk: int) -> tuple[np.ndarray, np.ndarray]:
    parts = [
        [ops.convert_to_numpy(part) for part in model.encode(x[first : first + chunk])]
        for first in range(0, len(x), chunk)
    ]
    z_mean, z_log_var = (np.concatenate(part) for part in zip(*parts, strict=True))
    return z_mean, z_log_var

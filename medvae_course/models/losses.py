"""Likelihoods and divergence, in nats per image.

Every function sums over all pixels or latents of one image and keeps the batch
apart, so that the terms of the evidence lower bound have the same unit and may be
added. The model takes the mean over the batch. Inputs of lower precision are
raised to float32 before anything is summed.
"""

import math
from typing import Any

from keras import ops

Tensor = Any
"""A tensor of the backend in use, or an array that becomes one."""


def gaussian_nll(x: Tensor, x_hat: Tensor, *, sigma: float | Tensor) -> Tensor:
    r"""Negative log-likelihood of `x` under a Gaussian around `x_hat`.

    With the constant, so that values of different `sigma` can be compared:
    $-\log p(x|z) = \sum_i \frac{(x_i-\hat x_i)^2}{2\sigma^2}
    + \log\sigma + \frac12\log 2\pi$.

    Args:
        x: images, (batch, ...), model units.
        x_hat: means of the Gaussians, shape of `x`, model units.
        sigma: standard deviation, model units; positive. One number, or a tensor
            that broadcasts against `x`.

    Returns:
        float32 (batch,), nats per image; negative where the density exceeds 1.

    Raises:
        ValueError: if the shapes differ or a plain number `sigma` is not positive.

    Example:
        >>> import numpy as np
        >>> x = np.zeros((2, 4, 4, 1), "float32")
        >>> nll = gaussian_nll(x, x, sigma=1.0)
        >>> [round(value, 2) for value in ops.convert_to_numpy(nll).tolist()]
        [14.7, 14.7]

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix C.2,
        with one variance for all pixels.
    Taught in: chapter 6.
    """
    if isinstance(sigma, int | float) and not sigma > 0:
        raise ValueError(
            f"`sigma` must be positive, got {sigma}: give the standard deviation of "
            "the residual in model units, for instance 0.05"
        )
    x, x_hat = _float32_pair(x, x_hat, "x_hat")
    sigma = ops.cast(sigma, "float32")
    scaled = (x - x_hat) / sigma
    return sum_per_image(
        0.5 * ops.square(scaled) + ops.log(sigma) + 0.5 * math.log(2 * math.pi)
    )


def bernoulli_nll(x: Tensor, logits: Tensor) -> Tensor:
    r"""Negative log-likelihood of `x` under independent Bernoulli pixels.

    $-\log p(x|z) = -\sum_i x_i \log s(l_i) + (1-x_i)\log(1-s(l_i))$ with the
    logistic function $s$ and $1-s(l)=s(-l)$, evaluated without ever forming $s$, so
    that large logits stay finite. For grey values strictly between 0 and 1 this is
    a cross-entropy, not a normalised likelihood.

    Args:
        x: images, (batch, ...), in [0, 1].
        logits: log-odds of the pixels, shape of `x`.

    Returns:
        float32 (batch,), nats per image, not negative.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> x = np.ones((1, 2, 2, 1), "float32")
        >>> nll = bernoulli_nll(x, np.zeros_like(x))
        >>> round(float(nll[0]) / math.log(2), 3)
        4.0

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), equation 11
        in appendix C.1.
    Taught in: chapter 6.
    """
    x, logits = _float32_pair(x, logits, "logits")
    return sum_per_image(
        -x * ops.log_sigmoid(logits) - (1.0 - x) * ops.log_sigmoid(-logits)
    )


def kl(z_mean: Tensor, z_log_var: Tensor) -> Tensor:
    r"""Kullback-Leibler divergence of the posterior from the standard normal prior.

    $D_{KL}(q(z|x)\,\|\,p(z)) = \frac12\sum_j \mu_j^2+\sigma_j^2-1-\log\sigma_j^2$.

    Args:
        z_mean: means of the posterior, (batch, ...).
        z_log_var: logarithms of its variances, shape of `z_mean`.

    Returns:
        float32 (batch,), nats per image, not negative.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> z_mean = np.array([[0.0, 0.0], [1.0, 2.0]], "float32")
        >>> ops.convert_to_numpy(kl(z_mean, np.zeros_like(z_mean))).tolist()
        [0.0, 2.5]

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix B.
    Taught in: chapter 6.
    """
    return sum_per_image(kl_of_latents(z_mean, z_log_var))


def kl_of_latents(z_mean: Tensor, z_log_var: Tensor) -> Tensor:
    """Divergence of each latent from the prior: the summands of `kl`.

    Args:
        z_mean: means of the posterior, (batch, ...).
        z_log_var: logarithms of its variances, shape of `z_mean`.

    Returns:
        float32, shape of `z_mean`, nats, not negative.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> import numpy as np
        >>> z_mean = np.array([[1.0, 2.0]], "float32")
        >>> of_latents = kl_of_latents(z_mean, np.zeros_like(z_mean))
        >>> ops.convert_to_numpy(of_latents).tolist()
        [[0.5, 2.0]]

    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix B.
    Taught in: chapter 8.
    """
    z_mean, z_log_var = _float32_pair(z_mean, z_log_var, "z_log_var")
    # expm1 keeps the digits of a posterior close to the prior, where exp(v) - 1 - v
    # is the difference of nearly equal numbers.
    return 0.5 * (ops.square(z_mean) + ops.expm1(z_log_var) - z_log_var)


def sum_per_image(values: Tensor) -> Tensor:
    """Sum over all axes but the first, (batch, ...) to (batch,)."""
    return ops.sum(values, axis=tuple(range(1, len(values.shape))))


def _float32_pair(first: Tensor, second: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Both as float32; broadcasting one against the other would be a silent error."""
    first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
    if len(first.shape) != len(second.shape) or any(
        a != b
        for a, b in zip(first.shape, second.shape, strict=True)
        if a is not None and b is not None
    ):
        raise ValueError(
            f"`{name}` must have the shape of the first argument "
            f"{tuple(first.shape)}, got {tuple(second.shape)}: reshape one of them"
        )
    return first, second

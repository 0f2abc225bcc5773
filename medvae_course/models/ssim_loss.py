"""Structural similarity as a loss for `compile`, differentiable on every backend."""

from collections.abc import Callable

import numpy as np
from keras import ops

from .losses import Tensor

SIGMA = 1.5
"""Standard deviation of the window, pixels."""
RADIUS = 5
"""Where the window is cut off, pixels from its middle."""


def ssim_loss(
    *, data_range: float, offset: np.ndarray | float = 0.0
) -> Callable[[Tensor, Tensor], Tensor]:
    """Make a loss that is one minus the structural similarity.

    The window is the published Gaussian of 1.5 pixels, so that the loss is what
    `evaluate.metrics.ssim` measures. The similarity depends on the brightness itself:
    a model that is trained on differences from a mean image has to say so by `offset`.

    Args:
        data_range: width of the range of possible values: 1 for model units.
        offset: what is added to both images first, (height, width, channels) or a
            number, model units; the mean image where models see differences from it.

    Returns:
        A function of images and reconstructions, (batch, height, width, channels)
        each, to float32 (batch,), no unit: 0 for equal images, at most 2.

    Raises:
        ValueError: if `data_range` is not positive; and, when called, if images are
            smaller than 11 x 11 pixels.

    Example:
        >>> x = np.random.default_rng(0).random((2, 16, 16, 1), "float32")
        >>> ops.convert_to_numpy(ssim_loss(data_range=1.0)(x, x)).round(6).tolist()
        [0.0, 0.0]

    Source: Wang et al., Image quality assessment, IEEE Transactions on Image
        Processing 13 (2004), equation 13; as a loss: Zhao et al., Loss functions for
        image restoration with neural networks (2017), section III.
    Taught in: chapter 4.
    """
    if not 0 < data_range < float("inf"):
        raise ValueError(
            f"`data_range` must be positive and finite, got {data_range}: give the "
            "width of the range of possible values, 1 for model units"
        )
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2

    def one_minus_ssim(x: Tensor, x_hat: Tensor) -> Tensor:
        shift = ops.convert_to_tensor(offset, dtype="float32")
        x, x_hat = (ops.cast(image, "float32") + shift for image in (x, x_hat))
        width = 2 * RADIUS + 1
        if min(x.shape[1:3]) < width:
            raise ValueError(
                f"images must have at least {width} x {width} pixels, got shape "
                f"{tuple(x.shape)}: the window of the similarity is that wide"
            )
        both = ops.stack([x, x_hat, x**2, x_hat**2, x * x_hat])
        m, m_hat, squares, squares_hat, products = ops.unstack(_means(both))
        variances = squares - m**2 + squares_hat - m_hat**2
        covariance = products - m * m_hat
        places = (2 * m * m_hat + c1) * (2 * covariance + c2)
        places = places / ((m**2 + m_hat**2 + c1) * (variances + c2))
        return 1.0 - ops.mean(places, axis=(1, 2, 3))

    return one_minus_ssim


def _means(images):
    """Gaussian mean around each place where the whole window fits in.

    Rows, then columns, as products with a matrix: far faster on a CPU than the
    convolutions of one channel that this is. Channels come to stand before the rows.
    """
    height, width = images.shape[2:4]
    images = ops.transpose(images, (0, 1, 4, 2, 3))
    rows, columns = _windows(height), _windows(width)
    return ops.matmul(ops.matmul(rows, images), columns.T)


def _windows(n: int) -> np.ndarray:
    """Return the window at each place of `n` pixels, float32 (n - 10, n)."""
    taps = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    places = np.arange(n - 2 * RADIUS)
    windows = np.zeros((len(places), n), dtype=np.float32)
    for tap, weight in enumerate(taps / taps.sum()):
        windows[places, places + tap] = weight
    return windows

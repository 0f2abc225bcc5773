"""Classic texture of each pixel: blur, edges and ridges at several scales."""

import numpy as np
from skimage import feature  # its parts load when used: one brings matplotlib


def texture_features(
    images: np.ndarray, *, sigma_min: float = 0.5, sigma_max: float = 4.0
) -> np.ndarray:
    """Describe each pixel by filters of growing width.

    For each scale: the image blurred by a Gaussian, the length of its gradient, and the
    two eigenvalues of its second derivatives, which tell ridges and blobs. Each scale
    is twice as wide as the last. This is what one took before networks.

    Args:
        images: (n, height, width) or (n, height, width, 1), any unit.
        sigma_min: standard deviation of the narrowest Gaussian, pixels.
        sigma_max: of the widest, pixels.

    Returns:
        float32 array (n, height, width, 4 per scale), unit of the images, for
        derivatives per pixel.

    Raises:
        ValueError: if the images are no stack of slices with one channel, or the
            widths are not positive and ascending.

    Example:
        >>> texture_features(np.zeros((2, 16, 16)), sigma_max=1.0).shape
        (2, 16, 16, 8)

    Source: scikit-image, `skimage.feature.multiscale_basic_features`; Arganda-Carreras
        et al., Trainable Weka segmentation, Bioinformatics 33 (2017) 2424-2426.
    Taught in: chapter 14.
    """
    images = np.asarray(images, dtype=np.float32)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or not images.size:
        raise ValueError(
            "`images` must be slices with one channel, (n, height, width) or (n, "
            f"height, width, 1), got {images.shape}"
        )
    if not 0 < sigma_min <= sigma_max:
        raise ValueError(
            "widths must be positive and ascending, got `sigma_min` "
            f"{sigma_min} and `sigma_max` {sigma_max}"
        )
    return np.stack(
        [
            feature.multiscale_basic_features(
                image, sigma_min=sigma_min, sigma_max=sigma_max
            )
            for image in images
        ]
    ).astype(np.float32, copy=False)

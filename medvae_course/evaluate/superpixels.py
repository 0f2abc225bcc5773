"""Superpixels: small connected regions of like pixels, to decide about as one."""

import numpy as np
from skimage.segmentation import slic


def superpixels(
    images: np.ndarray, n_segments: int, *, compactness: float = 0.1
) -> np.ndarray:
    """Divide each slice into about `n_segments` regions of like pixels.

    Args:
        images: (n, height, width) or (n, height, width, 1), model units.
        n_segments: regions per slice, about.
        compactness: how much nearness counts against likeness; in the images' unit,
            large values make squares.

    Returns:
        int64 array (n, height, width); numbers start at 0 in each slice.

    Raises:
        ValueError: if the images are no stack of slices, or a setting is not positive.

    Example:
        >>> images = np.zeros((1, 16, 16))
        >>> images[0, :, 8:] = 1
        >>> regions = superpixels(images, 4)
        >>> set(regions[0, :, :8].flat) & set(regions[0, :, 8:].flat)
        set()

    Source: Achanta et al., SLIC superpixels, IEEE Trans. Pattern Anal. Mach. Intell.
        34 (2012) 2274-2282.
    Taught in: chapter 14.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or not images.size:
        raise ValueError(
            f"`images` must be slices (n, height, width), got {images.shape}"
        )
    if n_segments < 1 or not compactness > 0:
        raise ValueError(
            "`n_segments` and `compactness` must be positive, got "
            f"{n_segments} and {compactness}"
        )
    settings = {"compactness": compactness, "channel_axis": None, "start_label": 0}
    regions = [slic(image, n_segments, **settings) for image in images.astype(float)]
    return np.stack(regions).astype(np.int64)


def mean_of_regions(features: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Give each pixel the mean features of its region, so that a region is one thing.

    Args:
        features: (n, height, width, c) array, any unit.
        regions: (n, height, width) array, int, from 0 in each slice.

    Returns:
        float32 array (n, height, width, c), same unit.

    Raises:
        ValueError: if the shapes do not belong together.

    Example:
        >>> features = np.array([[[[1.0], [3.0], [8.0]]]])
        >>> mean_of_regions(features, np.array([[[0, 0, 1]]]))[0, 0, :, 0].tolist()
        [2.0, 2.0, 8.0]

    Taught in: chapter 14.
    """
    features, regions = np.asarray(features), np.asarray(regions)
    if features.ndim != 4 or features.shape[:3] != regions.shape:
        raise ValueError(
            "features (n, height, width, c) need regions (n, height, width), got "
            f"{features.shape} and {regions.shape}"
        )
    per_slice = int(regions.max()) + 1
    offset = per_slice * np.arange(len(regions))[:, None, None]
    _, region = np.unique((regions + offset).ravel(), return_inverse=True)
    flat = features.reshape(-1, features.shape[-1])
    pixels = np.bincount(region)
    means = [np.bincount(region, column) / pixels for column in flat.T]
    return np.stack(means, -1)[region].reshape(features.shape).astype(np.float32)

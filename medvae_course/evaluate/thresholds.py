"""Segmentation by Hounsfield units alone: thresholds, cleared borders, Otsu's method.

The baselines that a network has to beat before it is worth its while.
"""

import numpy as np
from scipy import ndimage
from skimage.segmentation import clear_border


def body_mask(hu: np.ndarray, *, threshold_hu: float = -500.0) -> np.ndarray:
    """Find the patient in each slice: the largest dense region, holes filled.

    Args:
        hu: (n, height, width) array, HU.
        threshold_hu: lower end of what is dense, HU.

    Returns:
        bool array of the same shape; lungs and bowel gas count as inside, as long as
        the body closes around them in the slice.

    Raises:
        ValueError: if `hu` is not a stack of slices.

    Example:
        >>> hu = np.full((1, 12, 12), -1000.0)
        >>> hu[0, 2:10, 2:10] = 40
        >>> hu[0, 5:7, 5:7] = -900  # a lung
        >>> mask = body_mask(hu)[0]
        >>> bool(mask[5:7, 5:7].all()), bool(mask[:2].any())
        (True, False)

    Source: connected components and filled holes, Serra, Image analysis and
        mathematical morphology (1982).
    Taught in: chapter 14.
    """
    dense = _slices(hu) > threshold_hu
    inside = np.zeros(dense.shape, dtype=bool)
    for z, mask in enumerate(dense):
        regions, n = ndimage.label(ndimage.binary_opening(mask))
        if n:
            largest = 1 + int(np.argmax(np.bincount(regions.ravel())[1:]))
            inside[z] = ndimage.binary_fill_holes(regions == largest)
    return inside


def lungs_by_threshold(
    hu: np.ndarray, *, threshold_hu: float = -400.0, min_pixels: int = 8
) -> np.ndarray:
    """Find the lungs: all that is light, without what touches the image's border.

    The air around the patient is as light as the lungs, but it touches the border, and
    the lungs do not. It takes an intact chest wall in each slice: where the field of
    view cuts a lung, that lung is cleared away too.

    Args:
        hu: (n, height, width) array, HU.
        threshold_hu: upper end of what counts as lung, HU.
        min_pixels: smaller regions of a slice are left out, pixels.

    Returns:
        bool array of the same shape. The windpipe and gas in the bowel count as lungs,
        for HU cannot tell them apart.

    Raises:
        ValueError: if `hu` is not a stack of slices.

    Example:
        >>> hu = np.full((1, 9, 9), -1000.0)
        >>> hu[0, 1:8, 1:8] = 40
        >>> hu[0, 3:6, 3:6] = -850
        >>> int(lungs_by_threshold(hu).sum())
        9

    Source: Hu, Hoffman and Reinhardt, Automatic lung segmentation, IEEE Trans. Med.
        Imaging 20 (2001) 490-498 (there with further steps).
    Taught in: chapter 14.
    """
    light = _slices(hu) < threshold_hu
    lungs = np.zeros(light.shape, dtype=bool)
    for z, mask in enumerate(light):
        regions, _ = ndimage.label(clear_border(mask))
        large = np.bincount(regions.ravel()) >= min_pixels
        large[0] = False
        lungs[z] = large[regions]
    return lungs


def multi_otsu(values: np.ndarray, n_classes: int, *, n_bins: int = 256) -> np.ndarray:
    """Find the thresholds that make the variance within the classes smallest.

    Otsu's method for any number of classes: k-means on one number, solved exactly on
    the histogram by dynamic programming. scikit-image's `threshold_multiotsu` tries all
    combinations, which takes too long beyond five classes.

    Args:
        values: array of any shape, float, such as HU.
        n_classes: classes, at least 2.
        n_bins: bins of the histogram; the thresholds lie on their edges.

    Returns:
        (n_classes - 1,) ascending float64 array, unit of the values;
        `np.digitize(values, thresholds)` is the class of each value.

    Raises:
        ValueError: if values are not finite, or there are fewer filled bins than
            classes.

    Example:
        >>> values = np.repeat([-1000.0, 0.0, 1000.0], 9)
        >>> thresholds = multi_otsu(values, 3)
        >>> np.bincount(np.digitize(values, thresholds)).tolist()
        [9, 9, 9]

    Source: Otsu, IEEE Trans. Systems, Man, and Cybernetics 9 (1979) 62-66; dynamic
        programming: Fisher, J. Am. Stat. Assoc. 53 (1958) 789-798.
    Taught in: chapter 14.
    """
    values = np.asarray(values, dtype=float)
    if not values.size or not np.isfinite(values).all():
        raise ValueError("`values` must hold finite numbers, got none or NaN")
    counts, edges = np.histogram(values, bins=n_bins)
    filled = np.flatnonzero(counts)
    if not 2 <= n_classes <= len(filled):
        raise ValueError(
            f"`n_classes` must be from 2 to the {len(filled)} filled bins, got "
            f"{n_classes}"
        )
    first = _partition(
        counts[filled], (edges[filled] + edges[filled + 1]) / 2, n_classes
    )
    # half-way through the gap between two classes
    return (edges[filled[first - 1] + 1] + edges[filled[first]]) / 2


def _partition(counts: np.ndarray, centres: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the first bin of each class but the lowest, by Fisher's recursion."""
    zero = np.zeros(1)
    mass = np.concatenate([zero, np.cumsum(counts)])
    sums = np.concatenate([zero, np.cumsum(counts * centres)])
    n = len(counts)
    start, stop = np.meshgrid(np.arange(n), np.arange(1, n + 1), indexing="ij")
    inside = np.maximum(mass[stop] - mass[start], 1)
    # the more variance between classes, the less within them
    between = np.where(stop > start, (sums[stop] - sums[start]) ** 2 / inside, -np.inf)
    best, back = between[0], []
    for _ in range(n_classes - 1):
        # best[j]: bins 0..j in the classes so far; the next class starts at bin j + 1
        gain = best[:-1, None] + between[1:]
        back.append(gain.argmax(axis=0))
        best = gain.max(axis=0)
    first, last = [], n - 1
    for step in reversed(back):
        last = int(step[last])
        first.append(last + 1)
    return np.array(first[::-1])


def _slices(hu: np.ndarray) -> np.ndarray:
    hu = np.asarray(hu)
    if hu.ndim != 3 or not hu.size:
        raise ValueError(
            f"`hu` must be slices of shape (n, height, width), got {hu.shape}; one "
            "slice is a stack of one: `hu[None]`"
        )
    return hu

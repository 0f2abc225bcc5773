"""How far an image or a mask is from the truth, in numbers with units.

Nothing is guessed from the data: the range of the grey values (`data_range`) and the
size of a voxel (`spacing_mm`) are part of the definition and have to be given.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity


def psnr(reference: np.ndarray, image: np.ndarray, *, data_range: float) -> float:
    """Peak signal-to-noise ratio: the mean squared error on a scale of decibels.

    Args:
        reference: array of any shape, float; the truth.
        image: array of the same shape and unit.
        data_range: width of the range of possible values: 1 for model units, the
            width of the window for HU.

    Returns:
        `10 log10(data_range² / MSE)` in dB; `inf` for equal images.

    Raises:
        ValueError: if shapes differ, a value is not finite, or the range not positive.

    Example:
        >>> reference = np.zeros((4, 4))
        >>> round(psnr(reference, reference + 0.1, data_range=1.0), 3)
        20.0

    Source: Wang and Bovik, IEEE Signal Processing Magazine 26 (2009) 98-117.
    Taught in: chapter 2.
    """
    reference, image = _pair(reference, image, data_range)
    return float(psnr_per_image(reference[None], image[None], data_range=data_range)[0])


def psnr_per_image(
    reference: np.ndarray, images: np.ndarray, *, data_range: float
) -> np.ndarray:
    """PSNR of each image of a stack, ready for a bootstrap by patient.

    The mean of these is not the PSNR of the whole stack: the logarithm is taken first.

    Args:
        reference: (n, height, width, 1) array, float; the truth.
        images: array of the same shape and unit.
        data_range: as in `psnr`.

    Returns:
        (n,) float64 array, dB.

    Example:
        >>> reference = np.zeros((2, 4, 4, 1))
        >>> psnr_per_image(reference, reference + 0.1, data_range=1.0).round(3)
        array([20., 20.])

    Source: see `psnr`. Taught in: chapter 2.
    """
    reference, images = _pair(reference, images, data_range)
    mse = ((reference - images) ** 2).reshape(len(images), -1).mean(axis=1)
    with np.errstate(divide="ignore"):  # equal images: infinitely many decibels
        return 10.0 * np.log10(data_range**2 / mse)


def ssim(reference: np.ndarray, image: np.ndarray, *, data_range: float) -> float:
    """Structural similarity: luminance, contrast and structure in a sliding window.

    The window is the published Gaussian of 1.5 pixels; scikit-image's default, a flat
    square of 7 pixels, gives other numbers.

    Args:
        reference: (height, width) or (height, width, 1) array, float; the truth.
        image: array of the same shape and unit.
        data_range: width of the range of possible values: 1 for model units, the
            width of the window for HU. Too wide a range makes the result too good.

    Returns:
        Mean over the image but its rim of 5 pixels, no unit; 1 for equal images.

    Raises:
        ValueError: as `psnr`, and for an image smaller than 11 x 11 pixels.

    Example:
        >>> reference = np.tile(np.linspace(0, 1, 16), (16, 1))
        >>> ssim(reference, reference, data_range=1.0)
        1.0

    Source: Wang et al., IEEE Transactions on Image Processing 13 (2004) 600-612.
    Taught in: chapter 2.
    """
    reference, image = _pair(reference, image, data_range)
    if reference.ndim == 3 and reference.shape[-1] == 1:
        reference, image = reference[..., 0], image[..., 0]
    if reference.ndim != 2 or min(reference.shape) < 11:  # the Gaussian's own width
        raise ValueError(
            "`reference` must be one image of at least 11 x 11 pixels, got shape "
            f"{reference.shape}; for a stack there is `ssim_per_image`"
        )
    published = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(
        structural_similarity(reference, image, data_range=data_range, **published)
    )


def ssim_per_image(
    reference: np.ndarray, images: np.ndarray, *, data_range: float
) -> np.ndarray:
    """SSIM of each image of a stack, ready for a bootstrap by patient.

    Args:
        reference: (n, height, width, 1) array, float; the truth.
        images: array of the same shape and unit.
        data_range: as in `ssim`.

    Returns:
        (n,) float64 array, no unit.

    Example:
        >>> reference = np.zeros((2, 16, 16, 1))
        >>> ssim_per_image(reference, reference, data_range=1.0)
        array([1., 1.])

    Source: see `ssim`. Taught in: chapter 2.
    """
    pairs = zip(*_pair(reference, images), strict=True)
    return np.array([ssim(one, other, data_range=data_range) for one, other in pairs])


def mae_hu(reference_hu: np.ndarray, image_hu: np.ndarray) -> float:
    """Mean absolute error on the scanner's own scale.

    Args:
        reference_hu: array of any shape, float, HU; the truth.
        image_hu: array of the same shape, HU.

    Returns:
        Mean absolute difference, HU.

    Raises:
        ValueError: if shapes differ or values are not finite.

    Example:
        >>> mae_hu(np.array([0.0, 40.0]), np.array([10.0, 20.0]))
        15.0

    Source: Willmott and Matsuura, Climate Research 30 (2005). Taught in: chapter 2.
    """
    reference_hu, image_hu = _pair(reference_hu, image_hu)
    return float(np.mean(np.abs(reference_hu - image_hu)))


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two masks: twice the common voxels over the sum of both.

    Args:
        a: mask of any shape, bool (or integers 0 and 1).
        b: mask of the same shape.

    Returns:
        Between 0 and 1, no unit; 0 if one mask is empty; `nan` if both are, as 0/0 has
        no value: leave such cases out (`np.nanmean`) and say how many.

    Raises:
        ValueError: if shapes differ or a mask holds anything but 0 and 1.

    Example:
        >>> dice(np.array([True, True, True]), np.array([True, False, False]))
        0.5

    Source: Dice, Ecology 26 (1945) 297-302. Taught in: chapter 14.
    """
    a, b = _masks(a, b)
    size = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / size if size else float("nan")


def hd95_mm(a: np.ndarray, b: np.ndarray, *, spacing_mm: Sequence[float]) -> float:
    """Hausdorff distance without the farthest 5 % of each surface.

    The surface of a mask is its voxels with a face neighbour outside the mask or the
    array. From each surface voxel of one mask the distance to the nearest one of the
    other is taken, centre to centre; the result is the larger of the two directions'
    95th percentiles (linear interpolation). Pooling both directions first, as some
    programs do, mostly gives smaller numbers.

    Args:
        a: mask of any dimension, bool (or integers 0 and 1).
        b: mask of the same shape.
        spacing_mm: distance of voxel centres along each array axis (z, y, x), mm.

    Returns:
        Distance in mm; `nan` if both masks are empty, `inf` if one is.

    Raises:
        ValueError: as `dice`, and unless each axis has one positive spacing.

    Example:
        >>> mask = np.zeros((8, 8), bool)
        >>> mask[2:4, 2:6] = True
        >>> hd95_mm(mask, np.roll(mask, 2, axis=0), spacing_mm=(2.5, 1.0))
        5.0

    Source: Maier-Hein et al., Metrics reloaded, Nature Methods 21 (2024) 195-212, and
        its reference implementation: the maximum of the directed percentiles.
    Taught in: chapter 15.
    """
    a, b = _masks(a, b)
    spacing = np.asarray(spacing_mm, dtype=float)
    if spacing.shape != (a.ndim,) or not np.all(np.isfinite(spacing) & (spacing > 0)):
        raise ValueError(
            f"`spacing_mm` must be {a.ndim} positive numbers, got {spacing_mm}"
        )
    if not a.any() or not b.any():
        return float("inf") if a.any() or b.any() else float("nan")
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    directed = []
    for start, goal in (surfaces, surfaces[::-1]):
        distance_mm = ndimage.distance_transform_edt(~goal, sampling=spacing)
        directed.append(np.percentile(distance_mm[start], 95))
    return float(max(directed))


def _pair(
    a: np.ndarray, b: np.ndarray, data_range: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    if not 0 < data_range < float("inf"):
        raise ValueError(f"`data_range` must be positive, got {data_range}")
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or a.size == 0:
        raise ValueError(f"images must have one shape, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("images must be finite, got NaN or infinity: mend these first")
    return a, b


def _masks(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"masks must have one shape, got {a.shape} and {b.shape}")
    for mask in (a, b):
        if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
            raise ValueError(
                "a mask must be bool or hold only 0 and 1, got values from "
                f"{mask.min()} to {mask.max()}; compare one label: `labels == 5`"
            )
    return a.astype(bool), b.astype(bool)

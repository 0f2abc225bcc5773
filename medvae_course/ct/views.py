"""Slices as a segmenter sees them: two windows, the neighbours, less air around."""

from dataclasses import replace

import numpy as np

from .datasets import Dataset, DatasetError, Split
from .field_of_view import BODY_HU
from .hounsfield import to_model_units

WIDE = (-300.0, 1400.0)
"""Level and width in HU: from air to bone."""

SOFT = (25.0, 350.0)
"""Level and width in HU: where fat, muscle, organs and vessels differ."""


def four_channels(hu: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Show each slice in a wide and in a narrow window, and its two neighbours.

    In a window that holds air and bone, liver and muscle differ by a few hundredths; in
    the narrow one they differ visibly. The neighbours tell a vessel, which goes on,
    from a node, which does not.

    Args:
        hu: (n, height, width), HU, the slices of a patient in their order from below.
        patients: (n,), whose slice it is; there is no neighbour across patients, and
            the outermost slices are their own.

    Returns:
        float32 (n, height, width, 4), model units, 0 to 1: the slice in `WIDE` and in
        `SOFT`, the slice above and the slice below in `SOFT`.

    Raises:
        ValueError: if there are not as many slices as patients' names.

    Example:
        >>> hu = np.array([-1000.0, 25.0, 25.0])[:, None, None]
        >>> four_channels(hu, np.array(["a", "a", "b"]))[:, 0, 0].tolist()
        [[0.0, 0.0, 0.5, 0.0], [0.7321428656578064, 0.5, 0.5, 0.0], \
[0.7321428656578064, 0.5, 0.5, 0.5]]

    Taught in: chapter 15.
    """
    hu, patients = np.asarray(hu), np.asarray(patients)
    if hu.ndim != 3 or patients.shape != hu.shape[:1]:
        raise ValueError(
            "`hu` and `patients` must be (n, height, width) and (n,), got "
            f"{hu.shape} and {patients.shape}"
        )
    rows = np.arange(len(hu))
    above, below = np.minimum(rows + 1, len(hu) - 1), np.maximum(rows - 1, 0)
    above = np.where(patients[above] == patients, above, rows)
    below = np.where(patients[below] == patients, below, rows)
    wide, soft = (
        to_model_units(hu, level_hu=level, width_hu=width)
        for level, width in (WIDE, SOFT)
    )
    return np.stack([wide, soft, soft[above], soft[below]], axis=-1)


def with_four_channels(data: Dataset, *, side: int | None = None) -> Dataset:
    """Give every slice of a data set four channels, and crop it around the body.

    A planning CT shows shoulders, and air around a head: what is cut away there costs
    nothing, and the pixels keep their size. The square is the same in all slices of a
    patient, around the middle of what is above `field_of_view.BODY_HU`; labels do not
    move it.

    Args:
        data: from `datasets.load`.
        side: pixels per side of the result; None leaves the slices whole.

    Returns:
        A data set whose images are (n, side, side, 4). `to_hu` still gives its HU,
        within the limits of `WIDE`.

    Raises:
        DatasetError: if the images have not one channel, or are smaller than `side`.

    Example:
        >>> from medvae_course.ct import datasets
        >>> data = datasets.load("phantom-tiny", image_size=32)
        >>> with_four_channels(data, side=24).train.images.shape[1:]
        (24, 24, 4)

    Taught in: chapter 15.
    """
    if data.train.images.shape[-1] != 1:
        raise DatasetError(
            f"images must have one channel, got {data.train.images.shape[1:]}: give "
            "the data set as `datasets.load` returns it"
        )
    if side is not None:
        data = around_body(data, side)
    parts = {
        name: replace(
            split, images=four_channels(data.to_hu(split.images), split.patients)
        )
        for name, split in _splits(data)
    }
    level_hu, width_hu = WIDE
    return replace(data, level_hu=level_hu, width_hu=width_hu, **parts)


def around_body(data: Dataset, side: int) -> Dataset:
    """Crop every slice of a data set to a square around the patient's body.

    Args:
        data: from `datasets.load`.
        side: pixels per side of the square.

    Returns:
        The data set, images and labels (n, side, side, …), with pixels of their size.

    Raises:
        DatasetError: if the images are smaller than `side`, or `side` is below 1.

    Example:
        >>> from medvae_course.ct import datasets
        >>> data = datasets.load("phantom-tiny", image_size=32)
        >>> around_body(data, side=24).train.images.shape[1:]
        (24, 24, 1)

    Taught in: chapter 15.
    """
    shape = data.train.images.shape[1:3]
    if side < 1:
        raise DatasetError(f"`side` must be one pixel or more, got {side}: raise it")
    if side > min(shape):
        raise DatasetError(
            f"images must have at least {side} pixels per side, got {shape}: load them "
            "with a larger `image_size`"
        )
    parts = {}
    for name, split in _splits(data):
        corners = body_corners(data.to_hu(split.images), split.patients, side)
        images, labels = (
            None if slices is None else _cropped(slices, corners, side)
            for slices in (split.images, split.labels)
        )
        parts[name] = replace(split, images=images, labels=labels)
    return replace(data, **parts)


def body_corners(hu: np.ndarray, patients: np.ndarray, side: int) -> np.ndarray:
    """Find the square around each patient's body, the same in all of their slices.

    Args:
        hu: (n, height, width), HU.
        patients: (n,), whose slice it is.
        side: pixels per side of the square.

    Returns:
        int (n, 2): row and column of the upper left corner, so that the square lies in
        the image and its middle as near as can be to the middle of what is above
        `field_of_view.BODY_HU`.
    """
    corners = np.zeros((len(hu), 2), dtype=int)
    for patient in np.unique(patients):
        own = patients == patient
        body = (hu[own] > BODY_HU).mean(axis=0)
        for axis in (0, 1):
            profile, n = body.sum(axis=1 - axis), body.shape[axis]
            middle = (profile * (np.arange(n) + 0.5)).sum() / max(profile.sum(), 1e-9)
            corners[own, axis] = np.clip(round(middle - side / 2), 0, n - side)
    return corners


def _cropped(slices: np.ndarray, corners: np.ndarray, side: int) -> np.ndarray:
    """Cut a square out of each slice, (n, height, width, …), at its corner, (n, 2)."""
    pairs = zip(slices, corners, strict=True)
    return np.stack([one[y : y + side, x : x + side] for one, (y, x) in pairs])


def _splits(data: Dataset) -> list[tuple[str, Split]]:
    return [(name, getattr(data, name)) for name in ("train", "validation", "test")]

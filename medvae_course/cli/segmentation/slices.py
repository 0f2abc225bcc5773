"""Segment a volume slice by slice: labels and doubt are kept, probabilities are not."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from medvae_course.ct import hounsfield, views
from medvae_course.ct.field_of_view import BODY_HU, shows_body
from medvae_course.evaluate.segmentation_calibration import probabilities_of

from . import rules
from .grid import SliceGrid
from .inputs import Scan
from .model_folder import Card

DOUBT_STEPS = 255
"""An uint8 of doubt counts in steps of 1/255."""

_BATCH = 8
_PANELS = 4  # slices to show


class RefusedError(ValueError):
    """A scan that differs from the training data; the message says in what."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a scan, on its own grid.

    Args:
        labels: uint8 (z, y, x), label values.
        doubt: uint8 (z, y, x), in steps of 1/255: the probability, by the model's own
            word, that the label is wrong.
        skipped: slices that show next to no body and were left at 0.
        unseen: share of the body that lies outside the model's field of view.
        pictures: number of a slice → its HU, of a few slices to show.
        accepted: what would have been refused without `resample`.
        notes: what else is unlike the training data.
        seconds: what reading and segmenting took, by step.
    """

    labels: np.ndarray
    doubt: np.ndarray
    skipped: int
    unseen: float
    pictures: dict[int, np.ndarray]
    accepted: list[str]
    notes: list[str]
    seconds: dict[str, float] = field(default_factory=dict)


def segment_scan(
    scan: Scan,
    model: keras.Model,
    card: Card,
    *,
    resample: bool,
    tick: Callable[[int], object],
) -> Found:
    """Segment each slice of a scan that is like the training data.

    Args:
        scan: as read.
        model: from images (n, pixels, pixels, 1), model units, to logits.
        card: of the model.
        resample: accept another spacing or orientation than that of the training.
        tick: is told how many more slices are done.

    Returns:
        Labels and doubt on the grid of the scan.

    Raises:
        RefusedError: if the scan differs from the training data.
    """
    start = time.perf_counter()
    refusals = rules.check_scan(scan, card)
    _refuse([r for r in refusals if not (resample and r.is_grid)])
    hu = scan.volume.hu
    grid = SliceGrid(
        hu.shape[1:], scan.volume.spacing_mm[1:], card.side_mm, card.image_size
    )
    images = np.concatenate([grid.forward(hu[i : i + 1]) for i in range(len(hu))])
    shown = np.flatnonzero(shows_body(images))
    if card.crop:
        grid, images = _crop(grid, images, shown, card.crop)
    _refuse(rules.check_body(images[shown], card))
    prepared = time.perf_counter()
    labels, doubt = (np.zeros(hu.shape, np.uint8) for _ in range(2))
    values = np.array(list(card.labels), np.uint8)
    tick(len(hu) - len(shown))
    for rows in np.split(shown, range(_BATCH, len(shown), _BATCH)):
        batch = _probabilities(model, images[rows], card)
        for row, probabilities in zip(rows, batch, strict=True):
            at_voxels = grid.backward(probabilities)
            labels[row] = values[at_voxels.argmax(0)]
            wrong = np.clip(1 - at_voxels.max(0), 0, 1)
            doubt[row] = np.rint(wrong * DOUBT_STEPS)
            tick(1)
    return Found(
        labels,
        doubt,
        skipped=len(hu) - len(shown),
        unseen=_unseen(hu, grid),
        pictures={row: hu[row].copy() for row in _to_show(labels)},
        accepted=[f"{refusal.rule}, got {refusal.value}" for refusal in refusals],
        notes=rules.notes_on(scan, card),
        seconds={
            "compare and resample": prepared - start,
            "segment": time.perf_counter() - prepared,
        },
    )


def _crop(
    grid: SliceGrid, images: np.ndarray, shown: np.ndarray, side: int
) -> tuple[SliceGrid, np.ndarray]:
    """Cut the square around the body of the slices that show one out of all images."""
    if not len(shown):
        return grid, images  # `check_body` refuses the scan
    corners = views.body_corners(images[shown], np.zeros(len(shown)), side)
    y, x = corners[0].tolist()
    cut = images[:, y : y + side, x : x + side]
    return replace(grid, window=side, corner=(y, x)), cut


def _refuse(refusals: list[rules.Refusal]) -> None:
    if refusals:
        raise RefusedError("; ".join(str(refusal) for refusal in refusals))


def _probabilities(model: keras.Model, hu: np.ndarray, card: Card) -> np.ndarray:
    """Probabilities (n, pixels, pixels, classes) of images in HU."""
    images = hounsfield.to_model_units(
        hu, level_hu=card.level_hu, width_hu=card.width_hu
    )
    missing = _BATCH - len(images)  # a batch of another size would be compiled anew
    images = np.pad(images, ((0, missing), (0, 0), (0, 0)))[..., None]
    logits = model.predict_on_batch(images)[: len(hu)]
    return probabilities_of(logits, temperature=card.temperature)


def _to_show(labels: np.ndarray) -> list[int]:
    """Slices spread evenly among those that have a label."""
    shown = np.flatnonzero(labels.any(axis=(1, 2)))
    if not len(shown):
        shown = np.arange(len(labels))
    places = np.linspace(0, len(shown) - 1, min(_PANELS + 2, len(shown)))
    places = places[1:-1] if len(places) > _PANELS else places
    return shown[places.round().astype(int)].tolist()


def _unseen(hu: np.ndarray, grid: SliceGrid) -> float:
    outside = ~grid.inside()
    if not outside.any():
        return 0.0
    body = sum(int((image > BODY_HU).sum()) for image in hu)
    cut = sum(int((image[outside] > BODY_HU).sum()) for image in hu)
    return cut / max(body, 1)


def peak_gib() -> float | None:
    """Return the most memory this process held until now, GiB; None if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30

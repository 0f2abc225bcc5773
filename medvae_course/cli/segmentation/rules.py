"""What a scan must have in common with the training data, or it is refused."""

from dataclasses import dataclass

import numpy as np

from medvae_course.ct.audit import RULES
from medvae_course.ct.audit.facts import Scan as Facts
from medvae_course.ct.audit.scans import measure, tilt_degrees
from medvae_course.ct.audit.values import check_hu
from medvae_course.ct.field_of_view import BODY_HU
from medvae_course.ct.volume import Volume

from .inputs import Scan
from .model_folder import Card

SPACING_FACTOR = 1.25
"""By which the in-plane spacing may leave the range of the training scans."""

SLICE_FACTOR = 2.0
"""By which the slice distance may, before a note says so."""

TILT_DEGREES = 15.0
BODY_HU_MARGIN = 100.0
_SLICES = 40  # of a scan, to judge its values by
_REFUSED = ("C01", "C02", "C03", "C04")
RESAMPLE = "allow it with --resample, and look at the result"


@dataclass(frozen=True)
class Refusal:
    """A reason not to segment a scan.

    Args:
        rule: what must hold.
        value: what was found.
        remedy: what to do.
        is_grid: whether it is of the grid alone, which `--resample` accepts.
    """

    rule: str
    value: str
    remedy: str
    is_grid: bool = False

    def __str__(self) -> str:
        return f"{self.rule}, got {self.value}: {self.remedy}"


def check_scan(scan: Scan, card: Card) -> list[Refusal]:
    """Compare values, spacing and orientation of a scan with the training data."""
    return [*_values(scan.volume), *_spacing(scan, card), *_orientation(scan)]


def check_body(images: np.ndarray, card: Card) -> list[Refusal]:
    """Compare the HU of the body, as the model will see it, with the training data.

    Args:
        images: (n, pixels, pixels), HU, on the model's grid.
        card: of the model.
    """
    low, high = (card.level_hu + sign * card.width_hu / 2 for sign in (-1, 1))
    found = median_body_hu(np.clip(images, low, high))
    if found is None:
        return [
            Refusal(
                "a scan must show a body",
                f"no slice with {BODY_HU:.0f} HU and more",
                "check the rescale intercept, and whether it is a CT of a person",
            )
        ]
    low, high = card.body_hu
    if low - BODY_HU_MARGIN <= found <= high + BODY_HU_MARGIN:
        return []
    return [
        Refusal(
            f"the median of the body must be within {BODY_HU_MARGIN:.0f} HU of the "
            f"training patients' {low:.0f} to {high:.0f} HU",
            f"{found:.0f} HU",
            "check rescale slope and intercept; for another part of the body train "
            "another model",
        )
    ]


def median_body_hu(images: np.ndarray) -> float | None:
    """Return the median of what is no air, HU; None if all is air."""
    body = images[images > BODY_HU]
    return float(np.median(body)) if body.size else None


def notes_on(scan: Scan, card: Card) -> list[str]:
    """Say what is unlike the training data without being refused."""
    mm, (low, high) = scan.volume.spacing_mm[0], card.slice_mm
    notes = list(scan.notes)
    if not low / SLICE_FACTOR <= mm <= high * SLICE_FACTOR:
        notes.append(
            f"slices {mm:.3g} mm apart, {span(low, high)} mm in training: each slice "
            "is segmented by itself, but shows a thicker or thinner part of the body"
        )
    return notes


def span(low: float, high: float) -> str:
    """Return a range in words, such as "3.9 to 5.1"."""
    return f"{low:.3g}" if np.isclose(low, high) else f"{low:.3g} to {high:.3g}"


def _values(volume: Volume) -> list[Refusal]:
    rows = np.linspace(0, len(volume.hu) - 1, min(_SLICES, len(volume.hu))).astype(int)
    facts = measure(Facts(""), Volume(volume.hu[np.unique(rows)], volume.spacing_mm))
    found = [f for f in check_hu(facts) if f.rule in _REFUSED]
    return [
        Refusal(
            "values must be Hounsfield units",
            f"{finding.value} ({finding.rule}, {RULES[finding.rule].title})",
            RULES[finding.rule].remedy,
        )
        for finding in found
    ]


def _spacing(scan: Scan, card: Card) -> list[Refusal]:
    pixel, (low, high) = scan.volume.spacing_mm[1:], card.pixel_mm
    if low / SPACING_FACTOR <= min(pixel) <= max(pixel) <= high * SPACING_FACTOR:
        return []
    return [
        Refusal(
            f"pixels must be within a factor {SPACING_FACTOR:g} of the training "
            f"scans' {span(low, high)} mm",
            " × ".join(f"{mm:.3g}" for mm in pixel) + " mm",
            RESAMPLE,
            is_grid=True,
        )
    ]


def _orientation(scan: Scan) -> list[Refusal]:
    found = []
    if not scan.axial:
        value = "slices of another orientation"
        found.append(Refusal("slices must be axial", value, RESAMPLE, is_grid=True))
    tilt = tilt_degrees(scan.volume)
    if tilt > TILT_DEGREES:
        found.append(
            Refusal(
                f"axial slices may be tilted by {TILT_DEGREES:.0f} degrees at most",
                f"{tilt:.0f} degrees",
                "resample the scan to an upright grid first",
            )
        )
    return found

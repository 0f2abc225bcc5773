"""Rules D: spacing, gaps, tilt and orientation, against the set and against sense."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from .facts import Facts, Header, Scan, examples
from .rules import Finding

_FEW = 4  # scans from which on an outlier can be told
_FACTOR = 1.5  # of the median: a spacing within it is no outlier
_UNEVEN = 0.1  # of the distance of slices
_AXES = ("slice distance", "row distance", "column distance")
_TILT_DEGREES = 1.0


def check_geometry(facts: Facts) -> Iterator[Finding]:
    """Yield what is odd about the grids.

    Args:
        facts: of a folder.

    Yields:
        Findings of the rules D.

    Source: DICOM PS3.3 C.7.6.2.1.1. Outliers: median and median absolute deviation of
        the logarithm, F. R. Hampel, J. Am. Stat. Assoc. 69 (1974) 383.
    Taught in: chapter 1.
    """
    yield from check_scans(facts.readable)
    series: dict[str, list[Header]] = defaultdict(list)
    for h in facts.headers:
        is_slice = h.tags.get("ImageType", "").split("\\")[2:3] != ["LOCALIZER"]
        if (
            h.tags.get("Modality") == "CT"
            and h.position_mm
            and h.orientation
            and is_slice
        ):
            series[h.uids.get("Series Instance UID", "")].append(h)
    for headers in series.values():
        yield from _stack(headers)
    yield from _directions(list(series.values()))


def outliers(values: Sequence[float], *, factor: float) -> list[int]:
    """Return the indices of values far from the median, on a logarithmic scale.

    Args:
        values: positive.
        factor: a value within this factor of the median is never an outlier.

    Returns:
        Where |log(value / median)| is more than log(factor) and more than 5 standard
        deviations, estimated by the median absolute deviation.

    Example:
        >>> outliers([1.0, 1.1, 0.9, 1.0, 5.0], factor=1.5)
        [4]
    """
    logs = np.log(np.maximum(values, 1e-9))
    away = np.abs(logs - np.median(logs))
    limit = max(1.001 * np.log(factor), 5 * 1.4826 * float(np.median(away)))
    return np.flatnonzero(away > limit).tolist()


def check_scans(scans: Sequence[Scan]) -> Iterator[Finding]:
    """Yield what the spacings and tilts of volumes say."""
    odd: set[int] = set()
    for axis, name in enumerate(_AXES):
        mm = [scan.spacing_mm[axis] for scan in scans]
        for i in outliers(mm, factor=_FACTOR) if len(scans) >= _FEW else []:
            odd.add(i)
            value = f"{name} {mm[i]:.3g} mm, the median is {np.median(mm):.3g} mm"
            yield Finding("D01", value, (scans[i].where,))
    others = [s.spacing_mm[0] for i, s in enumerate(scans) if i not in odd]
    if others and max(others) > 2 * min(others):
        value = f"slice distances from {min(others):.3g} to {max(others):.3g} mm"
        yield Finding("D06", f"{value} in one folder")
    for scan in scans:
        if scan.tilt_degrees > _TILT_DEGREES:
            value = f"slices tilted by {scan.tilt_degrees:g} degrees"
            yield Finding("D03", value, (scan.where,))


def _stack(headers: Sequence[Header]) -> Iterator[Finding]:
    where = examples(header.file for header in headers)
    first = np.array(headers[0].orientation)
    turned = [
        h for h in headers if np.abs(np.subtract(h.orientation, first)).max() > 1e-3
    ]
    if turned:
        return  # the reader refuses it, in words: F02
    normal = np.cross(first[:3], first[3:])
    offsets = np.subtract([h.position_mm for h in headers], headers[0].position_mm)
    along = offsets @ normal
    order = np.argsort(along)
    gaps = np.diff(along[order])
    if len(gaps) == 0:
        return
    distance = float(np.median(gaps))
    if gaps.min() < 1e-3 or np.abs(gaps - distance).max() > _UNEVEN * distance:
        value = f"gaps from {gaps.min():.3g} to {gaps.max():.3g} mm"
        yield Finding("D04", f"{value} in {len(headers)} slices", where)
    aside = np.linalg.norm(offsets - np.outer(along, normal), axis=1)
    worst = int(np.argmax(aside))
    if gaps.min() >= 1e-3 and aside[worst] > max(1.0, 0.02 * abs(along[worst])):
        angle = np.degrees(np.arctan2(aside[worst], abs(along[worst])))
        yield Finding("D05", f"{angle:.1f} degrees", where)
    thick = _thickness(headers)
    if thick and distance > _FACTOR * thick:
        value = f"slices of {thick:.3g} mm lie {distance:.3g} mm apart"
        yield Finding("D02", value, where)


def _thickness(headers: Sequence[Header]) -> float:
    try:
        return float(np.median([float(h.tags["SliceThickness"]) for h in headers]))
    except (KeyError, ValueError):
        return 0.0


def _directions(series: Sequence[Sequence[Header]]) -> Iterator[Finding]:
    """Compare in which plane each series lies: axial, coronal or sagittal."""
    planes = []
    for headers in series:
        along = np.reshape(headers[0].orientation, (2, 3))
        normal = np.abs(np.cross(along[0], along[1]))
        planes.append(("sagittal", "coronal", "axial")[int(np.argmax(normal))])
    if len(set(planes)) < 2:
        return
    usual = Counter(planes).most_common(1)[0][0]
    for plane, headers in zip(planes, series, strict=True):
        if plane != usual:
            value = f"{plane}, most are {usual}"
            yield Finding("D07", value, examples(h.file for h in headers))

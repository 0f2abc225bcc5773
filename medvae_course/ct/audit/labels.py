"""Rules E: labels that are missing, do not fit, or are not like those of the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from .facts import Facts, Scan, Structure, examples
from .geometry import outliers
from .rules import Finding

_FEW = 6  # patients from which on an outlier can be told
_FACTOR = 4.0  # healthy organs differ by less; what is cut off by the scan is left out
_FAR_HU = 200.0
_SMALL_ML = 1.0  # of this size, one voxel more or less matters


def check_labels(facts: Facts) -> Iterator[Finding]:
    """Yield what is odd about the labels.

    Args:
        facts: of a folder.

    Yields:
        Findings of the rules E.

    Taught in: chapter 1.
    """
    scans = facts.readable
    yield from _missing(scans)
    for scan in scans:
        if scan.label_problem:
            yield Finding("E02", scan.label_problem, (scan.where,))
        elif scan.labelled and not scan.structures:
            yield Finding("E04", "no labelled voxel", (scan.where,))
    yield from _unnamed(scans, facts.named)
    by_label: dict[str, list[tuple[Scan, Structure]]] = defaultdict(list)
    for scan in scans:
        for one in scan.structures:
            by_label[one.name or f"label {one.value}"].append((scan, one))
    for name, members in sorted(by_label.items()):
        yield from _far(name, members)


def _missing(scans: Sequence[Scan]) -> Iterator[Finding]:
    without = [scan.where for scan in scans if not scan.labelled]
    if 0 < len(without) < len(scans):
        value = f"{len(without)} of {len(scans)} CT have none"
        yield Finding("E01", value, examples(without), len(without))


def _unnamed(scans: Sequence[Scan], named: bool) -> Iterator[Finding]:
    places: dict[int, list[str]] = defaultdict(list)
    for scan in scans:
        for structure in scan.structures:
            if not structure.name:
                places[structure.value].append(scan.where)
    if not places:
        return
    where = examples(place for found in places.values() for place in found)
    values = ", ".join(map(str, sorted(places)[:12]))
    value = f"values {values} are not in the table" if named else f"values {values}"
    yield Finding("E03", value, where, len(places))


def _far(name: str, members: Sequence[tuple[Scan, Structure]]) -> Iterator[Finding]:
    whole = [(scan, s) for scan, s in members if not s.cut and s.ml >= _SMALL_ML]
    ml = [structure.ml for _, structure in whole]
    for i in outliers(ml, factor=_FACTOR) if len(whole) >= _FEW else []:
        value = f"{name}: {ml[i]:.0f} ml, the median is {np.median(ml):.0f} ml"
        yield Finding("E05", value, (whole[i][0].where,))
    if len(members) < _FEW:
        return
    hu = np.array([structure.mean_hu for _, structure in members])
    median = float(np.median(hu))
    away = np.abs(hu - median)
    limit = max(_FAR_HU, 6 * 1.4826 * float(np.median(away)))
    for i in np.flatnonzero(away > limit):
        value = f"{name}: mean {hu[i]:.0f} HU, the median is {median:.0f} HU"
        yield Finding("E06", value, (members[i][0].where,))

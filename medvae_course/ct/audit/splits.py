"""Rules B: the same patient, or the same slice, on both sides of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from . import prints
from .facts import Facts, Header, Scan, examples
from .rules import Finding
from .scans import part_of

_NOBODY = {"", "0", "anon", "anonymous", "anonymized", "anonymised", "unknown", "none"}
_SAME_MEAN_HU = 20.0  # noise, compression and a shift move the mean of a slice less
_SAME_SD = 0.02


def check_splits(facts: Facts) -> Iterator[Finding]:
    """Yield what is shared between parts, and slices that are the same.

    Args:
        facts: of a folder.

    Yields:
        Findings of the rules B, and C07 for copies with another offset.

    Taught in: chapter 2.
    """
    parts = _parts(facts)
    patients = _patients(facts)
    yield from _nobody(facts)
    yield from _shared_patients(parts, patients)
    yield from _shared_uids(facts.headers, parts)
    yield from _no_part(facts, parts)
    yield from _same_slices(facts.readable)


def _patients(facts: Facts) -> dict[str, str]:
    """File to patient, of all files that name one."""
    patients = {h.file: h.patient_id for h in facts.headers}
    for scan in facts.scans:
        patients.update(dict.fromkeys(scan.files, scan.patient_id))
    return {f: p for f, p in patients.items() if p.strip().lower() not in _NOBODY}


def _parts(facts: Facts) -> dict[str, str]:
    """File to part, "" where it is in none."""
    if facts.split:
        patients = _patients(facts)
        return {
            file: facts.split.get(patient, "") for file, patient in patients.items()
        }
    files = {header.file for header in facts.headers}
    files |= {file for scan in facts.scans for file in scan.files}
    return {file: part_of(file) for file in files}


def _nobody(facts: Facts) -> Iterator[Finding]:
    studies: dict[str, str] = {}
    for h in facts.headers:
        if h.patient_id.strip().lower() in _NOBODY:
            studies.setdefault(h.uids.get("Study Instance UID", ""), h.file)
    if len(studies) > 1 or (studies and facts.split):
        value = f"{len(studies)} studies without a Patient ID that tells who"
        yield Finding("B06", value, examples(studies.values()), len(studies))


def _shared_patients(
    parts: dict[str, str], patients: dict[str, str]
) -> Iterator[Finding]:
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for file, patient in sorted(patients.items()):
        if parts.get(file):
            places[patient].setdefault(parts[file], file)
    for found in places.values():
        if len(found) > 1:
            yield Finding(
                "B01", f"one patient in {_and(found)}", examples(found.values())
            )


def _shared_uids(headers: Sequence[Header], parts: dict[str, str]) -> Iterator[Finding]:
    """Say which UIDs are shared; where the patient is shared too, B01 has said it."""
    for name in ("Study Instance UID", "Series Instance UID", "SOP Instance UID"):
        places: dict[str, dict[str, Header]] = defaultdict(dict)
        for header in headers:
            part, value = parts.get(header.file, ""), header.uids.get(name)
            if part and value:
                places[value].setdefault(part, header)
        shared = [
            found
            for found in places.values()
            if len(found) > 1 and len({h.patient_id for h in found.values()}) > 1
        ]
        if shared:
            where = examples(h.file for found in shared for h in found.values())
            yield Finding(
                "B02", f"{len(shared)} {name} in {_and(shared[0])}", where, len(shared)
            )


def _no_part(facts: Facts, parts: dict[str, str]) -> Iterator[Finding]:
    if not any(parts.values()):
        if facts.split:
            yield Finding("B05", "no patient of the split file is in the folder")
        return
    left_out = [scan.where for scan in facts.scans if not parts.get(scan.files[0])]
    if left_out:
        value = f"{len(left_out)} of {len(facts.scans)} CT are in no part"
        yield Finding("B05", value, examples(left_out), len(left_out))
    missing = set(facts.split) - {scan.patient_id for scan in facts.scans}
    if missing:
        value = f"{len(missing)} patients of the split file are not in the folder"
        yield Finding("B05", value, (), len(missing))


def _same_slices(scans: Sequence[Scan]) -> Iterator[Finding]:
    scans = [scan for scan in scans if scan.coarse is not None and len(scan.coarse)]
    if len(scans) < 2:
        return
    owner = np.repeat(np.arange(len(scans)), [len(scan.coarse) for scan in scans])
    moments = np.concatenate([scan.slice_moments for scan in scans])
    index = np.concatenate([scan.slice_index for scan in scans])
    found: dict[tuple[str, int, int], list[tuple[int, int, float]]] = defaultdict(list)
    pairs = prints.near_duplicates(
        np.concatenate([scan.coarse for scan in scans]),
        np.concatenate([scan.fine for scan in scans]),
        owner,
    )
    for a, b, score in pairs:
        for rule in _rules(scans[owner[a]], scans[owner[b]], moments[[a, b]]):
            found[rule, owner[a], owner[b]].append((index[a], index[b], score))
    for (rule, first, second), same in sorted(found.items()):
        a, b = scans[first], scans[second]
        best = max(same, key=lambda pair: pair[2])
        value = (
            f"{len(same)} slices, the closest: slice {best[0] + 1} of the one and "
            f"{best[1] + 1} of the other, similarity {best[2]:.3f}"
        )
        if rule == "B03":
            value += f", in {_and([a.part, b.part])}"
        yield Finding(rule, value, (a.where, b.where), len(same))


def _rules(a: Scan, b: Scan, moments: np.ndarray) -> Iterator[str]:
    if a.part and b.part and a.part != b.part:
        yield "B03"
    elif a.patient_id != b.patient_id:
        yield "B04"
    means, sds = moments.T
    offset = abs(means[0] - means[1]) > _SAME_MEAN_HU
    if offset and abs(sds[0] - sds[1]) < _SAME_SD * sds.max():
        yield "C07"


def _and(parts: Sequence[str] | dict) -> str:
    return " and ".join(sorted(parts))

"""What a set consists of, in numbers that identify nobody."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .facts import HU_EDGES, Facts, Header, Scan, Structure

FEWEST = 5
"""Patients that must share an age band or sex before the number is told."""

_TECHNICAL = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "kernel": "ConvolutionKernel",
    "tube voltage, kV": "KVP",
    "slice thickness, mm": "SliceThickness",
    "body part": "BodyPartExamined",
    "transfer syntax": "TransferSyntaxUID",
    "lossy compression": "LossyImageCompression",
}


def file_digest(facts: Facts) -> str:
    """Return the sha256 of the list of files: lines `<sha256>  <path>`, sorted.

    Example:
        >>> file_digest(Facts(digests={"a": "0" * 64}))[:12]
        '53d743f33b89'
    """
    lines = (f"{digest}  {file}\n" for file, digest in sorted(facts.digests.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def technical(headers: Sequence[Header]) -> dict[str, dict[str, int]]:
    """Count series by each technical attribute; None of them identifies anyone.

    Args:
        headers: of a folder.

    Returns:
        Name of the attribute to value to number of series; absent ones are left out.
    """
    found: dict[str, Counter] = {}
    for name, keyword in _TECHNICAL.items():
        series: dict[str, set[str]] = defaultdict(set)
        for header in headers:
            if value := header.tags.get(keyword, "").strip():
                series[value].add(header.uids.get("Series Instance UID", ""))
        if series:
            found[name] = Counter({value: len(uids) for value, uids in series.items()})
    contrast: dict[str, bool] = {}
    for header in headers:
        if header.tags.get("Modality") == "CT":
            given = bool(header.tags.get("ContrastBolusAgent", "").strip())
            uid = header.uids.get("Series Instance UID", "")
            contrast[uid] = contrast.get(uid, False) or given
    if contrast:
        words = (
            "agent named" if given else "none named" for given in contrast.values()
        )
        found["contrast medium"] = Counter(words)
    return {name: dict(sorted(counts.items())) for name, counts in found.items()}


def people(headers: Sequence[Header]) -> dict[str, dict[str, int]]:
    """Count patients by sex and by ten years of age, if that hides everybody.

    Args:
        headers: of a folder.

    Returns:
        "sex" and "age" to band to number. If one band has less than `FEWEST` patients
        the whole count is left out, for the others would give it away by subtraction.
    """
    by_patient: dict[str, Header] = {}
    for header in headers:
        if header.patient_id.strip():
            by_patient.setdefault(header.patient_id, header)
    bands: dict[str, Callable[[Header], str]] = {
        "sex": lambda h: h.tags.get("PatientSex", "").strip() or "not told",
        "age": lambda h: _decade(h.tags.get("PatientAge", "")),
    }
    counts = {
        name: Counter(band(header) for header in by_patient.values())
        for name, band in bands.items()
    }
    return {
        name: dict(sorted(found.items()))
        for name, found in counts.items()
        if found and set(found) != {"not told"} and min(found.values()) >= FEWEST
    }


def _decade(age: str) -> str:
    match = re.fullmatch(r"(\d{3})Y", age.strip())
    if not match:
        return "not told"
    decade = int(match[1]) // 10 * 10
    return f"{decade}–{decade + 9}" if decade < 90 else "90 and older"


def percentiles(
    histograms: Iterable[np.ndarray | None], *, wanted: Sequence[float]
) -> list[float]:
    """Return percentiles of HU over all voxels, to the width of a bin.

    Args:
        histograms: voxels per bin of `facts.HU_EDGES`; None counts for nothing.
        wanted: which ones, in percent.

    Returns:
        HU, or an empty list if there are no voxels.

    Example:
        >>> water = np.zeros(768, int)
        >>> water[256] = 10
        >>> percentiles([water, None], wanted=(5, 50))
        [4.0, 4.0]
    """
    filled = [histogram for histogram in histograms if histogram is not None]
    if not filled:
        return []
    total = np.cumsum(np.sum(filled, axis=0, dtype=np.int64))
    centres = (HU_EDGES[:-1] + HU_EDGES[1:]) / 2
    ranks = np.multiply(wanted, total[-1] / 100)
    return centres[np.minimum(np.searchsorted(total, ranks), len(total) - 1)].tolist()


def label_table(scans: Sequence[Scan]) -> list[dict]:
    """Describe each structure over the patients that have it.

    Args:
        scans: readable ones.

    Returns:
        Rows with `name`, `patients`, how many are `cut` by the scan's end, the median,
        minimum and maximum of `ml` and of the mean `hu`, and `percentiles_hu` (5, 50
        and 95 %) of the voxels, in the order of the labels' values.
    """
    found: dict[tuple[int, str], list[tuple[Scan, Structure]]] = defaultdict(list)
    for scan in scans:
        for one in scan.structures:
            found[one.value, one.name or f"label {one.value}"].append((scan, one))
    return [
        {
            "name": name,
            "patients": len({scan.patient_id or scan.where for scan, _ in members}),
            "cut": sum(one.cut for _, one in members),
            "ml": _spread([one.ml for _, one in members]),
            "hu": _spread([one.mean_hu for _, one in members]),
            "percentiles_hu": percentiles(
                [one.histogram for _, one in members], wanted=(5, 50, 95)
            ),
        }
        for (_, name), members in sorted(found.items())
    ]


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return float(np.median(values)), float(min(values)), float(max(values))

"""Rules C: are these values Hounsfield units?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .facts import Facts, Header, Scan, examples
from .rules import Finding

_HIGHEST_HU = 4000.0  # a 12-bit scanner ends at 3071; metal on a wider scale above
_LOWEST_HU = -1500.0  # interpolation rings to -1250 at most in the data looked at


def check_values(facts: Facts) -> Iterator[Finding]:
    """Yield what speaks against Hounsfield units.

    Args:
        facts: of a folder.

    Yields:
        Findings of the rules C.

    Source: DICOM PS3.3 C.11.1.1.2 (rescale), C.7.6.1.1.5 (lossy compression).
    Taught in: chapter 1.
    """
    for scan in facts.readable:
        yield from check_hu(scan)
    series: dict[str, list[Header]] = defaultdict(list)
    for header in facts.headers:
        if header.tags.get("Modality") == "CT":
            series[header.uids.get("Series Instance UID", "")].append(header)
    for headers in series.values():
        yield from _rescale(headers)


def check_hu(scan: Scan) -> Iterator[Finding]:
    """Yield what the values of one volume say, the gravest suspicion only."""
    low, high, where = scan.low_hu, scan.high_hu, (scan.where,)
    span = f"values from {low:g} to {high:g}"
    air, zero, water = (scan.share(*r) for r in ((-1120, -880), (-64, 64), (880, 1152)))
    if low >= -1.01 and high <= 1.01:
        yield Finding("C03", f"{span} are no Hounsfield units", where)
    elif low >= 0 and high <= 255:
        yield Finding("C04", span, where)
    elif air < 0.01 and zero > 0.05 and water > 0.05:
        yield Finding(
            "C02",
            f"{span}, {zero:.0%} near 0 and {water:.0%} near 1000:"
            " was the rescale intercept left out?",
            where,
        )
    elif low > -500:
        yield Finding(
            "C01",
            f"lowest value {low:.0f} HU:"
            " was the rescale intercept left out, or the volume cropped?",
            where,
        )
    elif low < _LOWEST_HU or high > _HIGHEST_HU:
        yield Finding("C09", span, where)
    elif scan.top_share > 1e-3 and high < 2000:
        yield Finding("C05", f"{scan.top_share:.1%} of all voxels are {high:g}", where)


def _rescale(headers: Sequence[Header]) -> Iterator[Finding]:
    where = examples(header.file for header in headers)
    pairs = {
        tuple(header.tags.get(f"Rescale{name}") for name in ("Slope", "Intercept"))
        for header in headers
    }
    if len(pairs) > 1:
        shown = ", ".join(
            f"{slope} and {cut}" for slope, cut in sorted(pairs, key=str)[:3]
        )
        yield Finding("C06", f"{len(pairs)} pairs: {shown}", where, len(headers))
    kinds = {header.tags.get("RescaleType", "") for header in headers}
    other = kinds - {"", "HU", "US"}  # US, unspecified: written into plain CT by some
    if other:
        yield Finding("C08", ", ".join(sorted(other)), where, len(headers))
    lossy = [h.file for h in headers if h.tags.get("LossyImageCompression") == "01"]
    if lossy:
        value = f"{len(lossy)} of {len(headers)} images of a series"
        yield Finding("C10", value, examples(lossy), len(lossy))

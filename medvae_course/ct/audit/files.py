"""Rules F: files twice, files that cannot be read, and files that do not belong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from .facts import Facts, Scan, examples
from .rules import Finding

_BESIDE_CT = {"", "CT", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "REG"}
_IMAGES = (".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")


def check_files(facts: Facts) -> Iterator[Finding]:
    """Yield what is odd about the files themselves.

    Args:
        facts: of a folder.

    Yields:
        Findings of the rules F.

    Taught in: chapter 1.
    """
    yield from _twice(facts)
    for file, reason in facts.unreadable:
        yield Finding("F02", reason, (file,))
    for scan in facts.scans:
        if scan.problem:
            yield Finding("F02", scan.problem, (scan.where,), len(scan.files))
    yield from _other_modalities(facts)
    yield from check_several(facts.scans)
    yield from _images_twice(facts)


def _twice(facts: Facts) -> Iterator[Finding]:
    images = {h.file for h in facts.headers}
    places: dict[str, list[str]] = defaultdict(list)
    for file, digest in facts.digests.items():
        if file in images or file.lower().endswith(_IMAGES):
            places[digest].append(file)
    copies = [files for files in places.values() if len(files) > 1]
    if copies:
        n = sum(len(files) - 1 for files in copies)
        where = examples(file for files in copies for file in files)
        yield Finding("F01", f"{n} files are copies of others, byte by byte", where, n)


def _other_modalities(facts: Facts) -> Iterator[Finding]:
    modalities: dict[str, list[str]] = defaultdict(list)
    for header in facts.headers:
        modalities[header.tags.get("Modality", "")].append(header.file)
    if "CT" not in modalities and not facts.scans:
        return  # no CT set
    for modality, files in sorted(modalities.items()):
        if modality not in _BESIDE_CT:
            yield Finding(
                "F03", f"{modality}: {len(files)} files", examples(files), len(files)
            )


def check_several(scans: Sequence[Scan]) -> Iterator[Finding]:
    """Yield patients that have several CT."""
    places: dict[str, list[str]] = defaultdict(list)
    for scan in scans:
        if scan.patient_id:
            places[scan.patient_id].append(scan.where)
    several = [found for found in places.values() if len(found) > 1]
    if several:
        where = examples(place for found in several for place in found)
        value = f"several CT of one patient, so of {len(several)} in all"
        yield Finding("F04", value, where, len(several))


def _images_twice(facts: Facts) -> Iterator[Finding]:
    series: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for header in facts.headers:
        image = header.uids.get("SOP Instance UID", "")
        if image:
            series[header.uids["Series Instance UID"]].append((image, header.file))
    for members in series.values():
        counts = Counter(image for image, _ in members)
        twice = [file for image, file in members if counts[image] > 1]
        if twice:
            n = sum(count - 1 for count in counts.values())
            value = f"{n} of {len(members)} images repeat another's UID"
            yield Finding("F05", value, examples(twice), n)

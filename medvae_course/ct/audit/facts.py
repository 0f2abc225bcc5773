"""What the audit knows of a folder: plain facts; no rule reads a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..volume import Triple

HU_EDGES = np.arange(-2048, 4097, 8)
"""Edges of the histogram that is kept of each volume, HU; its ends take the rest."""

_PERSON = (
    re.compile(r"[^\W\d_]{2,}\^[^\W\d_]+"),  # Doe^Jane
    # Doe_Jane_1950-01-31
    re.compile(r"[A-Z][a-z]+[ _,-]+[A-Z][a-z]+[ _-]+(19|20)\d\d-?[01]\d-?[0-3]\d"),
)


@dataclass(frozen=True)
class Header:
    """What the header of one DICOM file says.

    Args:
        file: path relative to the folder.
        patient_id: kept for comparison, never shown.
        uids: keyword to UID, of study, series, image and frame of reference.
        identifiers: (tag, name, kind) left by the Basic Profile; kind is "person",
            "date", "uid" or "other".
        private_text: (tag, whether it looks like a person's name).
        options: code values of the de-identification that the file declares.
        tags: keyword to text of technical attributes that identify nobody.
        position_mm: (x, y, z) of the first pixel, mm, or None.
        orientation: six numbers, or None.
        named_in_path: parts of the path that hold a word of Patient's Name.
    """

    file: str
    patient_id: str = ""
    uids: dict[str, str] = field(default_factory=dict)
    identifiers: tuple[tuple[str, str, str], ...] = ()
    private_text: tuple[tuple[str, bool], ...] = ()
    options: frozenset[str] = frozenset()
    tags: dict[str, str] = field(default_factory=dict)
    position_mm: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    named_in_path: tuple[str, ...] = ()

    @property
    def identity_removed(self) -> bool:
        """Whether the file says so."""
        return self.tags.get("PatientIdentityRemoved") == "YES"


@dataclass(frozen=True, eq=False)
class Structure:
    """One label of one patient.

    Args:
        value: number in the label array.
        name: its name, or "" if nobody gave one.
        ml: volume, millilitres.
        mean_hu: mean of the image under it, HU.
        cut: whether it reaches the first or last slice, so that its volume is partial.
        histogram: voxels per bin of `HU_EDGES`.
    """

    value: int
    name: str
    ml: float
    mean_hu: float
    cut: bool
    histogram: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Scan:
    """One CT volume: what remains of it after it was read and let go.

    Args:
        where: file, or folder of the series, relative.
        files: its files, relative.
        patient_id: who; shown only where it is a name of a file or folder.
        part: "train", "validation", "test" or "".
        kind: "DICOM", or the ending of the file, such as ".nii.gz".
        problem: why it could not be read, or "".
        shape: voxels along (z, y, x).
        spacing_mm: voxel size along (z, y, x), mm.
        tilt_degrees: angle of the slices' normal with the body axis.
        low_hu: lowest value.
        high_hu: highest value.
        whole: whether all values are whole numbers.
        top_share: share of voxels that have the highest value.
        histogram: voxels per bin of `HU_EDGES`.
        labelled: whether labels belong to it, readable or not.
        label_problem: why the labels could not be read, or "".
        structures: what the labels hold.
        coarse: (n, 1024) int8, `prints.fingerprints`.
        fine: (n, 4096) int8, `prints.fingerprints`.
        slice_index: (n,) slice of each fingerprint.
        slice_moments: (n, 2) mean and standard deviation of those slices, HU.
    """

    where: str
    files: tuple[str, ...] = ()
    patient_id: str = ""
    part: str = ""
    kind: str = ".nii.gz"
    problem: str = ""
    shape: tuple[int, int, int] = (0, 0, 0)
    spacing_mm: Triple = (1.0, 1.0, 1.0)
    tilt_degrees: float = 0.0
    low_hu: float = -1000.0
    high_hu: float = 1000.0
    whole: bool = True
    top_share: float = 0.0
    histogram: np.ndarray | None = None
    labelled: bool = False
    label_problem: str = ""
    structures: tuple[Structure, ...] = ()
    coarse: np.ndarray | None = None
    fine: np.ndarray | None = None
    slice_index: np.ndarray | None = None
    slice_moments: np.ndarray | None = None

    def share(self, low_hu: float, high_hu: float) -> float:
        """Share of voxels between two values, HU, to the width of a bin."""
        if self.histogram is None or not self.histogram.sum():
            return 0.0
        inside = (HU_EDGES[:-1] >= low_hu) & (HU_EDGES[1:] <= high_hu)
        return float(self.histogram[inside].sum() / self.histogram.sum())


@dataclass(frozen=True)
class Facts:
    """All facts of a folder.

    Args:
        headers: one for each DICOM file.
        scans: one for each CT volume.
        unreadable: (file, reason) of image files that cannot be read.
        digests: file to sha256 of its bytes, of all files.
        split: patient to part, if a split file was given.
        named: whether the folder gives names to label values.
        notes: what libraries complained about.
    """

    headers: tuple[Header, ...] = ()
    scans: tuple[Scan, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    digests: dict[str, str] = field(default_factory=dict)
    split: dict[str, str] = field(default_factory=dict)
    named: bool = False
    notes: tuple[str, ...] = ()

    @property
    def telling_names(self) -> set[str]:
        """Names of files and folders that obviously hold a person's name."""
        parts = {part for file in self.digests for part in file.split("/")}
        named = {part for header in self.headers for part in header.named_in_path}
        return named | {part for part in parts if looks_like_person(part)}

    @property
    def readable(self) -> list[Scan]:
        """The scans that could be read."""
        return [scan for scan in self.scans if not scan.problem]


def looks_like_person(text: str) -> bool:
    """Tell whether a text obviously holds a person's name.

    Example:
        >>> looks_like_person("Doe^Jane"), looks_like_person("Abdomen")
        (True, False)
    """
    return any(pattern.search(text) for pattern in _PERSON)


def examples(places: Iterable[str], *, most: int = 200) -> tuple[str, ...]:
    """Return the first of the distinct places, in order of their names."""
    return tuple(sorted(set(places))[:most])

"""Find the DICOM series of a folder by what their headers say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from . import files
from .slices import (
    CT_CLASSES,
    HEADER,
    DicomError,
    Slice,
    parse_slices,
    read_dataset,
    reason,
)

_MOST_NOTES = 5


@dataclass(frozen=True, eq=False)
class Header:
    """What the header of one file says: to which series it belongs, and its slices.

    Args:
        file: the file.
        series_uid: Series Instance UID.
        patient_id: Patient ID.
        modality: Modality.
        description: Series Description.
        sop_class: SOP class.
        localizer: whether it is a localizer ("scout") of a CT.
        shape: (rows, columns); zeros for what is no image.
        n_slices: number of frames.
        notes: what a reader should know, in words.
        slices: the slices, if it is a CT image without a problem.
        problem: why there are no slices, in words; empty for what is no CT image.
    """

    file: Path
    series_uid: str
    patient_id: str
    modality: str
    description: str
    sop_class: UID
    localizer: bool
    shape: tuple[int, int]
    n_slices: int
    notes: tuple[str, ...]
    slices: tuple[Slice, ...]
    problem: str

    @property
    def is_ct(self) -> bool:
        """Whether it holds CT slices."""
        return self.sop_class in CT_CLASSES and not self.localizer


@dataclass(frozen=True)
class Series:
    """Files of one series, as found on disk; nothing but headers has been read.

    Args:
        series_uid: Series Instance UID.
        patient_id: Patient ID; may be empty.
        modality: "CT", "MR" and so on; may be empty.
        description: Series Description; may be empty.
        files: the files, in the order of their paths (not of the slices).
        n_slices: number of images in them.
        shape: (rows, columns) of the first image; (0, 0) for what is no image.
        is_ct: whether `read_series` can take it: CT images, no localizers ("scouts").
        notes: what a reader should know, in words.
        part: which stack and time it is, where multi-frame files hold several.
        headers: what was read of each file, so that it need not be read again.
    """

    series_uid: str
    patient_id: str
    modality: str
    description: str
    files: tuple[Path, ...]
    n_slices: int
    shape: tuple[int, int]
    is_ct: bool
    notes: tuple[str, ...]
    part: str = ""
    headers: tuple[Header, ...] = field(default=(), repr=False, compare=False)


def find_series(
    folder: str | Path, *, skipped: list[tuple[Path, str]] | None = None
) -> list[Series]:
    """Find all DICOM series under a folder by what the files say, not their names.

    Files of one series that differ in patient, kind of image or SOP class become
    series of their own; so do the stacks and the points in time of multi-frame files.
    References inside files (DICOMDIR) are not followed.

    Args:
        folder: folder to search, with everything below it.
        skipped: list to which (file, reason) is added for each file left out.

    Returns:
        The series, sorted by patient and UID; empty if there is none.

    Raises:
        DicomError: if `folder` is not a folder.

    Taught in: chapter 1.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DicomError(f"{folder} must be a folder, got nothing of that kind there")
    skipped = [] if skipped is None else skipped
    groups = defaultdict(list)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            header = read_header(file)
        except DicomError as error:
            skipped.append((file, str(error)))
            continue
        key = (header.patient_id, header.series_uid, header.sop_class)
        groups[*key, header.localizer].append(header)
    return [s for _, headers in sorted(groups.items()) for s in _by_part(headers)]


def read_header(file: Path) -> Header:
    """Read of a file what tells to which series it belongs, and its slices if CT.

    Args:
        file: any DICOM file.

    Returns:
        Its header. A CT image whose slices cannot be placed has a `problem`.

    Raises:
        DicomError: if it is no DICOM file, a broken one, or belongs to no series.

    Taught in: chapter 1.
    """
    file = Path(file)
    with files.collected_warnings() as caught:
        dataset = read_dataset(file, keywords=HEADER)
        try:
            header = _header(dataset, file)
        except DicomError:
            raise
        except Exception as error:  # values are parsed only now
            message = f"{file.name} has a broken header: {reason(error)}"
            raise DicomError(message) from error
        if header.is_ct:
            header = _with_slices(header, dataset)
    oddities = [*dataset.oddities, *files.told(caught)]
    return replace(header, notes=(*header.notes, *oddities))


def _header(dataset: Dataset, file: Path) -> Header:
    if not dataset.get("SeriesInstanceUID"):
        raise DicomError(f"{file.name} names no series")
    sop_class = UID(str(dataset.get("SOPClassUID", "")))
    kinds = list(dataset.get("ImageType") or [])[2:3]
    lossy = dataset.get("LossyImageCompression") == "01"
    return Header(
        file=file,
        series_uid=str(dataset.SeriesInstanceUID),
        patient_id=str(dataset.get("PatientID") or ""),
        modality=str(dataset.get("Modality") or ""),
        description=str(dataset.get("SeriesDescription") or ""),
        sop_class=sop_class,
        localizer=sop_class in CT_CLASSES and kinds == ["LOCALIZER"],
        shape=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
        n_slices=int(dataset.get("NumberOfFrames") or 1),
        notes=("lossily compressed: HU are approximate",) * lossy,
        slices=(),
        problem="",
    )


def _with_slices(header: Header, dataset: Dataset) -> Header:
    try:
        slices = tuple(parse_slices(dataset, header.file))
    except DicomError as error:
        return replace(header, problem=str(error))
    inverted = ("MONOCHROME1: shown inverted, HU are not",) * slices[0].stored.inverted
    return replace(header, slices=slices, notes=header.notes + inverted)


def _by_part(headers: list[Header]) -> list[Series]:
    """One series, or one for each stack and time that its multi-frame files hold."""
    parts = sorted({s.part for header in headers for s in header.slices})
    if len(parts) < 2:
        return [_series(headers)]
    found = []
    for part in parts:
        chosen = [
            replace(h, slices=kept, n_slices=len(kept))
            for h in headers
            if (kept := tuple(s for s in h.slices if s.part == part)) or h.problem
        ]
        found.append(replace(_series(chosen), part=part))
    return found


def _series(headers: list[Header]) -> Series:
    first = headers[0]
    notes = []
    if first.sop_class not in CT_CLASSES:
        notes.append(f"{first.sop_class.name}: not CT slices")
    if first.localizer:
        notes.append("localizer images, not slices")
    notes += summary(note for header in headers for note in dict.fromkeys(header.notes))
    if len({header.shape for header in headers}) > 1:
        notes.append("images of several sizes")
    return Series(
        series_uid=first.series_uid,
        patient_id=first.patient_id,
        modality=first.modality,
        description=first.description,
        files=tuple(header.file for header in headers),
        n_slices=sum(header.n_slices for header in headers),
        shape=first.shape,
        is_ct=first.is_ct,
        notes=tuple(notes),
        headers=tuple(headers),
    )


def summary(notes: Iterable[str]) -> list[str]:
    """Each note once, the most frequent ones first, and no more than a few."""
    counts = Counter(notes).most_common()
    more = len(counts) - _MOST_NOTES
    return [note for note, _ in counts[:_MOST_NOTES]] + [f"{more} notes more"] * (
        more > 0
    )

"""Whose labels a DICOM SEG or RTSTRUCT holds: read from its header, without masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import uid
from pydicom.dataset import Dataset

from ..dicom.slices import read_dataset, reason
from .segmentation import SEG_CLASSES
from .structures import LabelError

_KEYWORDS = [
    "SOPClassUID",
    "ReferencedSeriesSequence",
    "SegmentSequence",
    "ReferencedFrameOfReferenceSequence",
    "StructureSetROISequence",
]


@dataclass(frozen=True)
class LabelObject:
    """What the header of a SEG or RTSTRUCT says.

    Args:
        file: where it lies.
        kind: `"SEG"`, `"RTSTRUCT"`, or `""` for what is neither.
        series_uids: Series Instance UIDs of the images that it was drawn on.
        names: of its structures.
    """

    file: Path
    kind: str
    series_uids: frozenset[str]
    names: tuple[str, ...]


def read_object(file: str | Path) -> LabelObject:
    """Read what a label object says of itself.

    Args:
        file: any DICOM file.

    Returns:
        What it is; of no kind where it is neither SEG nor RTSTRUCT.

    Raises:
        DicomError, LabelError: if the file or its header is broken.
    """
    file = Path(file)
    dataset = read_dataset(file, keywords=_KEYWORDS)
    try:
        if dataset.get("SOPClassUID") == uid.RTStructureSetStorage:
            kind, sequence, name = "RTSTRUCT", "StructureSetROISequence", "ROIName"
        elif dataset.get("SOPClassUID") in SEG_CLASSES:
            kind, sequence, name = "SEG", "SegmentSequence", "SegmentLabel"
        else:
            return LabelObject(file, "", frozenset(), ())
        return LabelObject(
            file,
            kind,
            frozenset(str(item.SeriesInstanceUID) for item in _series(dataset)),
            tuple(str(item.get(name) or "") for item in dataset.get(sequence) or []),
        )
    except Exception as error:  # values are parsed only now
        raise LabelError(
            f"{file.name} has a broken header: {reason(error)}; copy it again"
        ) from error


def _series(dataset: Dataset) -> Iterator[Dataset]:
    yield from dataset.get("ReferencedSeriesSequence") or []
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            yield from study.get("RTReferencedSeriesSequence") or []

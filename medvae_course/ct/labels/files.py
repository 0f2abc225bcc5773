"""Label volumes (NIfTI, NRRD, MetaImage) and label objects of any kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import itk, nifti
from ..dicom import Series
from ..volume import Volume
from . import names as tables
from .grids import find_place
from .objects import read_object
from .rtstruct import read_rtstruct
from .segmentation import read_segmentation
from .structures import LabelError, LabelMap, Structures, distinct

VOLUMES = (*nifti.SUFFIXES, *itk.SUFFIXES)
"""Suffixes of label volumes."""


def read_structures(
    file: str | Path, volume: Volume, *, series: Series | None = None
) -> Structures:
    """Read labels of any kind as masks on the grid of a CT.

    Args:
        file: DICOM SEG, RTSTRUCT, or a label volume as for `read_labels`.
        volume: the CT.
        series: where the CT came from, to check the frame of reference of DICOM.

    Returns:
        The structures.

    Raises:
        LabelError, DicomError, NiftiError, ItkError: if the file is none of these, is
            damaged, or does not lie on the CT.

    Taught in: chapter 1.
    """
    file = Path(file)
    if itk.is_itk(file):
        layers, header = itk.read_layers(file)
        if len(layers) > 1:
            return _from_layers(layers, header, volume, file.name)
        return read_labels(file, volume).to_structures()
    if nifti.is_nifti(file):
        return read_labels(file, volume).to_structures()
    kind = read_object(file).kind
    if kind == "RTSTRUCT":
        return read_rtstruct(file, volume, series=series)
    if kind == "SEG":
        return read_segmentation(file, volume, series=series)
    raise LabelError(
        f"{file.name} must be a DICOM SEG, an RTSTRUCT or a label volume"
        f" ({', '.join(VOLUMES)}), it is another kind of DICOM"
    )


def read_labels(file: str | Path, volume: Volume) -> LabelMap:
    """Read a label volume, placed on the grid of a CT by its geometry.

    It may be smaller than the CT; what it leaves out is background.

    Args:
        file: NIfTI, NRRD or MetaImage of whole numbers from 0 to 65535. Names come
            from its own header (`.seg.nrrd`), or a table beside it (`names`).
        volume: the CT.

    Returns:
        The labels, uint8 where they fit. Where a `.seg.nrrd` has layers, the segments
        are numbered through and painted over each other (`LabelMap.overlaps`).

    Raises:
        LabelError: if the values are no labels, or it lies on another grid.
        NiftiError, ItkError: if the file cannot be read.

    Taught in: chapter 1.
    """
    file = Path(file)
    if itk.is_itk(file):
        layers, header = itk.read_layers(file)
        found = {value: name for _, value, name in _segments(header)}
        if len(layers) != 1:
            return _from_layers(layers, header, volume, file.name).to_labels()
        labels, stem = _placed(layers[0], volume, file.name), itk.stem(file)
    else:
        labels, found = _placed(nifti.read_nifti(file), volume, file.name), {}
        stem = nifti.stem(file)
    return LabelMap(labels, found or tables.find_names(file, stem), volume)


def write_labels(path: str | Path, label_map: LabelMap) -> list[Path]:
    """Write labels as a volume, with their names beside it as `<stem>.json`.

    Args:
        path: `.nii`, `.nii.gz`, `.nrrd` or `.mha`; what was there is replaced. A name
            `*.seg.nrrd` gets the names into its header too, as 3D Slicer wants them.
        label_map: what to write.

    Returns:
        The files: labels, then names.

    Raises:
        NiftiError, ItkError: if the suffix is another or the disk refuses.
    """
    path = Path(path)
    if nifti.is_nifti(path):
        nifti.write_nifti(path, label_map.labels, label_map.volume)
    else:
        header = _header(label_map) if path.name.endswith(".seg.nrrd") else None
        itk.write_itk(path, label_map.labels, label_map.volume, header=header)
    tables.write_names(table_of(path), label_map.names)
    return [path, table_of(path)]


def table_of(path: Path) -> Path:
    """Return where the names of a label volume are written: `<stem>.json` beside it."""
    stem = nifti.stem(path) if nifti.is_nifti(path) else itk.stem(path)
    return path.with_name(f"{stem}.json")


def _from_layers(
    layers: list[Volume], header: dict[str, str], volume: Volume, name: str
) -> Structures:
    placed = [_placed(layer, volume, name) for layer in layers]
    segments = [found for found in _segments(header) if found[0] < len(layers)]
    if not segments:
        raise LabelError(f"{name} has layers, but names no segment in its header")
    unique = distinct(name for *_, name in segments)
    masks = {
        name: placed[layer] == value
        for name, (layer, value, _) in zip(unique, segments, strict=True)
    }
    return Structures(masks, volume)


def _placed(labels: Volume, volume: Volume, name: str) -> np.ndarray:
    low, high = labels.hu.min(), labels.hu.max()
    if low < 0 or high > 65535 or (labels.hu != np.rint(labels.hu)).any():
        raise LabelError(
            f"labels must be whole numbers from 0 to 65535, {name} holds {low:g} to"
            f" {high:g}"
        )
    whole = np.zeros(volume.shape, np.uint8 if high <= 255 else np.uint16)
    try:
        place = find_place(volume, labels.affine, labels.shape)
    except LabelError as error:
        raise LabelError(f"{name}: {error}") from error
    place.of(whole)[...] = labels.hu
    return whole


def _segments(header: dict[str, str]) -> list[tuple[int, int, str]]:
    """Layer, value and name of each segment in the header of a `.seg.nrrd`."""
    found = []
    while (key := f"Segment{len(found)}_") + "Name" in header:
        layer, value = header.get(key + "Layer", "0"), header.get(key + "LabelValue")
        value = str(len(found) + 1) if value is None else value
        if not (layer.isdecimal() and value.isdecimal()):
            raise LabelError(f"{key}Layer and {key}LabelValue must be whole numbers")
        found.append((int(layer), int(value), header[key + "Name"]))
    return found


def _header(label_map: LabelMap) -> dict[str, str]:
    header = {}
    for number, (value, name) in enumerate(sorted(label_map.names.items())):
        header |= {
            f"Segment{number}_ID": f"Segment_{value}",
            f"Segment{number}_Name": name,
            f"Segment{number}_LabelValue": str(value),
            f"Segment{number}_Layer": "0",
        }
    return header

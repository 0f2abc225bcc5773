"""NRRD and MetaImage files to volumes and back, through SimpleITK.

Both formats keep positions in LPS, as DICOM does. Their headers are looked at before
SimpleITK is: what they say of sizes and of other files is not trusted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .atomic import replacing
from .volume import Volume, nearest_axes

SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
WRITTEN = (".nrrd", ".mha")
"""Suffixes that `write_itk` takes: those of formats with everything in one file."""
_TOO_LARGE = 2**31  # voxels; a header that claims more is damaged
_HEADER = 2**16  # bytes in which a header must end
_SHRUNK = 1100  # deflate cannot make anything smaller than by this
# fmt: off
_SPACES = ("left-posterior-superior", "right-anterior-superior",
           "left-anterior-superior", "lps", "ras", "las")
_WIDTHS = {"char": 1, "int8": 1, "short": 2, "shortint": 2, "int16": 2, "int": 4,
           "int32": 4, "long": 4, "longlong": 8, "longlongint": 8, "int64": 8}
# fmt: on
_BYTES = {sign + name: n for name, n in _WIDTHS.items() for sign in ("", "u")}
_BYTES |= {"float": 4, "double": 8}


class ItkError(ValueError):
    """An NRRD or MetaImage file that cannot be taken as a volume, and why."""


def is_itk(path: Path) -> bool:
    """Tell by its name whether a file is NRRD or MetaImage."""
    return path.name.lower().endswith(SUFFIXES)


def stem(path: Path) -> str:
    """Return a file's name without its suffix (`.seg.nrrd` counts as one)."""
    name = path.name[: -len(path.suffix)]
    return name.removesuffix(".seg")


def read_itk(path: str | Path) -> Volume:
    """Read a 3-D NRRD or MetaImage file as a volume; values are taken to be HU.

    Args:
        path: a `.nrrd`, `.nhdr`, `.mha` or `.mhd` file.

    Returns:
        The volume with axes (z, y, x) nearest to cranial, posterior and left.

    Raises:
        ItkError: if the file is damaged, not 3-D or of vectors, claims to be larger
            than it is, or names a data file outside of its folder.

    Source: the NRRD format, "Basic field specifications"; the MetaIO documentation.
    Taught in: chapter 1.
    """
    layers, _ = read_layers(path)
    if len(layers) != 1:
        raise ItkError(
            f"{Path(path).name} must have one value in each voxel, got {len(layers)}:"
            " take one of them first"
        )
    return layers[0]


def read_layers(path: str | Path) -> tuple[list[Volume], dict[str, str]]:
    """Read every component of a file as a volume, and what its header says besides.

    3D Slicer keeps segments that overlap in components of their own (`.seg.nrrd`).

    Args:
        path: as for `read_itk`.

    Returns:
        The volumes, and the header's keys and values.

    Raises:
        ItkError: as `read_itk`.
    """
    path = Path(path)
    try:
        reader = _checked(path)
        image = reader.Execute()
        values = sitk.GetArrayFromImage(image)
        if image.GetNumberOfComponentsPerPixel() == 1:
            values = values[..., None]
        grid = _grid(image)
        # one after the other: each is float32, whatever the file holds
        layers = [Volume(v, *grid).to_axial() for v in np.moveaxis(values, -1, 0)]
        return layers, {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    except Exception as error:  # SimpleITK raises RuntimeError for everything
        raise _unreadable(path, error) from error


def read_extent_mm(path: str | Path) -> tuple[float, float, float]:
    """Return the extent (z, y, x) of what `read_itk` would give, from the header.

    Raises:
        ItkError: as `read_itk`.
    """
    path = Path(path)
    try:
        reader = _checked(path)
        spacing_mm, _, direction = _grid(reader)
        extent_mm = np.array(reader.GetSize()[::-1]) * spacing_mm
        return tuple(extent_mm[nearest_axes(direction)].tolist())
    except Exception as error:
        raise _unreadable(path, error) from error


def write_itk(
    path: str | Path,
    array: np.ndarray,
    volume: Volume,
    *,
    header: Mapping[str, str] | None = None,
) -> None:
    """Write labels, or HU, on the grid of a volume; compressed, all or nothing.

    Args:
        path: file to write, `.nrrd` or `.mha`.
        array: (z, y, x) of the volume's shape; its dtype is kept.
        volume: gives the geometry.
        header: keys and values to add to the header of a `.nrrd` file.

    Raises:
        ItkError: if the shapes differ, the suffix is another, or the disk refuses.
    """
    path = Path(path)
    if array.shape != volume.shape or path.suffix not in WRITTEN:
        raise ItkError(
            f"an array of the volume's shape {volume.shape} goes to a file"
            f" {' or '.join(WRITTEN)}, got {array.shape} and {path.name}"
        )
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(volume.spacing_mm[::-1])
    image.SetOrigin(volume.origin_mm)
    image.SetDirection(volume.direction[:, ::-1].ravel().tolist())
    for key, value in (header or {}).items():
        image.SetMetaData(key, value)
    try:
        with replacing(path) as beside:
            sitk.WriteImage(image, beside, useCompression=True)
    except (RuntimeError, OSError) as error:
        raise ItkError(f"{path} cannot be written: {_last(error)}") from error


def _checked(path: Path) -> sitk.ImageFileReader:
    """Reader whose file is what its header says, with nothing of it in memory yet."""
    _check_size(path, _fields(path))
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    if reader.GetDimension() != 3 or 0 in reader.GetSize():
        raise ItkError(f"a 3-D volume is needed, got size {reader.GetSize()}")
    return reader


def _grid(image: sitk.Image | sitk.ImageFileReader) -> tuple:
    direction = np.reshape(image.GetDirection(), (3, 3))[:, ::-1]
    return image.GetSpacing()[::-1], image.GetOrigin(), direction


def _fields(path: Path) -> dict[str, str]:
    """Fields of a header, by their names in small letters without spaces."""
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
    nrrd = head.startswith(b"NRRD")
    end = rb"\r?\n\r?\n" if nrrd else rb"(?im)^ElementDataFile\s*=.*$"
    found = re.search(end, head)
    text = head[: found.end()] if found else (head if nrrd else b"")
    lines = re.findall(r"(?m)^([\w ]+?)\s*[:=](?!=)\s*(.*?)\s*$", text.decode("latin1"))
    fields = {key.replace(" ", "").lower(): value for key, value in lines}
    if ("sizes" if nrrd else "dimsize") not in fields:
        raise ItkError("the header of an NRRD or MetaImage file is missing")
    fields["header"] = str(len(text))
    return fields


def _check_size(path: Path, fields: dict[str, str]) -> None:
    """Refuse a header that claims more than there is, or names a file elsewhere."""
    nrrd = "sizes" in fields
    sizes = [int(n) for n in fields["sizes" if nrrd else "dimsize"].split()]
    kind = fields.get("type" if nrrd else "elementtype", "").lower()
    size = _BYTES.get(re.sub(r"met_|_array|unsigned|signed|_t$|[_ ]", "", kind))
    encoding = fields.get("encoding", "raw").lower()
    packed = encoding in ("gzip", "gz") or fields.get("compresseddata", "f")[0] in "tT"
    space = fields.get("space", _SPACES[0]).lower()
    if not size or encoding not in ("raw", "gzip", "gz") or space not in _SPACES:
        raise ItkError(
            f"type {kind!r}, encoding {encoding!r} and space {space!r} must be numbers,"
            f" raw or gzip, and one of {_SPACES[:3]}"
        )
    voxels = math.prod(sizes) * int(fields.get("elementnumberofchannels", 1))
    stored = _data_bytes(path, fields)
    if (
        min(sizes) < 1
        or voxels > _TOO_LARGE
        or (voxels * size > stored * (_SHRUNK if packed else 1))
    ):
        raise ItkError(
            f"the header claims sizes {sizes} of {size} bytes, got {stored} bytes: the"
            " file is damaged or cut off, copy it again"
        )


def _data_bytes(path: Path, fields: dict[str, str]) -> int:
    name = fields.get("datafile") or fields.get("elementdatafile") or "LOCAL"
    if name.upper() == "LOCAL":
        return path.stat().st_size - int(fields["header"])
    data = (path.parent / name).resolve()
    if not data.is_relative_to(path.parent.resolve()) or not data.is_file():
        raise ItkError(
            f"the header must name one data file beside it, got {name!r}: put both into"
            " one folder"
        )
    return data.stat().st_size


def _last(error: Exception) -> str:
    """What SimpleITK's errors say after where they were raised, in one line."""
    return " ".join(str(error).rpartition("ERROR: ")[2].split())[:300].rstrip(".")


def _unreadable(path: Path, error: Exception) -> ItkError:
    return ItkError(
        f"{path.name} cannot be read as a volume: {_last(error)}; write it anew from"
        " its source, or leave it out"
    )

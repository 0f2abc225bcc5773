"""The scans of a folder: DICOM series and NIfTI files, each with a name of its own."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np

from medvae_course.ct import dicom, nifti, patients
from medvae_course.ct.volume import Volume, nearest_axes

_LABELS = ("SEG", "RTSTRUCT")  # belong to a CT, and are nothing to be segmented
_NOT_CT = (*patients.LABEL_FILES, "uncertainty", "ptv", "pet", "mr")


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan as read: HU along S, P, L, and the order in which its file has the voxels.

    Args:
        volume: HU, array axes nearest to S, P, L.
        axial: whether the file's own slices are axial; True where it has no slices.
        ras: (4, 4) from the file's index (i, j, k) to RAS, mm.
        axes: file axis (k, j, i) that became each axis of `volume`.
        flipped: which axes of `volume` run against those of the file.
        codes: qform and sform codes of the NIfTI to write.
        notes: what reading had to say.
    """

    volume: Volume
    axial: bool
    ras: np.ndarray
    axes: tuple[int, ...]
    flipped: tuple[bool, ...]
    codes: tuple[int, int] = (1, 1)
    notes: tuple[str, ...] = ()

    def without_hu(self) -> "Scan":
        """The same place, with zeros for HU that take no memory."""
        nothing = np.broadcast_to(np.float32(0), self.volume.shape)
        return replace(self, volume=replace(self.volume, hu=nothing))

    def to_file_order(self, array: np.ndarray) -> np.ndarray:
        """Return an array (z, y, x) of `volume` as (i, j, k) of the file."""
        steps = tuple(slice(None, None, -1 if f else 1) for f in self.flipped)
        return array[steps].transpose(np.argsort(self.axes)).transpose(2, 1, 0)


@dataclass(frozen=True, eq=False)
class Input:
    """Where a scan lies; nothing but names and headers has been read.

    Args:
        name: for the folder of its results; unlike all others.
        source: a DICOM series, or a NIfTI file.
    """

    name: str
    source: dicom.Series | Path

    @property
    def is_dicom(self) -> bool:
        """Whether it is a DICOM series."""
        return not isinstance(self.source, Path)

    def read(self) -> Scan:
        """Read the scan.

        Raises:
            ValueError: if it cannot be read; the message says why.
        """
        if self.is_dicom:
            notes: list[str] = []
            raw = dicom.read_series(self.source, notes=notes)
            affine = raw.affine
            affine[:, :3] = affine[:, 2::-1]  # of the axes (i, j, k)
            ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
            axes, flipped = _order(raw.direction)
            return Scan(raw.to_axial(), axes[0] == 0, ras, axes, flipped, (1, 1), notes)
        volume = nifti.read_nifti(self.source)
        image = nibabel.load(self.source)
        codes = int(image.header["qform_code"]), int(image.header["sform_code"])
        if not any(codes):
            raise ValueError(
                "a NIfTI file must say how it lies in the patient, got neither qform "
                "nor sform: write it anew from its source, or set the right one"
            )
        columns = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)[:3, 2::-1]
        axes, flipped = _order(columns / np.linalg.norm(columns, axis=0))
        return Scan(volume, True, image.affine, axes, flipped, codes)


def _order(direction: np.ndarray) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """How `Volume.to_axial` reorders axes: which becomes which, and what is flipped."""
    axes = nearest_axes(direction)
    return tuple(axes), tuple(bool(b) for b in direction[(2, 1, 0), axes] < 0)


@dataclass(frozen=True)
class Inputs:
    """What a folder holds.

    Args:
        scans: to be segmented.
        broken: what looks like a scan and cannot be read: (name, reason).
        others: series that are no CT: (name, what they are).
    """

    scans: list[Input]
    broken: list[tuple[str, str]]
    others: list[tuple[str, str]]


def find_inputs(place: Path) -> Inputs:
    """Find all scans of a folder, or take one file.

    Args:
        place: folder to search, with everything below it, or a NIfTI file.

    Returns:
        The scans, and what was left out.

    Raises:
        ValueError: if there is nothing that is or looks like a scan.
    """
    if place.is_file() and nifti.is_nifti(place):
        return Inputs([Input(nifti.stem(place), place)], [], [])
    if not place.is_dir():
        raise ValueError(f"a folder of CT is needed, {place} is none: check the path")
    skipped: list[tuple[Path, str]] = []
    every = dicom.find_series(place, skipped=skipped)
    series = [one for one in every if one.is_ct]
    others = [
        (_name(one.files[0].parent, place), "; ".join(one.notes[:1]) or one.modality)
        for one in every
        if not one.is_ct and one.modality not in _LABELS
    ]
    broken = [
        (path.relative_to(place).as_posix(), reason)
        for path, reason in skipped
        if path.suffix.lower() in (".dcm", ".ima")
    ]
    files = sorted(path for path in place.rglob("*") if _may_be_ct(path, place))
    found = [(_name(s.files[0].parent, place), s) for s in series]
    found += [(_name(file.parent / nifti.stem(file), place), file) for file in files]
    if not found and not broken:
        raise ValueError(
            f"{place} must hold CT as DICOM series or NIfTI, got none: `medvae-course "
            "data inspect` lists what there is, `data convert` writes NIfTI"
        )
    seen: Counter[str] = Counter()
    inputs = []
    for name, source in found:
        seen[name] += 1
        inputs.append(Input(f"{name}_{seen[name]}" if seen[name] > 1 else name, source))
    return Inputs(inputs, broken, others)


def _may_be_ct(path: Path, place: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
    kind = nifti.stem(path).lower().split("_")[-1]
    return nifti.is_nifti(path) and kind not in _NOT_CT and not hidden


def _name(path: Path, place: Path) -> str:
    parts = path.relative_to(place).parts or (place.resolve().name,)
    return "_".join(parts).lstrip(".") or "scan"

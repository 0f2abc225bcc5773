"""The pixels of slices to HU, decoded straight into the volume they belong to."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import uid

from .. import hounsfield
from . import codecs, files
from .files import DicomError, reason
from .slices import Slice
from .stored import NATIVE, Stored

AIR_HU = -1000.0
"""Value given to pixel padding: what lies outside the scan is taken as air."""

_HIGHEST_HU = 32767  # no scale of CT reaches it, so a sign must have been mistaken
_LOWEST_HU = -1024  # of the usual scale; below it lies padding, declared or not
_EXACT = 2**24  # up to here float32 holds whole numbers exactly
_CHUNK = 16  # frames of one file for one thread
_PIXELS = files.tags(
    [
        *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
        *("NumberOfFrames", "Rows", "Columns"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
        *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData"),
    ]
)


@dataclass(frozen=True)
class Counts:
    """What was found in the pixels, to be told to who asked for them.

    Args:
        padding: number of pixels that were padding and became air.
        below: number of other pixels below -1024 HU.
        lowest_hu: the lowest value of these, HU.
        oddities: what the decoders warned of.
    """

    padding: int = 0
    below: int = 0
    lowest_hu: float = np.inf
    oddities: tuple[str, ...] = ()

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.padding + other.padding,
            self.below + other.below,
            min(self.lowest_hu, other.lowest_hu),
            self.oddities + other.oddities,
        )


def read_hu(
    slices: Sequence[Slice], *, threads: int | None = None
) -> tuple[np.ndarray, Counts]:
    """Decode slices in parallel.

    Args:
        slices: slices of one size, in the order wanted.
        threads: number of them; as many as there are processors by default.

    Returns:
        float32 array (n, rows, columns), HU, with pixel padding as air, -1000 HU; and
        the `Counts` of what was found.

    Raises:
        DicomError: if the pixels cannot be decoded, or cannot be those of a CT.

    Source: DICOM PS3.3 C.7.5.1.1.2 (Pixel Padding Value) and C.11.1.1 (rescale).
    Taught in: chapter 1.
    """
    for file, stored in {s.file: s.stored for s in slices}.items():
        stored.check_size(file)
    hu = np.empty((len(slices), *slices[0].shape), dtype=np.float32)
    indices = defaultdict(list)
    for index, s in enumerate(slices):
        indices[s.file].append(index)
    tasks = [
        [(slices[i], hu[i]) for i in group[start : start + _CHUNK]]
        for group in indices.values()
        for start in range(0, len(group), _CHUNK)
    ]
    threads = min(len(tasks), threads or os.cpu_count() or 1)
    with files.collected_warnings() as caught:
        if threads == 1:
            counts = [_read(task) for task in tasks]
        else:
            with ThreadPoolExecutor(threads) as pool:
                counts = list(pool.map(_read, tasks))
    return hu, sum(counts, Counts(oddities=tuple(files.told(caught))))


def _read(task: Sequence[tuple[Slice, np.ndarray]]) -> Counts:
    """Decode slices of one file, each into its array."""
    first = task[0][0]
    try:
        frames = _stored_frames(first.file, first.stored, [s.frame for s, _ in task])
        return sum(
            (_to_hu(next(frames), s, out) for s, out in task),
            Counts(),
        )
    except DicomError as error:
        raise DicomError(f"{first.file.name}: {error}") from error
    except Exception as error:  # each decoder raises errors of its own
        name = first.stored.syntax.name
        raise DicomError(
            f"{first.file.name}: the pixels ({name}) cannot be"
            f" decoded: {reason(error)}. Copy the file again; if its compression"
            " is the matter, decompress it (gdcmconv --raw, dcmdjpeg); for JPEG"
            " Lossless python-gdcm can be installed"
        ) from error


def _stored_frames(
    file: Path, stored: Stored, indices: Sequence[int]
) -> Iterator[np.ndarray]:
    status = file.stat()
    if (status.st_size, status.st_mtime_ns) != (stored.size, stored.modified_ns):
        raise DicomError("the file was changed while it was read: read it again")
    start = _native_start(file, stored)
    if start is None:
        dataset = files.parse(file, _PIXELS, pixels=True)
        yield from codecs.frames(dataset, indices)
        return
    kind = np.dtype("<i2" if stored.signed else "<u2")
    frame = np.empty(stored.shape, dtype=kind)
    with file.open("rb") as stream:
        for index in indices:
            stream.seek(start + index * frame.nbytes)
            if stream.readinto(frame) != frame.nbytes:
                raise DicomError("the file ends within its pixels")
            yield frame


def _native_start(file: Path, stored: Stored) -> int | None:
    """Byte at which plain 16-bit pixels begin; None if they must be decoded."""
    plain = stored.syntax in NATIVE and stored.syntax != uid.ExplicitVRBigEndian
    if not plain or stored.bits_allocated != 16:
        return None
    with file.open("rb") as stream:
        stream.seek(stored.offset)
        head = stream.read(12)
    implicit = stored.syntax == uid.ImplicitVRLittleEndian
    at = 4 if implicit else 8
    if head[:4] != b"\xe0\x7f\x10\x00" or not (implicit or head[4:6] == b"OW"):
        return None
    length = int.from_bytes(head[at : at + 4], "little")
    expected = 2 * stored.n_frames * stored.shape[0] * stored.shape[1]
    return stored.offset + at + 4 if length == expected else None


def _to_hu(stored: np.ndarray, s: Slice, out: np.ndarray) -> Counts:
    if stored.shape != out.shape or stored.dtype.kind not in "iu":
        raise DicomError(f"got {stored.dtype} values of shape {stored.shape}")
    unused = 8 * stored.dtype.itemsize - s.stored.bits_stored
    if unused:  # old overlays may lie in the bits that are not in use
        stored = (stored << unused) >> unused
    slope, intercept = s.slope, s.intercept
    whole = slope.is_integer() and intercept.is_integer()
    if whole and abs(slope) * 2.0**16 + abs(intercept) < _EXACT and unused >= 0:
        # exact without float64, at half the memory
        np.multiply(stored, np.float32(slope), out=out, dtype=np.float32)
        out += np.float32(intercept)
    else:
        out[...] = hounsfield.to_hu(stored, slope=slope, intercept=intercept)
    return _find_padding(stored, s, out)


def _find_padding(stored: np.ndarray, s: Slice, out: np.ndarray) -> Counts:
    n_padding = 0
    if s.stored.padding is not None:
        least, most = s.stored.padding
        padding = (stored >= least) & (stored <= most)
        padding_hu = most * s.slope + s.intercept
        if s.stored.lossy and padding_hu < _LOWEST_HU:
            # compression has spread it: what is nearer to it than to the scale
            padding |= out < (padding_hu + _LOWEST_HU) / 2
        n_padding = int(np.count_nonzero(padding))
        np.copyto(out, np.float32(AIR_HU), where=padding)
    lowest, highest = float(out.min()), float(out.max())
    if not -np.inf < lowest <= highest <= _HIGHEST_HU:
        raise DicomError(
            f"HU must be at most {_HIGHEST_HU}, got {highest:g}: the values seem to"
            " be signed and called unsigned (PixelRepresentation), or Rescale Slope and"
            " Intercept are wrong; export the series again"
        )
    if lowest >= _LOWEST_HU:
        return Counts(n_padding)
    return Counts(n_padding, int(np.count_nonzero(out < _LOWEST_HU)), lowest)

"""How a file stores its pixels, and whether it can hold as many as it claims."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydicom import uid
from pydicom.dataset import Dataset

from .files import DicomError, short

_RATIO, _SMALL = 1000, 2**26  # no CT is compressed further; less memory is no matter
_MOST_FRAMES = 2**16

NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
"""Transfer syntaxes in which pixels lie in the file as they are."""


@dataclass(frozen=True)
class Stored:
    """How a file stores its pixels, as its header says it.

    Args:
        syntax: transfer syntax.
        shape: number of rows and of columns.
        n_frames: number of frames.
        bits_allocated: bits of a stored value, with the unused ones.
        bits_stored: bits in use, the lowest ones.
        signed: whether the values are two's complement.
        padding: the least and the greatest stored value that means "outside of the
            scan", or None.
        lossy: whether the values are only approximately those of the scanner.
        inverted: MONOCHROME1: to be displayed with black and white exchanged.
        offset: byte of the file at which the pixels begin.
        size: of the file, bytes.
        modified_ns: when the file was changed last; with `size` it tells whether the
            file still is what the header was read from.
    """

    syntax: uid.UID
    shape: tuple[int, int]
    n_frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    padding: tuple[int, int] | None
    lossy: bool
    inverted: bool
    offset: int
    size: int
    modified_ns: int

    def check_size(self, file: Path) -> None:
        """Refuse a header that claims more pixels than the file can hold.

        Args:
            file: the file, for the message.

        Raises:
            DicomError: before anything is allocated for them.
        """
        claimed = self.n_frames * self.shape[0] * self.shape[1]
        claimed *= self.bits_allocated // 8
        most = self.size if self.syntax in NATIVE else max(_RATIO * self.size, _SMALL)
        if claimed > most:
            raise DicomError(
                f"{file.name}: the pixels cannot be decoded: there are less than"
                f" expected, for the header claims {claimed} bytes of them in a file of"
                f" {self.size}; copy the file again"
            )


def read_stored(dataset: Dataset, file: Path) -> Stored:
    """Take from a header how the pixels are stored.

    Args:
        dataset: header, with the attribute `pixel_offset` of `files.read_dataset`.
        file: where it was read from.

    Raises:
        DicomError: if an element is missing, or its value impossible.

    Source: DICOM PS3.3 C.7.6.3 (Image Pixel), C.7.5.1.1.2 (Pixel Padding Value).
    Taught in: chapter 1.
    """
    # MONOCHROME1 turns the display around, not the values: HU do not depend on it
    colours = dataset.get("PhotometricInterpretation")
    if colours not in ("MONOCHROME1", "MONOCHROME2"):
        raise DicomError(f"CT pixels must be grey values, got {short(colours)}")
    names = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation")
    values = {name: dataset.get(name) for name in names}
    for name, value in values.items():
        if not isinstance(value, int) or value < (name == "Rows" or name == "Columns"):
            raise DicomError(
                f"the header cannot be read: {name} must be one whole number,"
                f" got {short(value)}; export the series again"
            )
    allocated, bits = values["BitsAllocated"], values["BitsStored"]
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    samples = dataset.get("SamplesPerPixel", 1)
    high = dataset.get("HighBit", bits - 1)
    if (
        allocated not in (8, 16, 32)
        or not 1 <= bits <= allocated
        or high != bits - 1
        or samples != 1
        or not 1 <= n_frames <= _MOST_FRAMES
    ):
        raise DicomError(
            "CT pixels must be frames of single whole numbers, got"
            f" {short(samples)} samples, {bits} of {allocated} bits, the highest"
            f" {short(high)}, in"
            f" {n_frames} frames: export the series again"
        )
    signed = values["PixelRepresentation"] == 1
    status = os.stat(file)
    return Stored(
        syntax=uid.UID(str(dataset.file_meta.TransferSyntaxUID)),
        shape=(values["Rows"], values["Columns"]),
        n_frames=n_frames,
        bits_allocated=allocated,
        bits_stored=bits,
        signed=signed,
        padding=_padding(dataset, allocated, bits, signed),
        lossy=dataset.get("LossyImageCompression") == "01",
        inverted=colours == "MONOCHROME1",
        offset=dataset.pixel_offset,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
    )


def _padding(
    dataset: Dataset, allocated: int, bits: int, signed: bool
) -> tuple[int, int] | None:
    value = dataset.get("PixelPaddingValue")
    limit = dataset.get("PixelPaddingRangeLimit")
    if value is None or value == "":
        return None
    ends = [value, value if limit is None or limit == "" else limit]
    if not all(isinstance(end, int) for end in ends):
        raise DicomError(
            f"Pixel Padding must be whole numbers, got {short(ends)}: export the series"
            " again"
        )
    # some writers mistake the sign (63536 for -2000): take such a value turned around
    turned = [_turned(end, allocated, bits, signed) for end in ends]
    return min(turned), max(turned)


def _turned(value: int, allocated: int, bits: int, signed: bool) -> int:
    for width in (allocated, bits):
        least = -(2 ** (bits - 1)) if signed else 0
        if least <= value < least + 2**bits:
            break
        wrapped = value % 2**width
        value = (
            wrapped - 2**width if signed and wrapped >= 2 ** (width - 1) else wrapped
        )
    return value

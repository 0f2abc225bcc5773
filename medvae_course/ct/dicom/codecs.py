"""Compressed frames to stored values: which decoder, and what it must agree with.

pydicom chooses among the decoders that are installed. Three things are added: 12-bit
lossy JPEG, which pydicom does not hand to GDCM though it can decode it; JPEG 2000 by a
decoder that lets other threads decode meanwhile; and a look at the compressed frame
itself, for decoders trust its size more than they should.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import imagecodecs
import numpy as np
from pydicom import encaps
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder

from .files import DicomError

JPEG_12_BIT = ("1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53")
JPEG_12_BIT += ("1.2.840.10008.1.2.4.55",)
"""Lossy JPEG of more than 8 bits: extended, spectral selection, full progression."""

_JPEG_2000 = b"\xff\x4f\xff\x51"  # start of codestream, then its size
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def frames(dataset: Dataset, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """Decode frames of a dataset, one after the other.

    Args:
        dataset: its elements of the Image Pixel module, and its `file_meta`.
        indices: which frames, from 0.

    Yields:
        Integer array (rows, columns) of stored values for each.

    Raises:
        Exception: of whatever type the decoder has, if one cannot be decoded.

    Source: DICOM PS3.5, sections 8.2 and A.4 (encapsulated pixel data).
    Taught in: chapter 1.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        for array, _ in get_decoder(syntax).iter_array(dataset, indices=indices):
            yield array
        return
    count = int(dataset.get("NumberOfFrames") or 1)
    sources = list(encaps.generate_frames(dataset.PixelData, number_of_frames=count))
    for index in indices:
        precision = _check_frame(sources[index], dataset)
        if syntax in JPEG_12_BIT and precision > 8:
            yield _decode_12_bit(sources[index], dataset)
        else:
            yield _decode(dataset, index, sources[index])


def _decode(dataset: Dataset, index: int, source: bytes) -> np.ndarray:
    # where header and frame contradict each other, pydicom knows whom to believe
    wanted = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    if source[:4] == _JPEG_2000 and wanted == (
        (source[42] & 0x7F) + 1,
        bool(source[42] & 0x80),
    ):
        return imagecodecs.jpeg2k_decode(source, numthreads=1)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    return decoder.as_array(dataset, index=index)[0]


def _decode_12_bit(source: bytes, dataset: Dataset) -> np.ndarray:
    if find_spec("gdcm") is None:
        raise DicomError("lossy JPEG of 12 bits needs python-gdcm, which is missing")
    import gdcm

    shape = int(dataset.Rows), int(dataset.Columns)
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(source)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((shape[1], shape[0], 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    kind = gdcm.TransferSyntax.GetTSType(str(dataset.file_meta.TransferSyntaxUID))
    image.SetTransferSyntax(gdcm.TransferSyntax(kind))
    bits, signed = int(dataset.BitsStored), int(dataset.PixelRepresentation)
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, bits, bits - 1, signed))
    # GDCM returns bytes as text, a habit of its Python bindings
    decoded = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(decoded, "<i2" if signed else "<u2").reshape(shape)


def _check_frame(source: bytes, dataset: Dataset) -> int:
    """Compare a frame's own size with the header's; return its bits, 0 if unknown."""
    found = _size_of_frame(source)
    if found is None and source[:2] == b"\xff\xd8":
        raise DicomError("the compressed frame does not say its size: copy it again")
    if found is None:
        return 0
    *shape, components, bits = found
    expected = [int(dataset.Rows), int(dataset.Columns)]
    if shape != expected or components != 1:
        raise DicomError(
            f"the compressed frame is of {shape[0]} x {shape[1]} pixels with"
            f" {components} components, the header claims {expected[0]} x"
            f" {expected[1]} with 1"
        )
    if not 1 <= bits <= 16:  # GDCM would end the whole process
        raise DicomError(
            f"the compressed frame claims {bits} bits a pixel, and CT has at most 16:"
            " export the file again"
        )
    return bits


def _size_of_frame(source: bytes) -> tuple[int, int, int, int] | None:
    """Rows, columns, components and bits that a JPEG or JPEG 2000 frame says it has."""

    def number(at: int, length: int) -> int:
        return int.from_bytes(source[at : at + length], "big")

    if source[:4] == _JPEG_2000:
        columns, rows = number(8, 4) - number(16, 4), number(12, 4) - number(20, 4)
        return rows, columns, number(40, 2), (number(42, 1) & 0x7F) + 1
    at = 2
    while source[:2] == b"\xff\xd8" and at + 10 <= len(source):
        marker = number(at + 1, 1)
        if source[at] != 0xFF:
            break
        if marker in _FRAME_MARKERS:
            return (
                number(at + 5, 2),
                number(at + 7, 2),
                number(at + 9, 1),
                source[at + 4],
            )
        at += 1 if marker == 0xFF else 2 + max(2, number(at + 2, 2))
    return None

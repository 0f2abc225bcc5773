"""Open one DICOM file, whole or its header, and say in words what is wrong with it.

A parser of broken files may raise anything, and warns of much that does not matter.
Nothing of either leaves this module: errors become `DicomError`, warnings a list.
"""

from __future__ import annotations

import re
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag, Tag

_PREFIX = 128  # bytes of preamble before the mark "DICM"
_MOST_INFLATED = 2**30  # bytes: a deflated file may claim to be a thousand times larger
_FIRST_GROUPS = (0x0002, 0x0008)  # with which a file without a preamble may begin

# Python's warning filters belong to the whole process, so two threads that change
# them at once would leave them changed: whoever collects warnings must wait.
_WARNINGS_LOCK = threading.RLock()


class DicomError(ValueError):
    """A DICOM file or series that cannot be read (or written) as asked, and why."""


def reason(error: Exception) -> str:
    """What an error of a dependency says, in one line (pydicom's may hold a trace)."""
    text = str(error).partition("Traceback (most recent call last)")[0]
    return " ".join((text or type(error).__name__).split())[:300].rstrip(".")


def told(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """What collected warnings say, without the values: these may name a patient."""
    texts = (reason(warning.message).partition(". Please see")[0] for warning in caught)
    return [re.sub(r"'[^']*'", "'...'", text) for text in texts]


def short(value: object) -> str:
    """A value of a file as text for a message: in one line, and no longer than that."""
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


@contextmanager
def collected_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Collect the warnings raised inside, instead of showing them.

    Yields:
        List to which each warning is added, also one that was raised before.

    Taught in: chapter 1.
    """
    with _WARNINGS_LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def tags(keywords: Sequence[str]) -> list[BaseTag]:
    """Tags of keywords, for `read_dataset`, which would look them up for each file."""
    return [Tag(keyword) for keyword in keywords]


def read_dataset(
    file: Path, *, keywords: Sequence[str | BaseTag] | None = None, pixels: bool = False
) -> Dataset:
    """Read a DICOM file, or only the elements named by `keywords`.

    A file without preamble and meta information (as some archives write them) is read
    if it parses and names its SOP class.

    Args:
        file: the file.
        keywords: the elements to read; None reads all of them, pixels included.
        pixels: with `keywords`: go on to the pixels, instead of stopping before them.

    Returns:
        The dataset, with two attributes more: `pixel_offset`, the byte of the file at
        which the reading stopped (where the pixels begin, if they were not read), and
        `oddities`, what the parser had to warn of.

    Raises:
        DicomError: if it is no DICOM file, or a broken one.

    Source: DICOM PS3.10, section 7 (file format).
    Taught in: chapter 1.
    """
    with collected_warnings() as caught:
        dataset = parse(file, keywords, pixels=pixels)
    dataset.oddities = told(caught)
    return dataset


def parse(
    file: Path, keywords: Sequence[str | BaseTag] | None, *, pixels: bool
) -> Dataset:
    """Do as `read_dataset`, but leave warnings to the caller: for use in threads."""
    file = Path(file)
    try:
        with file.open("rb") as stream:
            bare = _check_beginning(stream, file)
            wanted = keywords
            if keywords is not None and bare:
                wanted = [*keywords, Tag("SOPClassUID")]
            dataset = pydicom.dcmread(
                stream,
                stop_before_pixels=keywords is not None and not pixels,
                specific_tags=wanted,
                force=bare,
            )
            dataset.pixel_offset = stream.tell()
            _complete(dataset, file, bare)
            return dataset
    except DicomError:
        raise
    except Exception as error:
        raise DicomError(f"{file.name} cannot be read: {reason(error)}") from error


def _check_beginning(stream: BinaryIO, file: Path) -> bool:
    """Return whether the file has neither preamble nor mark, or raise."""
    start = stream.read(_PREFIX + 4 + 400)
    stream.seek(0)
    marked = start[_PREFIX : _PREFIX + 4] == b"DICM"
    little, big = (int.from_bytes(start[:2], order) for order in ("little", "big"))
    if not marked and not {little, big} & set(_FIRST_GROUPS):
        raise DicomError(f"{file.name} is not a DICOM file (no DICM mark)")
    if uid.DeflatedExplicitVRLittleEndian.encode() in start:
        _check_inflated(stream, file)
    return not marked


def _check_inflated(stream: BinaryIO, file: Path) -> None:
    meta = stream.read(_PREFIX + 4 + 12)[_PREFIX + 4 :]
    if meta[:4] != b"\2\0\0\0":  # its length must stand first
        raise DicomError(f"{file.name} has no length of its meta information")
    stream.seek(int.from_bytes(meta[8:], "little"), 1)
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while block := inflate.unconsumed_tail or stream.read(2**16):
        size += len(inflate.decompress(block, 2**20))
        if size > _MOST_INFLATED:
            raise DicomError(
                f"{file.name} must not inflate to more than {_MOST_INFLATED} bytes,"
                f" got {file.stat().st_size} bytes that do: inflate it first (dcmconv)"
            )
        if inflate.eof:
            break
    stream.seek(0)


def _complete(dataset: Dataset, file: Path, bare: bool) -> None:
    """Name the transfer syntax that the parser took where the file names none."""
    if bare and not dataset.get("SOPClassUID"):
        raise DicomError(
            f"{file.name} is not a DICOM file (no DICM mark, and no SOP class)"
        )
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        plain = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = (
            plain if little else uid.ExplicitVRBigEndian
        )

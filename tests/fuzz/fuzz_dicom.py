"""Coverage-guided fuzzing of the DICOM reader; see README.md beside this file.

Invariant: whatever bytes a file holds, reading it alone, or in a folder with a good
slice, gives a `Volume` or a `DicomError`, in bounded time and memory.
"""

import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["medvae_course.ct.dicom", "pydicom"]):
    from medvae_course.ct import dicom
    from medvae_course.ct.dicom import series
    from medvae_course.ct.volume import Volume

from make_corpus import slices

MOST_VOXELS = 2**26  # more must not come of a file of a few kB


def check(volume):
    if not isinstance(volume, Volume) or volume.hu.size > MOST_VOXELS:
        raise AssertionError(f"reading gave {volume!r:.200}")


def target(folder: Path):
    """Function for the fuzzer that puts its input into `folder`, beside a slice."""
    slices()[0].save_as(folder / "a.dcm")
    (good,) = dicom.find_series(folder)
    file = folder / "b.dcm"

    def read(data: bytes) -> None:
        file.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # none may leak
            try:
                read_both(file, good)
            except dicom.DicomError as error:
                if "Traceback" in str(error) or len(str(error)) > 5000:
                    raise AssertionError("an unreadable message") from error

    return read


def read_both(file: Path, good: dicom.Series) -> None:
    """Read the file in a series with a good one, and alone."""
    header = series.read_header(file)
    both = replace(good, files=(), headers=(*good.headers, header))
    try:
        check(dicom.read_series(both, resample="linear", notes=[]))
    finally:
        check(dicom.read_image(file, notes=[]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        atheris.Setup(sys.argv, target(Path(name)))
        atheris.Fuzz()

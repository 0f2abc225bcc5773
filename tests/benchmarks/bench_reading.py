"""Benchmark: a CT series on disk to a float32 volume in HU, against two other ways.

Command, with nothing else running:
    python tests/benchmarks/bench_reading.py [FOLDER] [--repeats 5]

Without FOLDER the series is a made one (noise as of a scan, smoothed, in a body), of 64
slices of 512 x 512; with FOLDER it is the CT series in there. It is read uncompressed
and as JPEG 2000 (lossless), the readers by turns. All must agree to the last HU. Leaves
`reading.jsonl` in the folder of --out: seconds of each repeat.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
import results
import SimpleITK as sitk
from pydicom import uid
from scipy import ndimage

from medvae_course.ct import dicom
from medvae_course.ct.volume import Volume

PACKAGES = ("pydicom", "SimpleITK", "imagecodecs", "python-gdcm", "numpy")


def made_volume():
    """Noise that compresses as that of a scan does, in an elliptical body."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    body = (x / 0.9) ** 2 + (y / 0.7) ** 2 < 1
    hu = np.empty((64, 512, 512), np.float32)
    for z in range(64):
        noise = ndimage.gaussian_filter(rng.normal(0, 60, body.shape), 0.7)
        organs = 200 * ndimage.gaussian_filter(rng.normal(0, 9, body.shape), 12)
        hu[z] = np.where(body, 40 + noise + organs, -1000 + noise / 4)
    return Volume(np.clip(np.rint(hu), -1024, 3071), (2.5, 0.8, 0.8))


def write_both(volume, folder):
    """The same series uncompressed and as JPEG 2000, with 12 bits in use."""
    dicom.write_series(volume, folder / "uncompressed", patient_id="benchmark")
    (folder / "JPEG 2000").mkdir()
    for file in (folder / "uncompressed").iterdir():
        dataset = pydicom.dcmread(file)
        dataset.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
        dataset.save_as(folder / "JPEG 2000" / file.name)
    return [folder / "uncompressed", folder / "JPEG 2000"]


def this_course(folder):
    return dicom.read_series(folder).hu


def simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(sitk.sitkFloat32)
    return sitk.GetArrayFromImage(reader.Execute())


def naive_pydicom(folder):
    slices = [pydicom.dcmread(file) for file in folder.iterdir()]
    slices.sort(key=lambda s: s.ImagePositionPatient[2])
    return np.stack(
        [
            (s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept)).astype(
                np.float32
            )
            for s in slices
        ]
    )


READERS = {
    "this course: `read_series`": this_course,
    "SimpleITK": simpleitk,
    "pydicom, loop by hand": naive_pydicom,
}


def measure(folder, repeats):
    """Seconds of each repeat for each reader, after one that does not count."""
    expected = [reader(folder) for reader in READERS.values()]
    for array in expected[1:]:
        np.testing.assert_array_equal(array, expected[0])
    seconds = {name: [] for name in READERS}
    for _ in range(repeats):
        for name, reader in READERS.items():
            start = time.perf_counter()
            reader(folder)
            seconds[name].append(round(time.perf_counter() - start, 4))
    return seconds, expected[0].shape


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=results.SPEED)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    told = [word for word in words if word != str(options.folder)]
    common = results.about(told, PACKAGES)
    volume = dicom.read_series(options.folder) if options.folder else made_volume()
    records = []
    with tempfile.TemporaryDirectory() as name:
        for folder in write_both(volume, Path(name)):
            seconds, shape = measure(folder, options.repeats)
            for reader, found in seconds.items():
                rate = shape[0] / statistics.median(found)
                print(f"{rate:6.0f} slices/s  {folder.name}, {reader}")
            records.append(
                common | {"series": folder.name, "shape": shape, "seconds": seconds}
            )
    results.write("reading", records, options.out)


if __name__ == "__main__":
    main()

"""Write the seeds of the fuzz target: small phantom files, one of each kind.

Command:
    python tests/fuzz/make_corpus.py tests/fuzz/corpus
"""

import io
import sys
import tempfile
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from pydicom import uid

sys.path.insert(0, str(Path(__file__).parents[1]))

from multiframe import to_multi_frame

from medvae_course.ct import dicom
from medvae_course.ct.volume import Volume

COMPRESSED = (
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.DeflatedExplicitVRLittleEndian,
)
GDCM = {
    "jpeg_lossless": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "jpeg_12_bit": gdcm.TransferSyntax.JPEGExtendedProcess2_4,
}


def slices():
    """Three slices; the first is the fixed neighbour in fuzzing.

    JPEG 2000 takes none that are much smaller.
    """
    hu = np.random.default_rng(0).integers(-1000, 1500, (3, 36, 40))
    volume = Volume(hu, spacing_mm=(5, 1, 1))
    with tempfile.TemporaryDirectory() as folder:
        files = dicom.write_series(volume, folder + "/ct", patient_id="fuzz")
        return [pydicom.dcmread(file) for file in files]


def saved(dataset, **options):
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, **options)
    return stream.getvalue()


def compressed(dataset, syntax):
    dataset = pydicom.dcmread(io.BytesIO(saved(dataset)))
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    return saved(dataset)


def by_gdcm(dataset, syntax):
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/a.dcm", f"{folder}/b.dcm"
        dataset.save_as(source)
        reader = gdcm.ImageReader()
        reader.SetFileName(source)
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
        if not reader.Read():
            raise ValueError("GDCM cannot read the seed")
        change.SetInput(reader.GetImage())
        if not change.Change():
            raise ValueError("GDCM cannot compress the seed")
        writer = gdcm.ImageWriter()
        writer.SetFileName(target)
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        if not writer.Write():
            raise ValueError("GDCM cannot write the seed")
        return Path(target).read_bytes()


def seeds():
    _, second, third = slices()
    plain = {"explicit": saved(second)}
    for syntax in COMPRESSED:
        plain[syntax.keyword] = compressed(second, syntax)
    for name, syntax in GDCM.items():
        narrow = pydicom.dcmread(io.BytesIO(plain["explicit"]))
        stored = np.frombuffer(narrow.PixelData, "<i2") + 24
        narrow.PixelData = stored.astype("<u2").tobytes()
        narrow.BitsStored, narrow.HighBit, narrow.PixelRepresentation = 12, 11, 0
        plain[name] = by_gdcm(narrow, syntax)
    for name, implicit, little in (("implicit", True, True), ("big", False, False)):
        other = pydicom.dcmread(io.BytesIO(plain["explicit"]))
        other.file_meta.TransferSyntaxUID = (
            uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRBigEndian
        )
        if not little:
            swapped = np.frombuffer(other.PixelData, "<i2").astype(">i2").tobytes()
            other.PixelData = swapped
        plain[name] = saved(other, implicit_vr=implicit, little_endian=little)
    plain["bare"] = plain["implicit"][plain["implicit"].index(b"\x08\x00\x05\x00") :]
    padded = pydicom.dcmread(io.BytesIO(plain["explicit"]))
    padded.add_new("PixelPaddingValue", "US", 63536)
    padded.add_new("PixelPaddingRangeLimit", "SS", -1990)
    padded.PhotometricInterpretation = "MONOCHROME1"
    plain["padded"] = saved(padded)
    contents = [("1", 1), ("1", 1), ("2", 1), ("2", 1)]
    four = [second, third] * 2
    plain["enhanced"] = saved(to_multi_frame([second, third], order=[1, 0]))
    plain["parts"] = saved(to_multi_frame(four, contents=contents, shared=False))
    return plain


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name, content in seeds().items():
        (folder / f"{name}.dcm").write_bytes(content)

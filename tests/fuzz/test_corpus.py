"""The seeds of the fuzzer are what its script makes, and the reader takes each."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from medvae_course.ct import dicom

make_corpus = pytest.importorskip("fuzz.make_corpus", reason="GDCM is not installed")

CORPUS = Path(__file__).parent / "corpus"


def test_seeds_are_what_the_script_makes():
    made = make_corpus.seeds()
    files = {file.stem: file for file in CORPUS.iterdir()}
    assert sorted(files) == sorted(made)
    # encoders may change from version to version, the rest may not
    for name in ("explicit", "implicit", "big", "bare", "padded", "enhanced", "parts"):
        assert files[name].read_bytes() == made[name]
    assert sum(file.stat().st_size for file in files.values()) < 200_000


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda f: f.stem)
def test_each_seed_holds_the_phantom(file, tmp_path):
    (tmp_path / file.name).write_bytes(file.read_bytes())
    if file.stem == "parts":
        volume = dicom.read_series(tmp_path, part="stack 2, time 1")
        assert volume.shape == (2, 36, 40)
    elif file.stem == "enhanced":
        assert dicom.read_series(tmp_path).shape == (2, 36, 40)
    else:
        second = make_corpus.slices()[1]
        expected = np.frombuffer(second.PixelData, "<i2").reshape(36, 40) - 1024.0
        expected += 24 if file.stem.startswith("jpeg") else 0  # what made them 12 bits
        tolerance = 60 if file.stem == "jpeg_12_bit" else 0
        (hu,) = dicom.read_image(file).hu
        np.testing.assert_allclose(hu, expected, atol=tolerance)


@pytest.mark.parametrize("bits", [0, 17, 92, 255])
def test_frame_of_impossible_depth_is_refused_before_it_is_decoded(bits, tmp_path):
    stored = bytearray((CORPUS / "jpeg_12_bit.dcm").read_bytes())
    start = stored.index(b"\xff\xc1", stored.index(b"\xff\xd8"))  # start of frame
    stored[start + 4] = bits
    (tmp_path / "a.dcm").write_bytes(stored)
    with pytest.raises(dicom.DicomError, match=f"claims {bits} bits"):
        dicom.read_image(tmp_path / "a.dcm")


def test_jpeg_that_does_not_say_its_size_is_refused(tmp_path):
    stored = bytearray((CORPUS / "jpeg_12_bit.dcm").read_bytes())
    start = stored.index(b"\xff\xc1", stored.index(b"\xff\xd8"))
    stored[start + 1] = 0xE5  # an application's own segment, which decoders skip
    (tmp_path / "a.dcm").write_bytes(stored)
    with pytest.raises(dicom.DicomError, match="does not say its size"):
        dicom.read_image(tmp_path / "a.dcm")


def test_kind_of_file_that_fills_a_page_is_not_quoted_whole(tmp_path):
    dataset = pydicom.dcmread(CORPUS / "explicit.dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom sees that this is no UID
        dataset.SOPClassUID = "1.2." + 9999 * "3"
        dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(dicom.DicomError, match="must hold a CT slice") as caught:
        dicom.read_image(tmp_path / "a.dcm")
    assert len(str(caught.value)) < 200

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from medvae_course.ct import dicom
from medvae_course.ct.dicom import DicomError, write
from medvae_course.ct.volume import AXIAL, Volume

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 110], degrees=True).as_matrix() @ AXIAL


def scan(**arguments):
    hu = np.random.default_rng(5).integers(-1024, 3072, (4, 8, 9))
    arguments = {"spacing_mm": (2.5, 0.7, 0.8), "origin_mm": (-10.5, 20, 3)} | arguments
    return Volume(hu, **arguments)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "ct"
    return dicom.write_series(scan(), folder, patient_id="phantom 1")


def run(program, *arguments):
    command = [Path(sys.executable).with_name(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE])
def test_simpleitk_reads_the_same_hu_and_geometry(tmp_path, direction):
    v = scan(direction=direction, origin_mm=(1 / 3, -2000 / 7, 1e-4))
    written = dicom.write_series(v, tmp_path / "ct", patient_id="P1")
    image = sitk.ReadImage([str(file) for file in written])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), v.hu)
    for index in [(0, 0, 0), (3, 7, 8), (1, 2, 3)]:
        position = image.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(position, v.index_to_mm(index), atol=1e-3)


def test_the_validator_finds_no_error(files):
    for file in files:
        found = run("dciodvfy", "-new", file)
        assert "CTImage" in found
        assert "Error" not in found
    assert run("dcentvfy", *files) == ""


def test_the_validator_can_find_an_error(files, tmp_path):
    dataset = pydicom.dcmread(files[0])
    del dataset.FrameOfReferenceUID
    dataset.save_as(tmp_path / "bad.dcm")
    assert "Error" in run("dciodvfy", "-new", tmp_path / "bad.dcm")


def test_the_files_say_what_they_are(files):
    dataset = pydicom.dcmread(files[0])
    assert dataset.ImageType == ["DERIVED", "SECONDARY", "AXIAL"]
    assert "Synthetic" in dataset.SeriesDescription
    assert dataset.PatientID == "phantom 1"
    assert (dataset.WindowCenter[0], dataset.WindowWidth[0]) == (40, 400)
    assert (dataset.RescaleSlope, dataset.RescaleIntercept) == (1, -1024)
    assert len({pydicom.dcmread(file).SOPInstanceUID for file in files}) == 4


def uids(tmp_path, name, volume=None, **arguments):
    arguments = {"patient_id": "P1"} | arguments
    written = dicom.write_series(volume or scan(), tmp_path / name, **arguments)
    d = pydicom.dcmread(written[2])
    return {
        "study": d.StudyInstanceUID,
        "frame": d.FrameOfReferenceUID,
        "series": d.SeriesInstanceUID,
        "image": d.SOPInstanceUID,
        "bytes": written[2].read_bytes(),
    }


def test_uids_follow_from_seed_patient_and_contents(tmp_path):
    first = uids(tmp_path, "a")
    assert uids(tmp_path, "b") == first
    for name in ("study", "frame", "series", "image"):
        assert first[name] != uids(tmp_path, "c" + name, seed=1)[name]
        assert first[name] != uids(tmp_path, "d" + name, patient_id="P2")[name]
        assert first[name].is_valid
    other = Volume(-scan().hu, scan().spacing_mm, scan().origin_mm)
    for name, volume in (("e", scan(origin_mm=(0, 0, 0))), ("f", other)):
        changed = uids(tmp_path, name, volume)
        same = {key for key in first if changed[key] == first[key]}
        assert same == {"study", "frame"}


def test_hu_are_rounded(tmp_path):
    v = Volume(scan().hu + 0.4, spacing_mm=(1, 1, 1))
    dicom.write_series(v, tmp_path / "ct", patient_id="P1")
    np.testing.assert_array_equal(dicom.read_series(tmp_path / "ct").hu, scan().hu)


def test_texts_may_be_of_any_script(tmp_path):
    dicom.write_series(scan(), tmp_path / "ct", patient_id="Jérôme 山田")
    (found,) = dicom.find_series(tmp_path)
    assert found.patient_id == "Jérôme 山田"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "ct").mkdir()
    assert len(dicom.write_series(scan(), tmp_path / "ct", patient_id="P1")) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["ct"]


def test_a_relative_folder_is_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = dicom.write_series(scan(), "ct", patient_id="P1")
    assert str(written[0]) == "ct/slice_0001.dcm"
    assert written[3].is_file()


def test_a_folder_with_files_is_refused_and_kept(tmp_path):
    (tmp_path / "ct").mkdir()
    (tmp_path / "ct" / "mine.txt").write_text("keep")
    with pytest.raises(DicomError, match="must be new or empty"):
        dicom.write_series(scan(), tmp_path / "ct", patient_id="P1")
    assert [path.name for path in (tmp_path / "ct").iterdir()] == ["mine.txt"]
    with pytest.raises(DicomError, match="must be a folder, got a file"):
        dicom.write_series(scan(), tmp_path / "ct" / "mine.txt", patient_id="P1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"patient_id": ""}, "`patient_id` must be 1 to 63"),
        ({"patient_id": "a\\b"}, "without a backslash"),
        ({"series_description": "x" * 64}, "`series_description` must be"),
        ({"series_description": "a\nb"}, "printable"),
        ({"volume": Volume(np.full((2, 2, 2), 4e4), (1, 1, 1))}, "clip the HU"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, arguments, words):
    arguments = {"volume": scan(), "patient_id": "P1"} | arguments
    with pytest.raises(DicomError, match=words):
        dicom.write_series(arguments.pop("volume"), tmp_path / "ct", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    make = write._image

    def fails(common, volume, image, index):
        if index == 2:
            raise OSError("No space left on device\nTraceback (most recent call last)")
        return make(common, volume, image, index)

    monkeypatch.setattr(write, "_image", fails)
    with pytest.raises(DicomError, match="No space left on device; free space"):
        dicom.write_series(scan(), tmp_path / "ct", patient_id="P1")
    assert list(tmp_path.iterdir()) == []

"""Reading real files, against SimpleITK; skipped where there is no real CT."""

import os
import re
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.data import get_testdata_file

from medvae_course.ct import dicom
from medvae_course.ct.dicom import DicomError

# headers of real files break rules that do not matter here; pydicom then warns
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

PADDING_HU = -2000 - 1024
"""What SimpleITK makes of the padding in the files that have some."""


needs_gdcm = pytest.mark.skipif(
    find_spec("gdcm") is None, reason="no decoder of this JPEG process is installed"
)


def assert_equals_simpleitk(volume, files):
    image = sitk.ReadImage([str(file) for file in files])
    expected = sitk.GetArrayFromImage(image)
    np.testing.assert_array_equal(
        volume.hu, np.where(expected == PADDING_HU, -1000, expected)
    )
    last = [n - 1 for n in volume.shape]
    for index in ([0, 0, 0], last):
        position = image.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(volume.index_to_mm(index), position, atol=1e-3)
    np.testing.assert_allclose(volume.spacing_mm, image.GetSpacing()[::-1], atol=1e-3)


@pytest.mark.parametrize(
    ("folder", "shape", "distance_mm"),
    [
        ("lidc_0314_chest_j2k/dicom", (35, 512, 512), 8.0),  # thickness says 1
        ("sts_gtv_dev/dicom/STS_002/CT/image", (48, 143, 161), 3.27),
        ("dcmqi_ct3slice_seg/segmentations/ct-3slice", (3, 512, 512), 1.0),
    ],
)
def test_series_equal_simpleitk(shared_ct, folder, shape, distance_mm):
    folder = shared_ct / folder
    volume = dicom.read_series(folder)
    assert volume.shape == shape
    assert volume.spacing_mm[0] == distance_mm
    (uid,) = [s.series_uid for s in dicom.find_series(folder) if s.is_ct]
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
    assert_equals_simpleitk(volume, files)


def two_slices(folder, file, *, shift_mm=5.0):
    """Series of the same slice twice, the second moved along the normal."""
    dataset = pydicom.dcmread(file)
    dataset.save_as(folder / "1.dcm", enforce_file_format=False)
    row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
    position = dataset.ImagePositionPatient + shift_mm * np.cross(row, column)
    dataset.ImagePositionPatient = [f"{x:.6f}" for x in position]
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.save_as(folder / "2.dcm", enforce_file_format=False)
    return [folder / "1.dcm", folder / "2.dcm"]


def cwil(shared_ct, name):
    (file,) = (shared_ct / "ct_transfer_syntaxes/cwil").glob(f"CTImage.dcm_{name}*")
    return file


@pytest.mark.parametrize(
    "name",
    [
        "BigEndianExplicit",
        "DeflatedExplicitVR",
        "JPEG2000LosslessOnly",
        "JPEG2000Transfer",
        "JPEGLSLossless",
        "JPEGLSLossy",
        pytest.param("JPEGProcess14SV1", marks=needs_gdcm),
        pytest.param("JPEGProcess14Transfer", marks=needs_gdcm),
        "JPEGProcess1Transfer",
        pytest.param("JPEGProcess2_4Transfer", marks=needs_gdcm),
        pytest.param("JPEGProcess6_8Transfer", marks=needs_gdcm),
        pytest.param("JPEGProcess10_12Transfer", marks=needs_gdcm),
        "LittleEndianExplicit",
        "LittleEndianImplicit",
        "RLELossless",
    ],
)
def test_transfer_syntaxes_equal_simpleitk(shared_ct, tmp_path, name):
    files = two_slices(tmp_path, cwil(shared_ct, name))
    hu = dicom.read_series(tmp_path).hu
    (expected,) = sitk.GetArrayFromImage(sitk.ReadImage(str(files[0])))
    np.testing.assert_allclose(hu[0], expected, atol=1e-3)
    np.testing.assert_array_equal(hu[1], hu[0])


@pytest.mark.parametrize(
    "name", ["cwil/CT1_J2KR", "fo-dicom/D_CLUNIE_CT1_RLE_FRAGS.dcm"]
)
def test_padding_of_real_files_becomes_air(shared_ct, tmp_path, name):
    two_slices(tmp_path, shared_ct / "ct_transfer_syntaxes" / name)
    hu = dicom.read_series(tmp_path).hu
    image = sitk.ReadImage(str(shared_ct / "ct_transfer_syntaxes" / name))
    (expected,) = sitk.GetArrayFromImage(image)
    padding = expected == -2000 - 1024
    assert padding.any()
    np.testing.assert_array_equal(hu[0], np.where(padding, -1000, expected))


@pytest.mark.parametrize("name", ["J2K_pixelrep_mismatch.dcm", "explicit_VR-UN.dcm"])
def test_odd_encodings_equal_simpleitk(shared_ct, tmp_path, name):
    file = shared_ct / "ct_transfer_syntaxes/pydicom" / name
    files = two_slices(tmp_path, file)
    assert_equals_simpleitk(dicom.read_series(tmp_path), files)


def test_padding_of_a_file_from_pydicom_becomes_air(tmp_path):
    file = get_testdata_file("CT_small.dcm")
    two_slices(tmp_path, file)
    stored = pydicom.dcmread(file).pixel_array.astype(float)
    expected = np.where(stored == -2000, -1000, stored - 1024)
    np.testing.assert_array_equal(dicom.read_series(tmp_path).hu[0], expected)


@pytest.mark.parametrize("size", ["23x38x3", "24x38x3"])
def test_a_converted_multi_frame_file_equals_its_source(shared_ct, size):
    folder = shared_ct / "dcmqi_ct3slice_seg/segmentations" / size
    first, second = [s for s in dicom.find_series(folder) if s.is_ct]
    assert {len(first.files), len(second.files)} == {1, 3}
    a, b = dicom.read_series(first), dicom.read_series(second)
    np.testing.assert_array_equal(a.hu, b.hu)
    np.testing.assert_allclose(a.affine, b.affine)
    assert a.spacing_mm == (2.5, 0.7, 0.7)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("failing_gantrytilting_001", "of 14.0 degrees, 3.6 mm at IM-0001-0004"),
        ("failing_notavolume_001", "got 3 of 4 slices where another one lies"),
        ("failing_sliceincrement_001", "5.000 to 10.000 mm.*1 slices .* missing of 5"),
        ("failing_sliceorientation_001", r"other kinds \(MR\)"),
        ("failing_slicecount_001", r"other kinds \(MR\)"),
        ("generic_rgb_001", r"other kinds \(MR\)"),
        ("philips_enhanced_anatomical_001", r"other kinds \(MR\)"),
    ],
)
def test_odd_series_are_refused_with_numbers(shared_ct, folder, words):
    with pytest.raises(DicomError, match=words):
        dicom.read_series(shared_ct / "odd_series_dicom2nifti" / folder)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("failing_sliceorientation_001", "one pixel spacing"),
        ("generic_anatomical_002_non_isotropic", None),
        ("generic_compressed_j2k_001", "RescaleSlope must hold 1 numbers, got None"),
        ("generic_rgb_001", "grey values, got RGB"),
    ],
)
def test_odd_geometry_counts_for_ct_too(shared_ct, tmp_path, folder, words):
    for file in (shared_ct / "odd_series_dicom2nifti" / folder).iterdir():
        dataset = pydicom.dcmread(file)
        dataset.Modality = "CT"
        dataset.SOPClassUID = pydicom.uid.CTImageStorage
        if words == "one pixel spacing":
            dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        dataset.save_as(tmp_path / file.name)
    if words is None:
        volume = dicom.read_series(tmp_path)
        assert volume.shape == (4, 28, 64)
        uid = dataset.SeriesInstanceUID
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path), uid)
        for index, file in enumerate(files):  # each slice has a rescale of its own
            (expected,) = sitk.GetArrayFromImage(sitk.ReadImage(file))
            np.testing.assert_allclose(volume.hu[index], expected, rtol=1e-6)
    else:
        with pytest.raises(DicomError, match=words):
            dicom.read_series(tmp_path)


SHARED = Path(
    os.environ.get("MEDVAE_SHARED_CT", Path(__file__).parents[4] / "shared" / "ct")
)
SINGLE = ("bad_dicom_dev", "ct_transfer_syntaxes", "odd_series_dicom2nifti")
FILES = [
    str(file.relative_to(SHARED))
    for folder in SINGLE
    for file in sorted((SHARED / folder).rglob("*"))
    if file.is_file()
]
READABLE = re.compile(
    r"""ct_transfer_syntaxes/cwil/(CT1_J2KR|CT2_J2KR|CTImage.*)
    |ct_transfer_syntaxes/fo-dicom/(CT1_J2KI|D_CLUNIE_.*|GH177_.*_ELE_.*)
    |ct_transfer_syntaxes/pydicom/(CT_small|J2K_pixelrep_mismatch).dcm
    |bad_dicom_dev/bad_sequence.dcm
    |bad_dicom_dev/dicomdirtests/\d+/(CT2|CT5N)/\d+""",
    re.VERBOSE,
)
UNREADABLE = re.compile(
    r"""\ is\ not\ a\ DICOM\ file\ \(no\ DICM\ mark\)
    |\ names\ no\ series
    |\ must\ hold\ a\ CT\ slice,\ got\ (a\ localizer|[A-Z][A-Za-z -]*)
    |\ must\ say\ how\ thick\ the\ slice\ is,\ got\ neither\ .*
    |:\ rescaled\ values\ must\ be\ in\ HU,\ got\ Rescale\ Type\ US:\ .*
    |\ has\ a\ broken\ header:\ invalid\ literal\ for\ int.*
    |\ cannot\ be\ read:\ No\ tag\ to\ read\ at\ file\ position\ 81994""",
    re.VERBOSE,
)


@pytest.mark.parametrize("name", FILES)
def test_every_odd_file_gives_its_slice_or_a_reason(shared_ct, name):
    file = shared_ct / name
    if READABLE.fullmatch(name):
        notes = []
        volume = dicom.read_image(file, notes=notes)
        image = sitk.ReadImage(str(file))
        expected = sitk.GetArrayFromImage(image).astype(np.float32)
        if any(note.startswith("padding: 55772 of 262144") for note in notes):
            expected[expected < -2000] = -1000
        np.testing.assert_array_equal(volume.hu, expected)
        np.testing.assert_allclose(volume.origin_mm, image.GetOrigin(), atol=1e-3)
        assert_directions_equal(volume, image)
        np.testing.assert_allclose(volume.spacing_mm[1:], image.GetSpacing()[1::-1])
        with pytest.raises(DicomError, match="at least 2 slices, got 1"):
            dicom.read_series(alone(file))
    else:
        with pytest.raises(DicomError) as error:
            dicom.read_image(file)
        message = str(error.value)
        assert message.startswith(file.name)
        assert UNREADABLE.fullmatch(message.removeprefix(file.name)), message


def assert_directions_equal(volume, image):
    direction = np.reshape(image.GetDirection(), (3, 3))[:, ::-1]
    np.testing.assert_allclose(volume.direction, direction, atol=1e-5)


def alone(file):
    """Series of this file only."""
    found = dicom.find_series(file.parent)
    (series,) = [s for s in found if file in s.files]
    kept = tuple(header for header in series.headers if header.file == file)
    return replace(series, files=(file,), headers=kept)


@pytest.mark.parametrize("name", sorted({name.rpartition("/")[0] for name in FILES}))
def test_every_odd_folder_gives_a_volume_or_a_reason(shared_ct, name):
    folder = shared_ct / name
    if name.endswith("/CT5N"):
        (series,) = [s for s in dicom.find_series(folder) if s.is_ct]
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(
            str(folder), series.series_uid
        )
        assert_equals_simpleitk(dicom.read_series(series), files)
    else:
        with pytest.raises(DicomError) as error:
            dicom.read_series(folder)
        assert "Traceback" not in str(error.value)


def test_lossy_padding_becomes_air_as_a_whole(shared_ct):
    folder = shared_ct / "ct_transfer_syntaxes"
    lossless = sitk.ReadImage(str(folder / "cwil/CT1_J2KR"))
    padding = sitk.GetArrayFromImage(lossless) == PADDING_HU
    hu = dicom.read_image(folder / "fo-dicom/CT1_J2KI").hu
    assert (hu[padding] == -1000).all()
    assert np.count_nonzero(hu == -1000) < 1.01 * np.count_nonzero(padding)


def test_a_tilted_series_is_straightened_on_request(shared_ct):
    folder = shared_ct / "odd_series_dicom2nifti" / "failing_gantrytilting_001"
    notes = []
    volume = dicom.read_series(folder, resample="linear", notes=notes)
    assert "tilt (or a shift) of 14.0 degrees" in " ".join(notes)
    assert volume.shape[0] == 4
    folder = shared_ct / "odd_series_dicom2nifti" / "failing_sliceincrement_001"
    volume = dicom.read_series(folder, resample="linear", notes=notes)
    assert volume.shape[0] == 5
    assert volume.spacing_mm[0] == pytest.approx(5)


def test_multi_frame_maps_that_are_not_hu_are_refused(shared_ct, tmp_path):
    file = shared_ct / "ct_transfer_syntaxes/pydicom/eCT_Supplemental.dcm"
    shutil.copy(file, tmp_path)
    with pytest.raises(DicomError, match="must be in HU, got Rescale Type US"):
        dicom.read_series(tmp_path)


def test_a_tree_of_everything_is_told_apart(shared_ct):
    skipped = []
    found = dicom.find_series(shared_ct / "bad_dicom_dev", skipped=skipped)
    ct = [series for series in found if series.is_ct]
    assert {4, 5} <= {series.n_slices for series in ct}
    # a folder of the tree holds DICOMDIR files that point to everything: not followed
    assert all("DICOMDIR" not in f.name for series in found for f in series.files)
    reasons = {file.name: reason for file, reason in skipped}
    assert reasons["DICOMDIR"] == "DICOMDIR names no series"

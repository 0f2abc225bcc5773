"""Whatever is done to a series: the result equals the truth, or it is refused."""

import copy
import itertools
import shutil

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid
from scipy.spatial.transform import Rotation

from medvae_course.ct import dicom
from medvae_course.ct.dicom import DicomError
from medvae_course.ct.volume import AXIAL, Volume

DISTANCE_MM = 2.5
SHAPE = (6, 12, 14)
DIRECTION = Rotation.from_euler("xyz", [20, -35, 110], degrees=True).as_matrix() @ AXIAL
SERIES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NUMBERS = itertools.count()


def truth():
    hu = np.random.default_rng(0).integers(-1000, 2000, SHAPE)
    return Volume(hu, (DISTANCE_MM, 0.7, 0.8), (-10, 20, 3), DIRECTION)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Datasets of the series of `truth()`, in the order of the slices."""
    folder = tmp_path_factory.mktemp("source")
    files = dicom.write_series(truth(), folder / "ct", patient_id="P1")
    return [pydicom.dcmread(file) for file in files]


@pytest.fixture
def written(source, tmp_path):
    """Function that writes slices, in the order given, and returns their folder."""

    def write(indices, change=lambda dataset, index: None, *, only=None):
        folder = tmp_path / str(next(NUMBERS))
        folder.mkdir()
        for number, index in enumerate(indices):
            dataset = copy.deepcopy(source[index])
            if only is None or index == only:
                change(dataset, index)
            dataset.save_as(folder / f"{number:02}.dcm", enforce_file_format=True)
        return folder

    return write


def assert_is(volume, expected):
    np.testing.assert_array_equal(volume.hu, expected.hu)
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-3)


def move(dataset, mm):
    """Move a slice in the patient by (3,) mm."""
    moved = np.array(dataset.ImagePositionPatient, float) + mm
    dataset.ImagePositionPatient = [f"{x:.8f}" for x in moved]


@SERIES
@given(order=st.permutations(range(6)), kept=st.sets(st.integers(0, 5), min_size=1))
def test_dropped_and_permuted_slices(written, order, kept):
    """A run of neighbours is a shorter volume; with holes between it is none."""
    folder = written([index for index in order if index in kept])
    runs = sorted(kept)
    steps = set(np.diff(runs).tolist())
    try:
        volume = dicom.read_series(folder)
    except DicomError:
        assert len(runs) < 2 or len(steps) > 1
    else:
        (step,) = steps
        expected = truth().hu[runs[0] : runs[-1] + 1 : step]
        np.testing.assert_array_equal(volume.hu, expected)
        assert volume.spacing_mm[0] == pytest.approx(step * DISTANCE_MM)


@SERIES
@given(copies=st.lists(st.integers(0, 5), max_size=4), fresh_uid=st.booleans())
def test_copies_change_nothing_and_conflicts_are_refused(written, copies, fresh_uid):
    folder = written(range(6))
    for number, index in enumerate(copies):
        file = folder / f"copy{number}.dcm"
        shutil.copy(folder / f"{index:02}.dcm", file)
        if fresh_uid:
            dataset = pydicom.dcmread(file)
            dataset.SOPInstanceUID = f"1.2.3.{number}"
            dataset.save_as(file)
    if copies and fresh_uid:
        with pytest.raises(DicomError, match="a position of its own"):
            dicom.read_series(folder)
    else:
        assert_is(dicom.read_series(folder), truth())


@SERIES
@given(
    index=st.integers(0, 5),
    along=st.floats(-2.0, 2.0),
    aside=st.floats(-2.0, 2.0),
)
def test_displaced_slices_stay_within_tolerance_or_are_refused(
    written, index, along, aside
):
    normal, _, row = DIRECTION.T
    folder = written(
        range(6), lambda d, i: move(d, along * normal + aside * row), only=index
    )
    try:
        volume = dicom.read_series(folder)
    except DicomError:
        assert max(abs(along) / DISTANCE_MM, abs(aside) / 0.7) > 0.05
    else:
        np.testing.assert_array_equal(volume.hu, truth().hu)
        # no voxel lies further from its true place than the tolerances allow
        corners = np.array([[0, 0, 0], [5, 11, 13]])
        off = volume.index_to_mm(corners) - truth().index_to_mm(corners)
        assert np.linalg.norm(off, axis=1).max() < 0.8
        assert abs(along) < 0.4 * DISTANCE_MM
        assert abs(aside) < 2 * 0.7


@SERIES
@given(
    slopes=st.lists(st.sampled_from([0.5, 1, 2, 1.25, -1]), min_size=6, max_size=6),
    intercepts=st.lists(st.integers(-2000, 2000), min_size=6, max_size=6),
)
def test_each_slice_has_its_own_rescale(written, slopes, intercepts):
    def change(dataset, index):
        dataset.RescaleSlope = slopes[index]
        dataset.RescaleIntercept = intercepts[index]

    hu = dicom.read_series(written(range(6), change)).hu
    stored = truth().hu + 1024
    for index, image in enumerate(stored):
        expected = image * slopes[index] + intercepts[index]
        np.testing.assert_array_equal(hu[index], expected)


NEEDED = [
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
    *("RescaleSlope", "RescaleIntercept", "Rows", "Columns", "BitsAllocated"),
    *("BitsStored", "PixelRepresentation", "PhotometricInterpretation", "PixelData"),
]
UNNEEDED = [
    *("PatientName", "StudyDate", "InstanceNumber", "SliceThickness", "KVP"),
    *("WindowCenter", "WindowWidth", "SeriesNumber", "FrameOfReferenceUID"),
]


@SERIES
@given(
    index=st.integers(0, 5),
    keywords=st.lists(st.sampled_from(NEEDED + UNNEEDED), min_size=1, max_size=3),
)
def test_missing_elements_matter_only_if_needed(written, index, keywords):
    def change(dataset, _):
        for keyword in set(keywords):
            del dataset[keyword]

    folder = written(range(6), change, only=index)
    if set(keywords) & set(NEEDED):
        with pytest.raises(DicomError):
            dicom.read_series(folder)
    else:
        assert_is(dicom.read_series(folder), truth())


BAD = ["", "x", "1e", "nan", "inf", "-inf", "0", "-1", "1\\2\\3\\4\\5\\6\\7", "1e308"]
VRS = ["DS", "IS", "US", "LO", "UN", "OB", "FD", "SQ", "AT"]


@SERIES
@given(
    index=st.integers(0, 5),
    keyword=st.sampled_from([k for k in NEEDED if k != "PixelData"]),
    value=st.one_of(st.sampled_from(BAD), st.binary(max_size=12)),
    vr=st.sampled_from(VRS),
)
def test_bad_values_and_wrong_types_of_elements(written, index, keyword, value, vr):
    """Bytes of any type in place of an element: the file is patched."""
    folder = written(range(6))
    file = folder / f"{index:02}.dcm"
    raw = file.read_bytes()
    tag = pydicom.tag.Tag(keyword)
    at = raw.index(
        tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little"), 300
    )
    length = int.from_bytes(raw[at + 6 : at + 8], "little")
    value = value.encode() if isinstance(value, str) else value
    value += b" " * (len(value) % 2)
    head = vr.encode()
    size = len(value).to_bytes(2, "little")
    if vr in ("UN", "OB", "SQ"):
        head, size = head + b"\0\0", len(value).to_bytes(4, "little")
    old = raw[at + 8 : at + 8 + length]
    file.write_bytes(raw[: at + 4] + head + size + value + raw[at + 8 + length :])
    try:
        volume = dicom.read_series(folder)
    except DicomError:
        pass
    else:  # then the value must have meant the same, or be that of a rescale
        same = value.strip() == old.strip()
        rescale = keyword in ("RescaleSlope", "RescaleIntercept")
        others = [i for i in range(6) if i != index or (not same and not rescale)]
        np.testing.assert_array_equal(volume.hu[others], truth().hu[others])
        np.testing.assert_allclose(volume.affine, truth().affine, atol=0.3)


@SERIES
@given(
    second=st.sampled_from(["MR", "scout", "other patient", "other series", "RGB"]),
    chosen=st.sets(st.integers(0, 5), min_size=1, max_size=2),
)
def test_mixed_series_are_told_apart(written, second, chosen):
    def change(dataset, index):
        if index not in chosen:
            return
        if second == "MR":
            dataset.SOPClassUID = uid.MRImageStorage
        elif second == "scout":
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        elif second == "other patient":
            dataset.PatientID = "P2"
        elif second == "other series":
            dataset.SeriesInstanceUID = "1.2.3"
        else:
            dataset.PhotometricInterpretation = "RGB"

    folder = written(range(6), change)
    rest = sorted(set(range(6)) - chosen)
    regular = len(set(np.diff(rest).tolist())) == 1
    if second in ("MR", "scout") and regular:
        np.testing.assert_array_equal(dicom.read_series(folder).hu, truth().hu[rest])
    else:
        with pytest.raises(DicomError):
            dicom.read_series(folder)

import numpy as np
import pydicom
import pytest
from ct.labels.scans import OBLIQUE, assert_same, check, draw_structures, write_scan

from medvae_course.ct import dicom, nifti
from medvae_course.ct.labels import LabelError, read_rtstruct, write_rtstruct
from medvae_course.ct.volume import AXIAL, Volume


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    series, volume = write_scan(folder / "ct")
    file = write_rtstruct(draw_structures(volume), series, folder / "rt.dcm")
    return series, volume, file


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE, AXIAL[:, [2, 0, 1]]])
def test_written_masks_are_read_back_identical(tmp_path, direction):
    series, volume = write_scan(tmp_path / "ct", direction=direction)
    drawn = draw_structures(volume)
    file = write_rtstruct(drawn, series, tmp_path / "rt.dcm", algorithm="net 1")
    found = read_rtstruct(file, volume, series=series)
    assert_same(found, drawn)
    assert found.notes == ("nothing: no closed contour",)
    # on the series as it was acquired, too
    found = read_rtstruct(file, dicom.read_series(series))
    assert found.masks["liver"].sum() == drawn.masks["liver"].sum()


def test_real_contours_give_the_published_mask(shared_ct):
    folder = shared_ct / "sts_gtv_dev"
    (series,) = dicom.find_series(folder / "dicom" / "STS_002" / "CT" / "image")
    volume = dicom.read_series(series).to_axial()
    file = folder / "dicom" / "STS_002" / "CT" / "mask" / "RS.dcm"
    found = read_rtstruct(file, volume, series=series)
    expected = nifti.read_nifti(folder / "nifti" / "STS_002" / "CT_mask.nii.gz")
    assert list(found.masks) == ["GTV_Mass_CT"]
    assert found.masks["GTV_Mass_CT"].sum() == 17090
    np.testing.assert_array_equal(found.masks["GTV_Mass_CT"], expected.hu > 0)
    assert found.notes == ()


def test_the_validator_finds_no_error(scan):
    found = check("dciodvfy", "-new", scan[2])
    assert "RTStructureSet" in found
    assert "Error" not in found


def test_the_file_refers_to_its_series_and_repeats_exactly(scan, tmp_path):
    series, volume, file = scan
    dataset = pydicom.dcmread(file)
    source = pydicom.dcmread(series.files[0])
    for name in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert dataset[name].value == source[name].value
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (referenced,) = study.RTReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == series.series_uid
    positions = {
        pydicom.dcmread(path).SOPInstanceUID: pydicom.dcmread(path)
        for path in series.files
    }
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        (image,) = contour.ContourImageSequence
        z = positions[image.ReferencedSOPInstanceUID].ImagePositionPatient[2]
        np.testing.assert_allclose(contour.ContourData[2::3], z, atol=1e-3)
    again = write_rtstruct(draw_structures(volume), series, tmp_path / "again.dcm")
    assert again.read_bytes() == file.read_bytes()


# Contours by hand, on a scan with corners at whole millimetres

GRID = Volume(np.zeros((6, 12, 12)), spacing_mm=(2.0, 1.0, 1.0))


def contour(points, z, kind="CLOSED_PLANAR"):
    item = pydicom.Dataset()
    item.ContourGeometricType = kind
    data = np.column_stack([points, np.full(len(points), z)]).ravel()
    item.NumberOfContourPoints = len(points)
    item.ContourData = [f"{value:.4f}" for value in data]
    return item


def square(low, high):
    return np.array([[low, low], [high, low], [high, high], [low, high]], float)


def write(path, *rois, names=None, frame="1.2.3"):
    dataset = pydicom.Dataset()
    dataset.SOPClassUID = pydicom.uid.RTStructureSetStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, contours in enumerate(rois, start=1):
        roi, item = pydicom.Dataset(), pydicom.Dataset()
        roi.ROINumber = item.ReferencedROINumber = number
        roi.ROIName = names[number - 1] if names else f"roi {number}"
        roi.ReferencedFrameOfReferenceUID = frame
        item.ContourSequence = contours
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(item)
    dataset.save_as(path, enforce_file_format=True)
    return path


def only(found):
    (mask,) = found.masks.values()
    return mask


def test_contours_of_one_slice_make_holes_and_islands(tmp_path):
    inner = [contour(square(2.5, 6.5), 4.0), contour(square(3.5, 5.5), 4.0)]
    inner[1].ContourGeometricType = "CLOSEDPLANAR_XOR"
    file = write(tmp_path / "rt.dcm", [contour(square(0.5, 8.5), 4.0), *inner])
    mask = only(read_rtstruct(file, GRID))
    assert mask[2].sum() == 64 - 16 + 4
    assert mask.sum() == mask[2].sum()


def test_a_contour_between_slices_goes_to_the_nearest(tmp_path):
    file = write(tmp_path / "rt.dcm", [contour(square(0.5, 8.5), 4.9)])
    mask = only(read_rtstruct(file, GRID))
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [2]
    midway = write(tmp_path / "rt.dcm", [contour(square(0.5, 8.5), 5.0)])
    mask = only(read_rtstruct(midway, GRID))
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [3]


def test_finer_contours_are_thinned_out_not_mixed(tmp_path):
    heights = [4.0, 4.5, 5.0, 5.5, 6.0]
    sizes = [8.5, 7.5, 6.5, 5.5, 4.5]
    contours = [contour(square(0.5, s), z) for s, z in zip(sizes, heights, strict=True)]
    found = read_rtstruct(write(tmp_path / "rt.dcm", contours), GRID)
    assert only(found).sum(axis=(1, 2)).tolist() == [0, 0, 64, 16, 0, 0]
    assert "3 of 5 planes lie between" in found.notes[0]


def test_coarser_contours_leave_the_slices_between_empty_and_say_so(tmp_path):
    fine = Volume(np.zeros((21, 12, 12)), spacing_mm=(1.0, 1.0, 1.0))
    contours = [contour(square(0.5, 8.5), z) for z in (2.0, 5.0, 8.0, 17.0)]
    found = read_rtstruct(write(tmp_path / "rt.dcm", contours), fine)
    assert np.flatnonzero(only(found).any(axis=(1, 2))).tolist() == [2, 5, 8, 17]
    assert found.notes == (
        "roi 1: planes are 3.00 slices apart, those between stay empty",
    )


def test_other_kinds_and_empty_structures_are_noted(tmp_path):
    point = contour(square(1, 2)[:1], 4.0, "POINT")
    line = contour(square(1, 2), 4.0, "OPEN_PLANAR")
    closed = contour(square(0.5, 3.5), 4.0)
    file = write(
        tmp_path / "rt.dcm", [point, line], [closed, point], [], names=["a", "a", ""]
    )
    found = read_rtstruct(file, GRID)
    assert [mask.sum() for mask in found.masks.values()] == [0, 9, 0]
    assert list(found.masks) == ["a", "a (2)", "ROI 3"]
    assert "a: 1 contours of type POINT left out" in found.notes
    assert "a: no closed contour" in found.notes
    assert "a (2): 1 contours of type POINT left out" in found.notes


def test_contours_outside_are_noted_or_refused(tmp_path):
    inside, outside = contour(square(0.5, 3.5), 4.0), contour(square(0.5, 3.5), 40.0)
    found = read_rtstruct(write(tmp_path / "rt.dcm", [inside, outside]), GRID)
    assert only(found).sum() == 9
    assert found.notes[0].startswith("roi 1: 1 of 2 planes lie outside")
    with pytest.raises(LabelError, match="no structure lies in the CT"):
        read_rtstruct(write(tmp_path / "rt.dcm", [outside]), GRID)


def test_contours_through_slices_are_refused(tmp_path):
    tilted = contour(square(0.5, 8.5), 4.0)
    tilted.ContourData = [0, 0, 0, 5, 1, 4, 3, 7, 8, 1, 1, 2]
    with pytest.raises(LabelError, match=r"one through [0-9.]+ slices.*mm"):
        read_rtstruct(write(tmp_path / "rt.dcm", [tilted]), GRID)


def test_sagittal_contours_are_filled_in_their_own_slices(tmp_path):
    item = contour(square(0.5, 8.5), 3.0)
    points = np.array(item.ContourData, float).reshape(-1, 3)[:, [2, 0, 1]]
    item.ContourData = points.ravel().tolist()
    mask = only(read_rtstruct(write(tmp_path / "rt.dcm", [item]), GRID))
    assert np.flatnonzero(mask.any(axis=(0, 1))).tolist() == [3]
    assert mask.sum() == 8 * 4  # y 1 to 8 mm, z 2, 4, 6 and 8 mm


def test_another_frame_of_reference_is_refused(scan, tmp_path):
    series, volume, _ = scan
    file = write(tmp_path / "rt.dcm", [contour(square(0.5, 3.5), 4.0)])
    with pytest.raises(LabelError, match=r"rt\.dcm: .*frame of reference .* got 1.2.3"):
        read_rtstruct(file, volume, series=series)


def damaged(**changes):
    item = contour(square(0.5, 3.5), 4.0)
    for name, value in changes.items():
        setattr(item, name, value)
    return item


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (damaged(ContourData=["1", "2"]), "x, y and z"),
        (damaged(ContourData=[]), "x, y and z"),
        (damaged(NumberOfContourPoints=9), "as many points as it says, got 4 for 9"),
        (damaged(ContourData=["1e300", "2", "3"] * 4), r"100000 mm .* got 1e\+300"),
        (damaged(ContourData=["1e5", "2", "3"] * 4), "within 100000 mm"),
    ],
)
def test_absurd_contours_are_refused(tmp_path, item, words):
    file = write(tmp_path / "rt.dcm", [item])
    with pytest.raises(LabelError, match=rf"rt\.dcm: .*{words}"):
        read_rtstruct(file, GRID)


@pytest.mark.parametrize("text", [b"nan   ", b"1,5   ", b"a lot ", b"1e999 "])
def test_numbers_that_are_none_are_refused(tmp_path, text):
    file = write(tmp_path / "rt.dcm", [contour(square(0.5, 3.5), 4.0)])
    whole = file.read_bytes()
    assert whole.count(b"0.5000") > 1
    file.write_bytes(whole.replace(b"0.5000", text))
    with pytest.raises(LabelError, match=r"rt\.dcm"):
        read_rtstruct(file, GRID)


def test_what_is_no_rtstruct_is_refused(scan, tmp_path):
    series, volume, file = scan
    with pytest.raises(LabelError, match="must be an RTSTRUCT, it is CT Image"):
        read_rtstruct(series.files[0], volume)
    (tmp_path / "no.dcm").write_bytes(b"no DICOM at all")
    with pytest.raises(dicom.DicomError, match=r"no\.dcm"):
        read_rtstruct(tmp_path / "no.dcm", volume)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_gives_a_typed_error_or_less(scan, tmp_path, share):
    series, volume, file = scan
    whole = file.read_bytes()
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises((LabelError, dicom.DicomError), match=r"cut\.dcm"):
        read_rtstruct(cut, volume)


def test_names_and_grids_that_do_not_fit_are_refused(scan, tmp_path):
    series, volume, _ = scan
    drawn = draw_structures(volume)
    mask = drawn.masks["liver"]
    for masks in ({}, {"x" * 65: mask}, {"a\\b": mask}, {"a\nb": mask}, {"": mask}):
        with pytest.raises(LabelError, match="names must be|at least one"):
            write_rtstruct(type(drawn)(masks, volume), series, tmp_path / "rt.dcm")
    moved = Volume(volume.hu, volume.spacing_mm, (0, 0, 0), volume.direction)
    with pytest.raises(LabelError, match="must lie on the grid of the CT"):
        write_rtstruct(type(drawn)({"a": mask}, moved), series, tmp_path / "rt.dcm")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LabelError, match="cannot be written"):
        write_rtstruct(drawn, series, tmp_path / "none" / "rt.dcm")

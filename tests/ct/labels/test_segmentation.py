import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from ct.labels.scans import OBLIQUE, assert_same, check, draw_structures, write_scan

from medvae_course.ct import dicom
from medvae_course.ct.labels import (
    LabelError,
    Structures,
    read_fractions,
    read_rtstruct,
    read_segmentation,
    write_rtstruct,
    write_segmentation,
)
from medvae_course.ct.volume import AXIAL, Volume


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    series, volume = write_scan(folder / "ct")
    file = write_segmentation(draw_structures(volume), series, folder / "seg.dcm")
    return series, volume, file


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE, AXIAL[:, [2, 0, 1]]])
def test_written_masks_are_read_back_identical(tmp_path, direction):
    series, volume = write_scan(tmp_path / "ct", direction=direction)
    drawn = draw_structures(volume)
    file = write_segmentation(drawn, series, tmp_path / "seg.dcm", algorithm="net 1")
    assert_same(read_segmentation(file, volume, series=series), drawn)


def test_highdicom_reads_the_same_masks(scan):
    _, volume, file = scan
    segmentation = hd.seg.segread(file)
    geometry = hd.VolumeGeometry(
        affine=volume.affine,
        spatial_shape=volume.shape,
        coordinate_system="PATIENT",
        frame_of_reference_uid=segmentation.FrameOfReferenceUID,
    )
    found = segmentation.get_volume().match_geometry(geometry).array
    for number, mask in enumerate(draw_structures(volume).masks.values()):
        np.testing.assert_array_equal(found[..., number], mask)


def test_without_overlaps_the_masks_are_the_same(tmp_path, scan):
    series, volume, _ = scan
    halves = np.zeros(volume.shape, bool)
    halves[:, 4:] = True
    drawn = Structures({"lungs": halves, "heart": ~halves}, volume)
    file = write_segmentation(drawn, series, tmp_path / "seg.dcm")
    assert_same(read_segmentation(file, volume), drawn)
    assert pydicom.dcmread(file).SegmentsOverlap == "NO"


def test_the_validator_finds_no_error(scan):
    series, _, file = scan
    found = check("dciodvfy", "-new", file)
    assert "Segmentation" in found
    assert "Error" not in found
    assert check("dcentvfy", *series.files, file) == ""


def test_the_validator_can_find_an_error(scan, tmp_path):
    dataset = pydicom.dcmread(scan[2])
    del dataset.SegmentSequence[0].SegmentAlgorithmType
    dataset.save_as(tmp_path / "bad.dcm")
    assert "Error" in check("dciodvfy", "-new", tmp_path / "bad.dcm")


def test_viewers_find_the_images_that_each_frame_lies_on(scan):
    # what 3D Slicer and OHIF go by: frame of reference, position and source of a frame
    series, volume, file = scan
    dataset = pydicom.dcmread(file)
    sources = {d.SOPInstanceUID: d for d in map(pydicom.dcmread, series.files)}
    first = next(iter(sources.values()))
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert dataset[name].value == first[name].value
    (referenced,) = dataset.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == series.series_uid
    instances = {
        item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence
    }
    assert instances == set(sources)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    np.testing.assert_allclose(orientation, first.ImageOrientationPatient)
    np.testing.assert_allclose(
        shared.PixelMeasuresSequence[0].PixelSpacing, first.PixelSpacing
    )
    assert len(dataset.PerFrameFunctionalGroupsSequence) == dataset.NumberOfFrames > 5
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        (image,) = frame.DerivationImageSequence[0].SourceImageSequence
        source = sources[image.ReferencedSOPInstanceUID]
        np.testing.assert_allclose(
            frame.PlanePositionSequence[0].ImagePositionPatient,
            source.ImagePositionPatient,
            atol=1e-6,
        )
    assert dataset.Modality == "SEG"
    assert dataset.SegmentationType == "BINARY"


def test_segments_say_what_they_are_and_who_drew_them(tmp_path, scan):
    series, volume, file = scan
    segments = pydicom.dcmread(file).SegmentSequence
    kinds = [item.SegmentedPropertyTypeCodeSequence[0] for item in segments]
    assert [kind.CodeMeaning for kind in kinds] == [
        "Liver",
        "Lesion",
        "Kidney",
        "Tissue",
        "Tissue",
    ]
    (side,) = kinds[2].SegmentedPropertyTypeModifierCodeSequence
    assert side.CodeMeaning == "Left"
    assert [item.SegmentLabel for item in segments] == list(
        draw_structures(volume).masks
    )
    assert {item.SegmentAlgorithmType for item in segments} == {"MANUAL"}
    colours = {tuple(item.RecommendedDisplayCIELabValue) for item in segments}
    assert len(colours) == len(segments)
    drawn = draw_structures(volume)
    by_net = write_segmentation(drawn, series, tmp_path / "seg.dcm", algorithm="net 1")
    for item in pydicom.dcmread(by_net).SegmentSequence:
        assert item.SegmentAlgorithmType == "AUTOMATIC"
        assert item.SegmentAlgorithmName == "net 1"
    assert "Error" not in check("dciodvfy", "-new", by_net)


def test_the_same_call_writes_the_same_file(scan, tmp_path):
    series, volume, file = scan
    again = write_segmentation(draw_structures(volume), series, tmp_path / "again.dcm")
    assert again.read_bytes() == file.read_bytes()
    other = Structures({"liver": draw_structures(volume).masks["liver"]}, volume)
    other = write_segmentation(other, series, tmp_path / "other.dcm")
    assert pydicom.dcmread(other).SOPInstanceUID != pydicom.dcmread(file).SOPInstanceUID


@pytest.mark.parametrize("place", ["24x38x3/multiframe", "ct-3slice"])
def test_real_series_get_segments_and_contours(shared_ct, tmp_path, place):
    # one enhanced multi-frame file; and slices that name no character set
    folder = shared_ct / "dcmqi_ct3slice_seg" / "segmentations" / place
    (series,) = dicom.find_series(folder)
    volume = dicom.read_series(series).to_axial()
    drawn = Structures({"bone": volume.hu > np.quantile(volume.hu, 0.9)}, volume)
    file = write_segmentation(drawn, series, tmp_path / "seg.dcm")
    assert_same(read_segmentation(file, volume, series=series), drawn)
    contours = write_rtstruct(drawn, series, tmp_path / "rt.dcm")
    assert_same(read_rtstruct(contours, volume, series=series), drawn)
    for path in (file, contours):
        assert "Error" not in check("dciodvfy", "-new", path)


def test_samples_of_dcmqi_equal_their_references(shared_ct):
    folder = shared_ct / "dcmqi_ct3slice_seg" / "segmentations"
    volume = dicom.read_series(folder / "ct-3slice")
    found = read_segmentation(folder / "liver.dcm", volume)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(folder / "liver_seg.nrrd"))
    np.testing.assert_array_equal(found.masks["Liver"], expected == 1)
    found = read_segmentation(folder / "partial_overlaps.dcm", volume)
    for number in (1, 2, 3):
        reference = folder / f"partial_overlaps-{number}.nrrd"
        layer = sitk.GetArrayFromImage(sitk.ReadImage(reference))
        for value in set(np.unique(layer)) - {0}:
            mask = list(found.masks.values())[value - 1]
            np.testing.assert_array_equal(mask, layer == value)
    assert len(found.masks) == 5


@pytest.mark.parametrize("size", ["24x38x3", "23x38x3"])
def test_samples_that_fill_no_whole_bytes_equal_their_references(shared_ct, size):
    folder = shared_ct / "dcmqi_ct3slice_seg" / "segmentations" / size
    volume = dicom.read_series(folder / "image")
    found = read_segmentation(folder / "seg" / "label.seg", volume)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(folder / "nrrd" / "label.nrrd"))
    np.testing.assert_array_equal(found.masks["Liver"], expected > 0)


@pytest.mark.parametrize("kind", ["ppv5", "noppv"])
def test_sparse_label_maps_equal_their_references(shared_ct, kind):
    folder = shared_ct / "dcmqi_ct3slice_seg" / "segmentations"
    volume = dicom.read_series(folder / "24x38x3" / "image")
    found = read_segmentation(folder / f"sparse-labelmap-{kind}.dcm", volume)
    reference = folder / f"sparse_labelmap_{kind}_seg.nrrd"
    expected = sitk.GetArrayFromImage(sitk.ReadImage(reference))
    assert list(found.masks) == ["Liver"]
    np.testing.assert_array_equal(found.masks["Liver"], expected == 1)


def _grid_of(segmentation):
    """A volume that covers a SEG, upside down, and more than it."""
    whole = segmentation.get_volume_geometry(allow_missing_positions=True)
    affine, (z, y, x) = whole.affine, whole.spatial_shape
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    direction = affine[:3, :3] / spacing_mm
    volume = Volume(np.zeros((z + 2, y + 1, x)), spacing_mm, affine[:3, 3], direction)
    return volume.to_axial()


@pytest.mark.parametrize(
    "name", ["binary", "binary_overlap", "binary_single_frame", "true_fractional"]
)
def test_samples_of_highdicom_equal_its_own_reading(shared_ct, name):
    folder = shared_ct / "dcmqi_ct3slice_seg" / "highdicom"
    file = folder / f"seg_image_ct_{name}.dcm"
    segmentation = hd.seg.segread(file)
    volume = _grid_of(segmentation)
    geometry = hd.VolumeGeometry(
        affine=volume.affine,
        spatial_shape=volume.shape,
        coordinate_system="PATIENT",
        frame_of_reference_uid=segmentation.FrameOfReferenceUID,
    )
    expected = segmentation.get_volume(dtype=np.float32).match_geometry(geometry).array
    fractions = read_fractions(file, volume)
    masks = read_segmentation(file, volume, threshold=0.25)
    assert expected.any()
    for number, label in enumerate(fractions):
        np.testing.assert_allclose(fractions[label], expected[..., number], atol=1e-6)
        np.testing.assert_array_equal(masks.masks[label], expected[..., number] >= 0.25)
    assert bool(masks.notes) == (name == "true_fractional")


def test_frames_in_any_order_are_placed_by_their_positions(scan, tmp_path):
    _, volume, file = scan
    dataset = pydicom.dcmread(file)
    frames = list(dataset.PerFrameFunctionalGroupsSequence)
    pixels = dataset.pixel_array[::-1]
    dataset.PerFrameFunctionalGroupsSequence = frames[::-1]
    dataset.PixelData = pydicom.pixels.pack_bits(pixels, pad=True)
    dataset.save_as(tmp_path / "turned.dcm")
    found = read_segmentation(tmp_path / "turned.dcm", volume)
    assert_same(found, draw_structures(volume))


def test_another_grid_is_refused_with_its_numbers(scan):
    _, volume, file = scan
    moved = Volume(volume.hu, volume.spacing_mm, (0.3, 20, 3), volume.direction)
    with pytest.raises(LabelError, match=r"seg\.dcm: .*\[0.3, 20.0, 3.0\] mm"):
        read_segmentation(file, moved)
    with pytest.raises(LabelError, match="partly outside"):
        read_segmentation(file, volume.crop(z=slice(1, 5)))


def test_another_frame_of_reference_is_refused(scan, tmp_path):
    _, _, file = scan
    other, volume = write_scan(tmp_path / "ct", patient_id="P2")
    with pytest.raises(LabelError, match="frame of reference"):
        read_segmentation(file, volume, series=other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.__setattr__("NumberOfFrames", 99), "groups for 99 frames"),
        (lambda d: d.PerFrameFunctionalGroupsSequence.pop(), "functional groups"),
        (lambda d: d.__setattr__("PixelData", d.PixelData[:20]), "cut off"),
        (lambda d: d.__setattr__("Rows", 60000), "cut off"),
        (lambda d: d.SegmentSequence.pop(0), "segment"),
        (lambda d: d.__delattr__("SharedFunctionalGroupsSequence"), "Shared"),
        (lambda d: d.__delattr__("SegmentSequence"), "SegmentSequence"),
        (lambda d: d.__delattr__("PixelData"), "cut off"),
    ],
)
def test_damaged_files_give_typed_errors(scan, tmp_path, change, words):
    dataset = pydicom.dcmread(scan[2])
    change(dataset)
    dataset.save_as(tmp_path / "bad.dcm")
    with pytest.raises(LabelError, match=rf"bad\.dcm: .*{words}"):
        read_segmentation(tmp_path / "bad.dcm", scan[1])


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95, 0.999])
def test_truncated_files_give_typed_errors(scan, tmp_path, share):
    whole = scan[2].read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises((LabelError, dicom.DicomError), match=r"cut\.dcm"):
        read_segmentation(tmp_path / "cut.dcm", scan[1])


def test_what_is_no_segmentation_is_refused(scan):
    with pytest.raises(LabelError, match="must be a DICOM SEG, it is CT Image"):
        read_segmentation(scan[0].files[0], scan[1])
    with pytest.raises(LabelError, match="`threshold`"):
        read_segmentation(scan[2], scan[1], threshold=0.0)

import json

import numpy as np
import pytest
import SimpleITK as sitk
from ct.labels.scans import draw_structures, write_scan

from medvae_course.ct import dicom, itk, labels, nifti
from medvae_course.ct.labels import LabelError, LabelMap, names
from medvae_course.ct.labels.objects import read_object
from medvae_course.ct.volume import Volume

VOLUME = Volume(np.zeros((4, 5, 6)), (3.0, 1.0, 2.0), (5.0, -6.0, 7.0))
SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".seg.nrrd", ".mha"]


def label_map(dtype=np.uint8):
    values = np.random.default_rng(1).integers(0, 4, VOLUME.shape).astype(dtype)
    return LabelMap(values, {1: "liver", 2: "Läsion"}, VOLUME)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labels_come_back_with_their_names(tmp_path, suffix, dtype):
    written = label_map(dtype)
    files = labels.write_labels(tmp_path / f"a{suffix}", written)
    assert [file.name for file in files] == [f"a{suffix}", "a.json"]
    found = labels.read_labels(files[0], VOLUME)
    np.testing.assert_array_equal(found.labels, written.labels)
    assert found.names == {1: "liver", 2: "Läsion"}
    image = sitk.ReadImage(files[0])
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), written.labels)
    masks = labels.read_structures(files[0], VOLUME).masks
    assert list(masks) == ["liver", "Läsion", "label 3"]


def test_segments_of_3d_slicer_have_their_names_in_the_header(tmp_path):
    labels.write_labels(tmp_path / "a.seg.nrrd", label_map())
    (tmp_path / "a.json").unlink()
    found = labels.read_labels(tmp_path / "a.seg.nrrd", VOLUME)
    assert found.names == {1: "liver", 2: "Läsion"}
    image = sitk.ReadImage(tmp_path / "a.seg.nrrd")
    assert image.GetMetaData("Segment0_Name") == "liver"
    assert image.GetMetaData("Segment1_LabelValue") == "2"


def test_a_part_of_the_ct_is_placed_where_it_lies(tmp_path):
    part = VOLUME.crop(z=slice(1, 3), x=slice(2, 6))
    nifti.write_nifti(tmp_path / "a.nii", np.ones(part.shape, np.uint8), part)
    found = labels.read_labels(tmp_path / "a.nii", VOLUME).labels
    assert found.sum() == found[1:3, :, 2:6].sum() == part.hu.size


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_another_grid_is_refused_with_file_and_numbers(tmp_path, suffix):
    moved = Volume(VOLUME.hu, VOLUME.spacing_mm, (6.0, -6.0, 7.0))
    path = tmp_path / f"a{suffix}"
    labels.write_labels(path, LabelMap(label_map().labels, {}, moved))
    with pytest.raises(LabelError, match=rf"^a{suffix}: .*0\.5 voxels.*6.0, -6.0, 7.0"):
        labels.read_labels(path, VOLUME)


@pytest.mark.parametrize("value", [0.5, -1.0, 70000.0])
def test_what_is_no_label_is_refused(tmp_path, value):
    itk.write_itk(tmp_path / "a.mha", np.full(VOLUME.shape, value), VOLUME)
    with pytest.raises(LabelError, match=r"a\.mha holds"):
        labels.read_labels(tmp_path / "a.mha", VOLUME)


def test_other_dicom_is_refused(tmp_path):
    series, volume = write_scan(tmp_path / "ct")
    with pytest.raises(LabelError, match=r"slice_0001\.dcm must be a DICOM SEG"):
        labels.read_structures(series.files[0], volume)
    assert read_object(series.files[0]).kind == ""
    (tmp_path / "text.dcm").write_text("no")
    with pytest.raises(dicom.DicomError, match=r"text\.dcm"):
        labels.read_structures(tmp_path / "text.dcm", volume)


def test_objects_say_whose_they_are(tmp_path):
    series, volume = write_scan(tmp_path / "ct")
    drawn = draw_structures(volume)
    for write, kind in (
        (labels.write_segmentation, "SEG"),
        (labels.write_rtstruct, "RTSTRUCT"),
    ):
        found = read_object(write(drawn, series, tmp_path / "o.dcm"))
        assert found.kind == kind
        assert found.series_uids == {series.series_uid}
        assert found.names == tuple(drawn.masks)


SNAP = """################
# ITK-SnAP Label Description File
################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "left lung"
   12     0  255    0      0.5  1  1    "the other"
"""
SLICER = """# Color table file
0 Background 0 0 0 0
5 right_kidney 185 102 83 255
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", SNAP, {0: "Clear Label", 1: "left lung", 12: "the other"}),
        ("a.label", SNAP, {0: "Clear Label", 1: "left lung", 12: "the other"}),
        ("a.ctbl", SLICER, {0: "Background", 5: "right_kidney"}),
        ("a.json", '{"3": "liver"}', {3: "liver"}),
        ("labels_x.json", '{"labels": {"3": "liver"}}', {3: "liver"}),
    ],
)
def test_tables_of_other_programs_are_read(tmp_path, name, text, expected):
    (tmp_path / name).write_text(text)
    found = names.find_names(tmp_path / "a.nii.gz", "a")
    assert found == expected


def test_the_own_table_comes_before_that_of_the_folder(tmp_path):
    assert names.find_names(tmp_path / "a.nii.gz", "a") == {}
    (tmp_path / "labels.json").write_text('{"1": "folder"}')
    assert names.find_names(tmp_path / "a.nii.gz", "a") == {1: "folder"}
    (tmp_path / "a.json").write_text('{"1": "own"}')
    assert names.find_names(tmp_path / "a.nii.gz", "a") == {1: "own"}


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        '"liver"',
        "{",
        '{"liver": 1}',
        '{"labels": 3}',
        "[" * 100_000,
        '{"1": "' + "x" * 2**20 + '"}',
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text):
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(LabelError, match=r"^labels\.json"):
        labels.read_names(tmp_path / "labels.json")
    (tmp_path / "snap.txt").write_text(text)
    with pytest.raises(LabelError, match=r"^snap\.txt"):
        labels.read_names(tmp_path / "snap.txt")


def test_written_tables_are_plain_json(tmp_path):
    labels.write_names(tmp_path / "a.json", {2: "Läsion", 1: "liver"})
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "1": "liver",
        "2": "Läsion",
    }


def test_header_of_segments_must_hold_whole_numbers(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((2, 3, 4), np.uint8))
    image.SetMetaData("Segment0_Name", "liver")
    image.SetMetaData("Segment0_LabelValue", "many")
    sitk.WriteImage(image, tmp_path / "a.seg.nrrd")
    volume = Volume(np.zeros((2, 3, 4)), (1, 1, 1))
    with pytest.raises(LabelError, match="whole numbers"):
        labels.read_labels(tmp_path / "a.seg.nrrd", volume)

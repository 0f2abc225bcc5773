"""`medvae-course data convert` and `data phantom`, as a user gives them."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from ct.labels.scans import OBLIQUE, draw_structures, write_scan
from typer.testing import CliRunner

from medvae_course.cli import app
from medvae_course.ct import dicom, itk, labels, nifti, patients, phantom
from medvae_course.ct.labels import Structures
from medvae_course.ct.volume import Volume


def call(*words):
    return CliRunner().invoke(app, ["data", *map(str, words)])


def convert(*words):
    result = call("convert", *words)
    assert result.exit_code == 0, result.output
    return result


def refused(*words):
    result = call("convert", *words)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("medvae-course: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output
    return result.stderr


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """An oblique series with a SEG and an RTSTRUCT."""
    folder = tmp_path_factory.mktemp("hospital")
    series, volume = write_scan(folder / "ct", direction=OBLIQUE)
    drawn = draw_structures(volume)
    masks = dict(drawn.masks)
    masks["liver"] = masks["liver"] & ~masks["liver lesion"]
    apart = Structures({n: masks[n] for n in ("liver", "liver lesion")}, volume)
    labels.write_segmentation(apart, series, folder / "apart.dcm")
    labels.write_segmentation(drawn, series, folder / "overlap.dcm")
    labels.write_rtstruct(drawn, series, folder / "contours.dcm")
    return folder, series, volume, drawn, apart


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_dicom_goes_there_and_back_with_nothing_lost(hospital, tmp_path, suffix):
    folder, _, volume, *_ = hospital
    there, back = tmp_path / f"ct{suffix}", tmp_path / "back"
    result = convert(folder / "ct", there)
    assert result.stdout.splitlines() == [str(there)]
    image = sitk.ReadImage(there)
    assert image.GetPixelID() == sitk.sitkInt16
    result = convert(there, back, "--patient", "P1")
    assert result.stdout.splitlines() == [str(p) for p in sorted(back.iterdir())]
    (series,) = dicom.find_series(back)
    assert series.patient_id == "P1"
    found = dicom.read_series(series).to_axial()
    np.testing.assert_array_equal(found.hu, volume.hu)
    np.testing.assert_allclose(found.affine, volume.affine, atol=1e-3)
    expected = sitk.ReadImage([str(f) for f in hospital[1].files])
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected)
    )
    np.testing.assert_allclose(image.GetOrigin(), expected.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(image.GetDirection(), expected.GetDirection(), atol=1e-5)
    np.testing.assert_allclose(image.GetSpacing(), expected.GetSpacing(), atol=1e-5)


def test_patient_of_dicom_is_kept_from_folder_to_folder(hospital, tmp_path):
    convert(hospital[0] / "ct", tmp_path / "copy")
    assert dicom.find_series(tmp_path / "copy")[0].patient_id == "P1"


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".seg.nrrd"])
def test_segments_go_to_a_label_volume_and_back_identical(hospital, tmp_path, suffix):
    folder, series, volume, _, apart = hospital
    there, back = tmp_path / f"labels{suffix}", tmp_path / "seg.dcm"
    like = ("--like", folder / "ct")
    result = convert(folder / "apart.dcm", there, *like)
    assert result.stdout.splitlines() == [str(there), str(tmp_path / "labels.json")]
    table = json.loads((tmp_path / "labels.json").read_text())
    assert table == {"1": "liver", "2": "liver lesion"}
    if suffix == ".seg.nrrd":
        (tmp_path / "labels.json").unlink()  # the names are inside, too
    convert(there, back, *like)
    found = labels.read_segmentation(back, volume, series=series)
    for name, mask in apart.masks.items():
        np.testing.assert_array_equal(found.masks[name], mask)
    convert(there, tmp_path / "rt.dcm", "--rtstruct", *like)
    found = labels.read_rtstruct(tmp_path / "rt.dcm", volume, series=series)
    for name, mask in apart.masks.items():
        np.testing.assert_array_equal(found.masks[name], mask)


def test_contours_become_segments_with_overlaps(hospital, tmp_path):
    folder, series, volume, drawn, _ = hospital
    result = convert(
        folder / "contours.dcm", tmp_path / "seg.dcm", "--like", folder / "ct"
    )
    assert "nothing: no closed contour" in result.stderr
    found = labels.read_segmentation(tmp_path / "seg.dcm", volume, series=series)
    for name, mask in drawn.masks.items():
        np.testing.assert_array_equal(found.masks[name], mask)


def test_overlaps_in_a_label_volume_are_counted(hospital, tmp_path):
    folder, _, volume, drawn, _ = hospital
    result = convert(
        folder / "overlap.dcm", tmp_path / "a.nii.gz", "--like", folder / "ct"
    )
    both = (drawn.masks["liver"] & drawn.masks["liver lesion"]).sum()
    assert f"{both} voxels of 'liver' are covered by 'liver lesion'" in result.stderr
    found = labels.read_labels(tmp_path / "a.nii.gz", volume)
    assert found.names[5] == "nothing"


def test_labels_keep_their_values_between_volumes(hospital, tmp_path):
    folder, _, volume, *_ = hospital
    values = np.zeros(volume.shape, np.uint16)
    values[0], values[1] = 7, 300
    nifti.write_nifti(tmp_path / "in.nii.gz", values, volume)
    (tmp_path / "in.txt").write_text('7 255 0 0 1 1 1 "spleen"\n')
    convert(tmp_path / "in.nii.gz", tmp_path / "out.mha", "--like", folder / "ct")
    found = labels.read_labels(tmp_path / "out.mha", volume)
    np.testing.assert_array_equal(found.labels, values)
    assert found.names == {7: "spleen"}


def test_layers_of_3d_slicer_are_taken_apart(hospital, tmp_path):
    _, _, volume, drawn, _ = hospital
    names = ["liver", "liver lesion"]
    layers = np.stack([drawn.masks[n] for n in names], axis=-1).astype(np.uint8)
    image = sitk.GetImageFromArray(layers, isVector=True)
    image.SetSpacing(volume.spacing_mm[::-1])
    image.SetOrigin(volume.origin_mm)
    image.SetDirection(volume.direction[:, ::-1].ravel().tolist())
    for number, name in enumerate(names):
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_Layer", str(number))
        image.SetMetaData(f"Segment{number}_LabelValue", "1")
    sitk.WriteImage(image, tmp_path / "two.seg.nrrd")
    found = labels.read_structures(tmp_path / "two.seg.nrrd", volume)
    assert list(found.masks) == names
    for name in names:
        np.testing.assert_array_equal(found.masks[name], drawn.masks[name])
    painted = labels.read_labels(tmp_path / "two.seg.nrrd", volume)
    assert painted.overlaps


def test_fractions_are_stored_or_rounded_only_when_asked(tmp_path):
    hu = np.random.default_rng(0).normal(0, 100, (3, 4, 5)).astype(np.float32)
    volume = Volume(hu, (3, 1, 1))
    itk.write_itk(tmp_path / "ct.nrrd", hu, volume)
    result = convert(tmp_path / "ct.nrrd", tmp_path / "ct.nii.gz")
    assert "float32" in result.stderr
    np.testing.assert_array_equal(nifti.read_nifti(tmp_path / "ct.nii.gz").hu, hu)
    said = refused(tmp_path / "ct.nrrd", tmp_path / "dicom")
    assert "--round" in said
    assert not (tmp_path / "dicom").exists()
    result = convert(tmp_path / "ct.nrrd", tmp_path / "dicom", "--round")
    assert "rounded to whole HU, by up to 0.4" in result.stderr
    found = dicom.read_series(tmp_path / "dicom")
    np.testing.assert_array_equal(found.hu, np.rint(hu))
    assert dicom.find_series(tmp_path / "dicom")[0].patient_id == "ct"


def test_values_beyond_int16_are_refused_for_dicom(tmp_path):
    hu = np.full((3, 4, 5), 40000, np.float32)
    itk.write_itk(tmp_path / "ct.nrrd", hu, Volume(hu, (3, 1, 1)))
    assert "clip the HU" in refused(tmp_path / "ct.nrrd", tmp_path / "dicom")
    convert(tmp_path / "ct.nrrd", tmp_path / "ct.mha")
    assert itk.read_itk(tmp_path / "ct.mha").hu.max() == 40000
    assert {path.name for path in tmp_path.iterdir()} == {"ct.nrrd", "ct.mha"}


def test_nothing_is_replaced_without_force(hospital, tmp_path):
    folder = hospital[0]
    nii, back = tmp_path / "ct.nii.gz", tmp_path / "back"
    nii.write_text("mine")
    assert "--force replaces it" in refused(folder / "ct", nii)
    assert nii.read_text() == "mine"
    convert(folder / "ct", nii, "--force")
    convert(nii, back)
    assert "--force replaces it" in refused(nii, back)
    convert(nii, back, "--force", "--patient", "other")
    assert dicom.find_series(back)[0].patient_id == "other"
    (back / "notes.txt").write_text("mine")
    assert "notes.txt" in refused(nii, back, "--force")
    labels_file = tmp_path / "labels.nii.gz"
    (tmp_path / "labels.json").write_text("{}")
    said = refused(folder / "apart.dcm", labels_file, "--like", folder / "ct")
    assert "labels.json is there already" in said
    assert {p.name for p in tmp_path.iterdir()} == {"ct.nii.gz", "back", "labels.json"}


def test_what_cannot_be_is_said_in_one_line(hospital, tmp_path):
    folder = hospital[0]
    out, like = tmp_path / "out.nii.gz", ("--like", folder / "ct")
    assert "must exist" in refused(tmp_path / "none", out)
    assert "--like" in refused(folder / "apart.dcm", out)
    assert "--like" in refused(folder / "contours.dcm", out)
    assert "one DICOM file" in refused(folder / "ct" / "slice_0001.dcm", out)
    assert "needs a folder" in refused(folder / "ct", tmp_path / "ct.dcm")
    assert "must end in" in refused(folder / "ct", tmp_path / "ct.mhd")
    assert "go into a file" in refused(folder / "apart.dcm", tmp_path / "seg", *like)
    assert "make it first" in refused(folder / "ct", tmp_path / "no" / "ct.nii")
    (tmp_path / "text.nii.gz").write_text("no")
    assert "text.nii.gz" in refused(tmp_path / "text.nii.gz", out)
    assert "text.nii.gz" in refused(tmp_path / "text.nii.gz", out, *like)
    convert(folder / "ct", tmp_path / "ct.nrrd")
    said = refused(
        folder / "apart.dcm", tmp_path / "s.dcm", "--like", tmp_path / "ct.nrrd"
    )
    assert "the folder of the series" in said
    assert {p.name for p in tmp_path.iterdir()} == {"text.nii.gz", "ct.nrrd"}


def test_one_of_several_series_is_chosen_by_its_uid(hospital, tmp_path):
    folder, series, *_ = hospital
    shutil.copytree(folder / "ct", tmp_path / "in" / "a")
    write_scan(tmp_path / "in" / "b", patient_id="P2")
    said = refused(tmp_path / "in", tmp_path / "ct.nii")
    assert "--series" in said
    assert series.series_uid in said
    convert(tmp_path / "in", tmp_path / "ct.nii", "--series", series.series_uid)
    np.testing.assert_array_equal(
        nifti.read_nifti(tmp_path / "ct.nii").hu, hospital[2].hu
    )


def test_a_failure_half_way_keeps_what_was_there(hospital, tmp_path, monkeypatch):
    folder = hospital[0]
    convert(folder / "ct", tmp_path / "ct.nii.gz")
    convert(tmp_path / "ct.nii.gz", tmp_path / "back")
    before = sorted(tmp_path.rglob("*"))

    def fails(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(dicom, "write_series", fails)
    said = refused(tmp_path / "ct.nii.gz", tmp_path / "back", "--force")
    assert "No space left" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_phantoms_are_written_as_a_hospital_would_send_them(tmp_path):
    out = tmp_path / "phantoms"
    result = call("phantom", out, "--patients", 2, "--preset", "tiny", "--rtstruct")
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 3
    assert "2/2" in result.stderr
    found = patients.find_patients(out)
    assert [source.patient_id for source in found] == [
        f"phantom-{seed:04d}" for seed in range(2)
    ]
    _, values = found[1].read()
    assert {phantom.LABEL["lungs"], phantom.LABEL["liver"]} <= set(np.unique(values))
    assert (out / "phantom-0001" / "structures.dcm").is_file()
    result = call("inspect", out, "--json")
    assert "liver" in json.loads(result.stdout)["volumes"][0]["labels"]
    assert call("phantom", out).exit_code == 2
    assert call("phantom", tmp_path / "b", "--preset", "huge").exit_code == 2

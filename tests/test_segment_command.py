"""`medvae-course segment`, as a user meets it: a segmenter whose answer is known."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import highdicom
import keras
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from ct.orientations import SIGNED_AXES
from scipy import ndimage
from typer.testing import CliRunner

from medvae_course.cli import app
from medvae_course.cli.segmentation import (
    model_folder,
    outputs,
    pages,
    trained,
    training,
)
from medvae_course.cli.segmentation.grid import SliceGrid
from medvae_course.cli.segmentation.model_folder import Card
from medvae_course.ct import datasets, dicom, nifti, phantom, views
from medvae_course.ct.field_of_view import BODY_HU, square
from medvae_course.ct.volume import Volume

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SHAPE, SPACING_MM, SIDE_MM = (6, 32, 32), (40.0, 12.8, 12.8), 409.6
NAMES = {0: "background", 1: "soft tissue", 7: "bone"}
SOFT_HU, BONE_HU = -500.0, 250.0  # the oracle's thresholds
CARD = Card(
    labels=NAMES,
    image_size=32,
    side_mm=SIDE_MM,
    level_hu=-300.0,
    width_hu=1400.0,
    pixel_mm=(12.0, 13.0),
    slice_mm=(40.0, 40.0),
    body_hu=(-60.0, 40.0),
    dice={"bone": [0.8, 0.7, 0.9], "soft tissue": [0.5, None, None]},
)


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def oracle(image_size=32, steepness=200.0):
    """A segmenter that thresholds HU: its logits are lines that cross there."""
    inputs = keras.Input((image_size, image_size, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs))
    soft, bone = ((hu + 1000) / 1400 * steepness for hu in (SOFT_HU, BONE_HU))
    slopes = np.array([0, steepness, 2 * steepness], "float32")
    model.layers[-1].set_weights(
        [slopes.reshape(1, 1, 1, 3), np.array([0, -soft, -soft - bone], "float32")]
    )
    return model


def thresholds(hu):
    return np.where(hu > BONE_HU, 7, np.where(hu > SOFT_HU, 1, 0)).astype(np.uint8)


def patient(seed=0, shape=SHAPE, spacing_mm=SPACING_MM):
    return phantom.make_patient(seed, shape=shape, spacing_mm=spacing_mm).volume


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "oracle"
    model_folder.save_segmenter(oracle(), CARD, folder)
    return folder


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder with a DICOM series and a NIfTI file beside its labels."""
    folder = tmp_path_factory.mktemp("ct")
    dicom.write_series(patient(0), folder / "one", patient_id="one")
    nifti.write_nifti(folder / "two.nii.gz", patient(1).hu, patient(1))
    nothing = np.zeros(SHAPE, np.uint8)
    nifti.write_nifti(folder / "two_labels.nii.gz", nothing, patient(1))
    return folder


@pytest.fixture(scope="module")
def segmented(scans, segmenter, tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "out"
    return call("segment", scans, "--model", segmenter, "--out", out), out


GRIDS = [
    ((40, 50), (0.8, 0.8), 32.0, 8),
    ((33, 40), (3.9, 4.1), 155.0, 16),  # the scan is smaller than the field of view
    ((40, 21), (2.0, 5.0), 60.0, 32),  # larger, and finer pixels in one direction
    ((32, 32), (12.8, 12.8), 409.6, 32),  # the same pixels
]


@pytest.mark.parametrize(("shape", "mm", "side_mm", "pixels"), GRIDS)
def test_slice_by_slice_is_the_training_grid(shape, mm, side_mm, pixels):
    hu = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    grid = SliceGrid(shape, mm, side_mm, pixels)
    one_by_one = np.concatenate([grid.forward(hu[i : i + 1]) for i in range(3)])
    whole = square(Volume(hu, (5.0, *mm)), side_mm, pixels)
    np.testing.assert_array_equal(one_by_one, whole)


@pytest.mark.parametrize(("shape", "mm", "side_mm", "pixels"), GRIDS)
def test_backward_is_linear_interpolation_in_the_place_of_forward(
    shape, mm, side_mm, pixels
):
    grid = SliceGrid(shape, mm, side_mm, pixels)
    said = np.random.default_rng(1).dirichlet(np.ones(3), (pixels, pixels))
    wide = [round(side_mm / one) for one in mm]
    zoomed = [
        ndimage.zoom(
            said[..., c],
            np.divide(wide, pixels),
            order=1,
            mode="nearest",
            grid_mode=True,
        )
        for c in range(3)
    ]
    # voxel i of the scan is voxel i - first of the field of view, by crop_or_pad
    counted = np.arange(np.prod(shape), dtype="float32").reshape(1, *shape)
    seen = Volume(counted, (1.0, *mm)).crop_or_pad((1, *wide), fill_hu=-1).hu[0]
    expected = np.zeros((3, np.prod(shape)))
    expected[0] = 1
    where = seen[seen >= 0].astype(int)
    expected[:, where] = np.stack(zoomed)[:, seen >= 0]
    found = grid.backward(said).reshape(3, -1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(np.flatnonzero(grid.inside()), np.sort(where))


def test_a_spot_comes_back_to_its_place():
    grid = SliceGrid((60, 70), (1.0, 1.3), 90.0, 18)
    hu = np.full((1, 60, 70), -1000, "float32")
    hu[0, 17:24, 40:47] = 200
    image = grid.forward(hu)[0]
    share = (image + 1000) / 1200
    back = grid.backward(np.stack([1 - share, share], -1))[1]
    place = ndimage.center_of_mass(hu[0] + 1000)
    np.testing.assert_allclose(ndimage.center_of_mass(back), place, atol=0.5)
    # the model sees a square of it, and background is what it does not see
    cut = replace(grid, window=12, corner=(2, 5))
    back = cut.backward(np.stack([1 - share, share], -1)[2:14, 5:17])
    np.testing.assert_allclose(ndimage.center_of_mass(back[1]), place, atol=0.5)
    np.testing.assert_allclose(back.sum(0), 1, atol=1e-5)
    assert cut.inside().sum() < grid.inside().sum()
    assert (back[0][~cut.inside()] == 1).all()


def test_every_scan_gets_its_folder(segmented):
    result, out = segmented
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["one", "two"]
    files = {"labels.nii.gz", "uncertainty.nii.gz", "summary.json", "report.html"}
    assert {path.name for path in (out / "two").iterdir()} == files
    assert {path.name for path in (out / "one").iterdir()} == files | {
        "segmentation.dcm"
    }
    assert "2 of 2 scans segmented" in result.stdout


def test_labels_of_dicom_lie_where_the_series_lies(segmented, scans):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(scans / "one")))
    ct = reader.Execute()
    for name in ("labels.nii.gz", "uncertainty.nii.gz"):
        found = sitk.ReadImage(str(segmented[1] / "one" / name))
        assert found.GetSize() == ct.GetSize()
        for ask in ("GetSpacing", "GetOrigin", "GetDirection"):
            ours, theirs = getattr(found, ask)(), getattr(ct, ask)()
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
    labels = sitk.ReadImage(str(segmented[1] / "one" / "labels.nii.gz"))
    expected = thresholds(sitk.GetArrayFromImage(ct))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), expected)


def test_the_segmentation_object_says_the_same(segmented, scans):
    file = segmented[1] / "one" / "segmentation.dcm"
    seg = highdicom.seg.segread(file)
    labels = [seg.get_segment_description(n).segment_label for n in (1, 2)]
    assert labels == ["soft tissue", "bone"]
    series = pydicom.dcmread(next((scans / "one").glob("*.dcm")))
    assert seg.FrameOfReferenceUID == series.FrameOfReferenceUID
    assert seg.StudyInstanceUID == series.StudyInstanceUID
    counts = seg.get_volume().array.sum(axis=(0, 1, 2))
    nii = nibabel.load(segmented[1] / "one" / "labels.nii.gz").get_fdata()
    assert counts.tolist() == [(nii == 1).sum(), (nii == 7).sum()]
    validator = Path(sys.executable).with_name("dciodvfy")
    told = subprocess.run([validator, "-new", file], capture_output=True, text=True)
    assert "Segmentation" in told.stderr + told.stdout
    assert "Error" not in told.stderr + told.stdout


def test_numbers_of_the_summary(segmented, scans):
    summary = json.loads((segmented[1] / "two" / "summary.json").read_text())
    expected = thresholds(nifti.read_nifti(scans / "two.nii.gz").hu)
    voxel_ml = np.prod(SPACING_MM) / 1000
    for value, name in NAMES.items():
        if value:
            ml = (expected == value).sum() * voxel_ml
            assert summary["volume_ml"][name] == pytest.approx(ml, abs=0.01)
    assert summary["unseen_share"] == 0
    assert not summary["accepted"]
    assert 0 < summary["seconds_per_slice"] < 60
    doubt = nibabel.load(segmented[1] / "two" / "uncertainty.nii.gz").get_fdata()
    assert 0 <= doubt.min() < doubt.max() <= 1
    labels = nibabel.load(segmented[1] / "two" / "labels.nii.gz").get_fdata()
    mean = doubt[labels == 7].mean()
    assert summary["doubt"]["bone"] == pytest.approx(mean, abs=2e-3)


def test_doubt_is_one_minus_the_largest_probability(segmented, scans):
    hu = nibabel.load(scans / "two.nii.gz").get_fdata()
    x = np.clip((hu + 1000) / 1400, 0, 1)[..., None]
    logits = oracle().layers[-1].get_weights()
    scores = x * logits[0].ravel() + logits[1]
    p = np.exp(scores - scores.max(-1, keepdims=True))
    expected = 1 - (p / p.sum(-1, keepdims=True)).max(-1)
    found = nibabel.load(segmented[1] / "two" / "uncertainty.nii.gz").get_fdata()
    np.testing.assert_allclose(found, expected, atol=1 / 255)


@pytest.mark.parametrize("moved", [(0, 0), (3, -4)])
def test_a_crop_follows_the_body(moved, tmp_path):
    card, side = replace(CARD, crop=14), 14
    model_folder.save_segmenter(oracle(side), card, tmp_path / "m")
    small = patient(1, (6, 20, 20), (40.0, 20.0, 20.0)).hu
    small = np.pad(small, ((0, 6), (6, 6), (6, 6)), constant_values=-1000)
    small[6:, 30, 8:24] = 100  # six more slices show nothing but a table
    volume = Volume(small, SPACING_MM)
    hu = np.roll(volume.hu, moved, axis=(1, 2))
    nifti.write_nifti(tmp_path / "a.nii.gz", hu, volume)
    out = tmp_path / "o"
    words = (tmp_path / "a.nii.gz", "--model", tmp_path / "m", "--out", out)
    result = call("segment", *words)
    assert result.exit_code == 0, result.output
    found = nifti.read_nifti(out / "a" / "labels.nii.gz").hu
    rows, columns = (np.flatnonzero(found.any(axis)) for axis in ((0, 2), (0, 1)))
    assert np.ptp(rows) < side
    assert np.ptp(columns) < side
    # the square as it lies on the body that was not moved
    first = views.body_corners(volume.hu[:6], np.zeros(6), side)[0] + moved
    square_of_body = tuple(slice(start, start + side) for start in first)
    expected = np.zeros(hu.shape)
    expected[:6, *square_of_body] = thresholds(hu)[:6, *square_of_body]
    np.testing.assert_array_equal(found, expected)
    summary = json.loads((out / "a" / "summary.json").read_text())
    body = hu > BODY_HU
    unseen = 1 - body[:, *square_of_body].sum() / body.sum()
    assert summary["unseen_share"] == pytest.approx(unseen, abs=1e-3)
    assert (
        "14 × 14 pixels of 13 mm, around the body"
        in (out / "a" / "report.html").read_text()
    )


def test_what_a_crop_cuts_away_counts_as_missed():
    whole = datasets.load("phantom-tiny", image_size=32)
    cut = views.around_body(whole, 20)
    back = trained._on_whole_slices(cut.test.labels, whole)
    true = whole.test.labels
    assert ((back == true) | (back == 0)).all()
    assert 0 < (back > 0).sum() < (true > 0).sum()
    np.testing.assert_array_equal(trained._on_whole_slices(true, whole), true)


@pytest.mark.parametrize("shape", [(40, 40), (20, 60)])
def test_pictures_show_all_labels(shape):
    mask = np.zeros((2, *shape), bool)
    mask[0, 5:9, 3:30] = mask[1, 12, 33] = True
    seen = np.zeros_like(mask)
    rows, columns = pages._square_around(mask, 2)
    seen[:, rows, columns] = True
    assert (seen | ~mask).all()
    assert columns.stop - columns.start == 35
    assert pages._square_around(mask & False, 2) == tuple(slice(0, n) for n in shape)


def test_the_report_needs_nothing_from_outside(segmented):
    for name in ("one", "two"):
        page = (segmented[1] / name / "report.html").read_text()
        assert not re.search(r'(?:src|href)="(?!data:)', page)
        assert page.count("<img alt=") == page.count("<img") == 2
        assert "What this report cannot show" in page
        assert "0.80 [0.70, 0.90]" in page
        assert "0.50 (one patient)" in page
        assert ("segmentation.dcm" in page) == (name == "one")


@pytest.mark.parametrize(("order", "signs"), SIGNED_AXES[::11])
def test_nifti_keeps_its_own_axes(order, signs, segmenter, tmp_path):
    volume = patient(2)
    nifti.write_nifti(tmp_path / "axial.nii", volume.hu, volume)
    whole = nibabel.load(tmp_path / "axial.nii")
    turned = whole.as_reoriented(np.column_stack([order, signs]))
    (tmp_path / "ct").mkdir()
    nibabel.save(turned, tmp_path / "ct" / "a.nii.gz")
    result = call(
        "segment", tmp_path / "ct", "--model", segmenter, "--out", tmp_path / "o"
    )
    assert result.exit_code == 0, result.output
    found = nibabel.load(tmp_path / "o" / "a" / "labels.nii.gz")
    np.testing.assert_allclose(found.affine, turned.affine, atol=1e-4)
    expected = thresholds(turned.get_fdata())
    np.testing.assert_array_equal(found.get_fdata(), expected)


def refused(volume, segmenter, folder, *more, change=None):
    (folder / "ct").mkdir()
    file = folder / "ct" / "a.nii.gz"
    nifti.write_nifti(file, volume.hu, volume)
    if change:
        file.write_bytes(
            gzip.compress(change(bytearray(gzip.decompress(file.read_bytes()))))
        )
    return call(
        "segment", folder / "ct", "--model", segmenter, "--out", folder / "o", *more
    )


def changed(**parts):
    return lambda volume: replace(volume, **parts)


def turned(degrees):
    def turn(volume):
        a = np.radians(degrees)
        about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
        return replace(volume, direction=np.array(about_x) @ volume.direction)

    return turn


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed(spacing_mm=(40.0, 5.0, 5.0)), "12 to 13 mm, got 5 × 5 mm"),
        (lambda v: replace(v, hu=v.hu + 1024), "must be Hounsfield units"),
        (lambda v: replace(v, hu=(v.hu + 1024) / 4096), "scaled to 0 … 1"),
        (lambda v: replace(v, hu=v.hu + 300), "median of the body"),
        (lambda v: replace(v, hu=v.hu * 0 - 1000), "must show a body"),
        (turned(30), "tilted by 15 degrees at most, got 30"),
    ],
)
def test_scans_unlike_the_training_data_are_refused(change, words, segmenter, tmp_path):
    result = refused(change(patient(0)), segmenter, tmp_path)
    assert result.exit_code == 1
    assert words in result.stdout
    assert not list((tmp_path / "o").iterdir())


def test_another_spacing_is_accepted_when_told(segmenter, tmp_path):
    volume = patient(0, shape=(3, 64, 64), spacing_mm=(80.0, 6.4, 6.4))
    result = refused(volume, segmenter, tmp_path, "--resample")
    assert result.exit_code == 0, result.output
    assert "slices 80 mm apart" not in result.stdout  # a factor of two is allowed
    found = nifti.read_nifti(tmp_path / "o" / "a" / "labels.nii.gz")
    assert found.shape == volume.shape
    expected = thresholds(volume.hu)
    dice = 2 * ((found.hu == 1) & (expected == 1)).sum()
    dice /= (found.hu == 1).sum() + (expected == 1).sum()
    assert dice > 0.85  # outlines finer than the model's pixels are lost
    page = (tmp_path / "o" / "a" / "report.html").read_text()
    assert "Accepted by --resample: pixels must be within" in page


def test_values_are_never_accepted(segmenter, tmp_path):
    volume = patient(0)
    result = refused(
        replace(volume, hu=volume.hu + 1024), segmenter, tmp_path, "--resample"
    )
    assert result.exit_code == 1


def test_nifti_that_does_not_say_how_it_lies_is_refused(segmenter, tmp_path):
    def forget(content):
        content[252:256] = bytes(4)  # qform_code and sform_code
        return content

    result = refused(patient(0), segmenter, tmp_path, change=forget)
    assert result.exit_code == 1
    assert "neither qform nor sform" in result.stdout


def test_sagittal_slices_are_refused_unless_told(segmenter, tmp_path):
    cube = patient(0, shape=(32, 32, 32), spacing_mm=(12.8, 12.8, 12.8))
    sagittal = Volume(
        cube.hu.transpose(2, 0, 1)[:, ::-1],
        cube.spacing_mm,
        tuple(cube.index_to_mm((31, 0, 0))),
        np.column_stack(
            [cube.direction[:, 2], -cube.direction[:, 0], cube.direction[:, 1]]
        ),
    )
    dicom.write_series(sagittal, tmp_path / "ct", patient_id="side")
    words = ("segment", tmp_path / "ct", "--model", segmenter, "--out", tmp_path / "o")
    result = call(*words)
    assert result.exit_code == 1
    assert "slices must be axial" in result.stdout
    result = call(*words, "--resample")
    assert result.exit_code == 0, result.output
    (name,) = (tmp_path / "o").iterdir()
    ours = dicom.read_series(tmp_path / "ct").hu
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(name / "labels.nii.gz")))
    np.testing.assert_array_equal(labels, thresholds(ours))
    back = highdicom.seg.segread(name / "segmentation.dcm").get_volume().array
    assert back[..., 0].sum() == (thresholds(ours) == 1).sum()


def test_a_bad_scan_does_not_stop_the_others(scans, segmenter, tmp_path):
    shutil.copytree(scans, tmp_path / "ct")
    (tmp_path / "ct" / "broken.nii.gz").write_bytes(b"nothing")
    (tmp_path / "ct" / "broken.dcm").write_bytes(b"nothing")
    files = sorted((tmp_path / "ct" / "one").glob("*.dcm"))
    shutil.copytree(tmp_path / "ct" / "one", tmp_path / "ct" / "gap")
    for file in (tmp_path / "ct" / "gap").glob("*.dcm"):  # a series of its own
        dataset = pydicom.dcmread(file)
        dataset.SeriesInstanceUID += ".1"
        dataset.SOPInstanceUID += ".1"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(file)
    (tmp_path / "ct" / "gap" / files[2].name).unlink()
    result = call(
        "segment", tmp_path / "ct", "--model", segmenter, "--out", tmp_path / "o"
    )
    assert result.exit_code == 1
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["one", "two"]
    for name in ("broken", "gap"):
        assert re.search(rf"\d/4  {name}: not segmented: \w+", result.stdout)
    assert "not read: broken.dcm: " in result.stdout
    assert "2 of 5 scans segmented" in result.stdout


def test_what_a_killed_run_left_is_cleared_and_the_rest_kept(
    scans, segmenter, tmp_path, monkeypatch
):
    out = tmp_path / "o"
    words = ("segment", scans, "--model", segmenter, "--out", out)

    def stop(path, *_, **__):
        if "two" in str(path):
            raise KeyboardInterrupt
        return whole(path, *_, **__)

    whole = outputs.write_nifti
    with monkeypatch.context() as patch:
        patch.setattr(outputs, "write_nifti", stop)
        assert call(*words).exit_code not in (0, 1, 2)
    assert [path.name for path in out.iterdir()] == ["one"]
    killed = out / f"{outputs.UNFINISHED}two"  # what SIGKILL leaves
    killed.mkdir()
    (killed / "labels.nii.gz").write_bytes(b"half")
    before = (out / "one" / "summary.json").stat().st_mtime_ns
    result = call(*words)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == ["one", "two"]
    assert "one: done before, kept" in result.stdout
    assert (out / "one" / "summary.json").stat().st_mtime_ns == before


def test_results_of_another_model_are_not_mixed(segmented, scans, tmp_path):
    other = tmp_path / "other"
    model_folder.save_segmenter(oracle(steepness=100.0), CARD, other)
    out = tmp_path / "o"
    shutil.copytree(segmented[1], out)
    result = call("segment", scans, "--model", other, "--out", out)
    assert result.exit_code == 1
    assert result.stdout.count("give another --out") == 2


def test_card_comes_back_as_it_was(segmenter):
    _, card, sha256 = model_folder.load_segmenter(segmenter)
    assert json.loads(card.to_json(sha256)) == json.loads(CARD.to_json(sha256))


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ("labels", {"1": "a", "2": "b"}, "begin with 0"),
        ("labels", {"0": "background", "1": "a\nb"}, "different names"),
        ("labels", {"0": "background", "1": 3}, "different names"),
        ("side_mm", -1, "positive"),
        ("side_mm", "409", "positive"),
        ("temperature", 0, "positive"),
        ("image_size", 10**9, "8 to 4096"),
        ("crop", 64, "8 to the 32 pixels"),
        ("crop", 16, "take images of shape (n, 16, 16, 1)"),
        ("pixel_mm", [2, 1], "least and the most"),
        ("body_hu", [1], "least and the most"),
        ("dice", {"bone": "good"}, "dice"),
        ("image_size", 16, "take images of shape (n, 16, 16, 1)"),
        ("labels", {"0": "none", "1": "soft tissue", "2": "bone", "3": "x"}, "32, 4)"),
        ("format", 2, "format"),
        ("sha256", "0", "is of another file"),
        ("extra", 1, "entries"),
    ],
)
def test_a_wrong_card_is_refused(entry, value, words, segmenter, tmp_path):
    folder = shutil.copytree(segmenter, tmp_path / "m")
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {entry: value}))
    with pytest.raises(ValueError, match=re.escape(words)):
        model_folder.load_segmenter(folder)


def with_config(segmenter, folder, change):
    """A copy of a segmenter whose architecture is another, with a fitting card."""
    folder = shutil.copytree(segmenter, folder)
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(config)
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    card = json.loads((folder / "card.json").read_text())
    card["sha256"] = model_folder.fingerprint(path)
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.mark.parametrize(
    "layer",
    [
        {"module": "builtins", "class_name": "eval", "config": {}},
        {"module": "keras.layers", "class_name": "Lambda", "config": {}},
        {"module": "keras.utils", "class_name": "function", "config": "get_file"},
        {"module": "keras.utils", "class_name": "get_file", "config": {}},
        {
            "module": "os",
            "class_name": "system",
            "config": {},
            "registered_name": "medvae_course>not registered",
        },
    ],
)
def test_models_that_ask_for_more_than_layers_are_refused(layer, segmenter, tmp_path):
    def smuggle(config):
        config["config"]["layers"].append(layer)

    folder = with_config(segmenter, tmp_path / "m", smuggle)
    with pytest.raises(ValueError, match="layers of Keras and of this course only"):
        model_folder.load_segmenter(folder)


def test_damaged_and_missing_models_are_refused(segmenter, tmp_path, scans):
    folder = shutil.copytree(segmenter, tmp_path / "m")
    (folder / "model.keras").write_bytes(b"nothing")
    card = json.loads((folder / "card.json").read_text())
    card["sha256"] = model_folder.fingerprint(folder / "model.keras")
    (folder / "card.json").write_text(json.dumps(card))
    result = call("segment", scans, "--model", folder, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "is no .keras file" in result.stderr
    (folder / "card.json").unlink()
    result = call("segment", scans, "--model", folder, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "card.json is missing" in result.stderr


def test_either_a_model_or_data_to_train_on(scans, tmp_path, segmenter):
    for words in ((scans,), (scans, "--model", segmenter, "--train", "phantom")):
        result = call("segment", *words, "--out", tmp_path / "o")
        assert result.exit_code == 2
        assert "either --model FOLDER or --train DATA" in result.stderr
    result = call("segment", tmp_path / "no", "--model", segmenter)
    assert result.exit_code == 2
    assert "a folder of CT is needed" in result.stderr


def test_a_crop_is_chosen_in_training_and_lies_in_the_slice(
    small_training, scans, tmp_path, segmenter
):
    result = call("segment", scans, "--model", segmenter, "--crop", 32)
    assert result.exit_code == 2
    assert "--crop is for training" in result.stderr
    out = tmp_path / "o"
    words = ("--train", small_training, "--image-size", 32, "--crop", 33)
    result = call("segment", *words, "--out", out)
    assert result.exit_code == 2
    assert "at most the 32 pixels of a slice, got 33" in result.stderr
    words = ("--train", small_training, "--crop", 36)
    result = call("segment", *words, "--out", out)
    assert result.exit_code == 2
    assert "--crop must be a multiple of 8" in result.stderr
    words = ("--train", small_training, "--image-size", 44)
    result = call("segment", *words, "--out", out)
    assert result.exit_code == 2
    assert "--image-size must be a multiple of 8" in result.stderr
    assert not out.exists()


@pytest.fixture
def small_training(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(training, "IMAGES_SEEN", 20)
    monkeypatch.setattr(training, "STEPS", 6)
    folder = tmp_path / "labelled"
    for seed in range(6):
        one = phantom.make_patient(seed, shape=SHAPE, spacing_mm=SPACING_MM)
        target = folder / one.patient_id
        target.mkdir(parents=True)
        nifti.write_nifti(target / "ct.nii.gz", one.volume.hu, one.volume)
        nifti.write_nifti(target / "labels.nii.gz", one.labels, one.volume)
    names = {str(value): name for value, name in phantom.LABELS.items()}
    (folder / "labels.json").write_text(json.dumps(names))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "crop"), [(("--image-size", 32), None), (("--image-size", 40), 32)]
)
def test_a_segmenter_is_trained_and_used(size, crop, small_training, scans, tmp_path):
    out = tmp_path / "o"
    more = ("--crop", crop) if crop else ()
    words = ("segment", scans, "--train", small_training, *size, *more, "--out", out)
    result = call(*words)
    assert result.exit_code == 0, result.output
    _, card, _ = model_folder.load_segmenter(out / "segmenter")
    np.testing.assert_allclose(card.pixel_mm, (12.8, 12.8), rtol=1e-6)
    np.testing.assert_allclose(card.slice_mm, (40, 40), rtol=1e-6)
    assert card.side_mm == pytest.approx(SIDE_MM)
    assert (card.crop, card.image_size) == (crop, size[1])
    assert card.labels[8] == "liver"
    assert set(card.dice) <= set(card.labels.values())
    assert card.patients == 4
    page = (out / "training.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "k-means on HU" in page
    assert card.data == "labelled"
    # a second training would overwrite the first
    again = call("segment", "--train", small_training, "--out", out)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    # by a program that did not train it, and so imported less
    command = Path(sys.executable).with_name("medvae-course")
    used = subprocess.run(
        [command, "segment", scans, "--model", out / "segmenter", "--out", out],
        capture_output=True,
        text=True,
    )
    assert used.returncode == 0, used.stderr
    assert used.stdout.count("done before, kept") == 2


def test_training_without_labels_is_refused(scans, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDVAE_DATA_DIR", str(tmp_path / "cache"))
    for seed in range(3):
        volume = patient(seed)
        target = tmp_path / "plain" / f"p{seed}"
        target.mkdir(parents=True)
        nifti.write_nifti(target / "ct.nii.gz", volume.hu, volume)
    out = tmp_path / "o"
    words = ("--train", tmp_path / "plain", "--image-size", 32, "--out", out)
    result = call("segment", *words)
    assert result.exit_code == 2
    assert "must have labels to train on" in result.stderr

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from ct.orientations import SIGNED_AXES, assert_same_place
from scipy.spatial.transform import Rotation

from medvae_course.ct import nifti
from medvae_course.ct.volume import Volume


def _image(order, signs, tilt_deg=0.0):
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray(rng.integers(-900, 900, (4, 5, 6)).astype(np.int16))
    image.SetSpacing((1.5, 2.0, 3.5))
    image.SetOrigin((-11.0, 7.0, 30.0))
    angle = np.deg2rad(tilt_deg)
    turn = np.array(
        [
            [1, 0, 0],
            [0, np.cos(angle), -np.sin(angle)],
            [0, np.sin(angle), np.cos(angle)],
        ]
    )
    direction = turn @ np.eye(3)[:, order] * signs
    image.SetDirection(direction.ravel().tolist())
    return image


@pytest.mark.parametrize(("order", "signs"), SIGNED_AXES)
def test_every_orientation_is_read_as_simpleitk_reads_it(tmp_path, order, signs):
    path = tmp_path / "ct.nii.gz"
    image = _image(order, signs)
    sitk.WriteImage(image, path)
    volume = nifti.read_nifti(path)
    assert_same_place(volume, image)
    # z to the head, y to the back, x to the left
    np.testing.assert_allclose(volume.direction, np.eye(3)[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(nifti.read_extent_mm(path), volume.extent_mm, rtol=1e-5)


def test_oblique_volume_keeps_its_angle_and_place(tmp_path):
    path = tmp_path / "ct.nii"
    image = _image((0, 1, 2), (1, 1, 1), tilt_deg=12.0)
    sitk.WriteImage(image, path)
    volume = nifti.read_nifti(path)
    assert_same_place(volume, image)
    assert volume.direction[2, 0] == pytest.approx(np.cos(np.deg2rad(12)), abs=1e-4)


def test_real_scans_lie_where_simpleitk_puts_them(shared_ct):
    paths = [
        shared_ct / "ts_abdomen_pelvis" / "example_ct.nii.gz",
        shared_ct / "okbp_hn_dev" / "pt_106" / "ct.nii.gz",
    ]
    rng = np.random.default_rng(0)
    for path in paths:
        volume, image = nifti.read_nifti(path), sitk.ReadImage(path)
        for index in rng.integers(0, image.GetSize(), (200, 3)).tolist():
            point = image.TransformIndexToPhysicalPoint(index)
            place = volume.mm_to_index(point)
            np.testing.assert_allclose(place, np.rint(place), atol=1e-3)
            assert volume.hu[tuple(np.rint(place).astype(int))] == image[index]


def test_written_labels_come_back_and_lie_where_simpleitk_puts_them(tmp_path):
    rng = np.random.default_rng(1)
    volume = Volume(np.zeros((4, 5, 6)), (3.0, 1.0, 2.0), origin_mm=(5.0, -6.0, 7.0))
    labels = rng.integers(0, 9, volume.shape).astype(np.uint8)
    nifti.write_nifti(tmp_path / "labels.nii.gz", labels, volume)
    np.testing.assert_array_equal(
        nifti.read_labels(tmp_path / "labels.nii.gz", volume), labels
    )
    image = sitk.ReadImage(tmp_path / "labels.nii.gz")
    assert_same_place(Volume(labels, (3.0, 1.0, 2.0), (5.0, -6.0, 7.0)), image)


@pytest.mark.parametrize("seed", range(6))
def test_volumes_at_any_angle_go_around_and_agree_with_simpleitk(tmp_path, seed):
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    hu = rng.integers(-1000, 3000, (4, 5, 6)).astype(np.int16)
    spacing_mm = tuple(rng.uniform(0.4, 5, 3))
    volume = Volume(hu, spacing_mm, tuple(rng.uniform(-300, 300, 3)), turn)
    path = tmp_path / "ct.nii.gz"
    nifti.write_nifti(path, hu, volume)
    assert_same_place(volume, sitk.ReadImage(path))
    back = nifti.read_nifti(path)
    assert_same_place(back, sitk.ReadImage(path))
    np.testing.assert_allclose(back.affine, volume.to_axial().affine, atol=1e-3)
    np.testing.assert_array_equal(back.hu, volume.to_axial().hu)
    np.testing.assert_allclose(nifti.read_extent_mm(path), back.extent_mm, rtol=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == ["ct.nii.gz"]


def test_float_hu_keep_their_fractions(tmp_path):
    hu = np.random.default_rng(0).normal(0, 300, (3, 4, 5)).astype(np.float32)
    volume = Volume(hu, (3.0, 1.0, 2.0))
    nifti.write_nifti(tmp_path / "ct.nii.gz", hu, volume)
    np.testing.assert_array_equal(nifti.read_nifti(tmp_path / "ct.nii.gz").hu, hu)


def test_writing_refuses_what_does_not_fit(tmp_path):
    volume = Volume(np.zeros((2, 3, 4)), (1, 1, 1))
    with pytest.raises(nifti.NiftiError, match="volume's shape"):
        nifti.write_nifti(tmp_path / "a.nii", np.zeros((2, 3, 5)), volume)
    with pytest.raises(nifti.NiftiError, match=r"a\.img"):
        nifti.write_nifti(tmp_path / "a.img", volume.hu, volume)
    with pytest.raises(nifti.NiftiError, match="cannot be written"):
        nifti.write_nifti(tmp_path / "none" / "a.nii", volume.hu, volume)
    assert list(tmp_path.iterdir()) == []


def test_labels_on_another_grid_are_refused(tmp_path):
    volume = Volume(np.zeros((4, 5, 6)), (3.0, 1.0, 2.0))
    moved = Volume(np.zeros((4, 5, 6)), (3.0, 1.0, 2.0), origin_mm=(2.0, 0.0, 0.0))
    nifti.write_nifti(tmp_path / "seg.nii", np.ones((4, 5, 6), np.uint8), moved)
    with pytest.raises(nifti.NiftiError, match="grid"):
        nifti.read_labels(tmp_path / "seg.nii", volume)


def test_labels_that_are_no_labels_are_refused(tmp_path):
    volume = Volume(np.zeros((4, 5, 6)), (3.0, 1.0, 2.0))
    for value in (0.5, -1.0, 300.0):
        path = tmp_path / "seg.nii"
        nifti.write_nifti(path, np.full((4, 5, 6), value, np.float32), volume)
        with pytest.raises(nifti.NiftiError, match="0 to 255"):
            nifti.read_labels(path, volume)


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "4-D", "sheared"])
def test_damaged_or_foreign_files_are_named_with_what_is_wrong(tmp_path, kind):
    path = tmp_path / "ct.nii"
    values = np.zeros((4, 5, 6, 2) if kind == "4-D" else (4, 5, 6), np.int16)
    affine = np.eye(4)
    affine[0, 1] = 0.4 if kind == "sheared" else 0.0
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    contents = {
        "empty": b"",
        "text": b"not NIfTI",
        "truncated": path.read_bytes()[:400],
    }
    if kind in contents:
        path.write_bytes(contents[kind])
    with pytest.raises(nifti.NiftiError, match=r"ct\.nii"):
        nifti.read_nifti(path)

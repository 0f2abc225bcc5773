import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medvae_course.ct import volume
from medvae_course.ct.volume import AXIAL, Volume

OBLIQUE = Rotation.from_euler("xyz", [20, -35, 110], degrees=True).as_matrix() @ AXIAL


def numbered(shape=(5, 6, 7), **arguments):
    """Volume in which every voxel has a value of its own."""
    hu = np.arange(np.prod(shape)).reshape(shape)
    arguments = {"spacing_mm": (2.5, 0.8, 0.7), "origin_mm": (-10, 20, 3)} | arguments
    return Volume(hu, **arguments)


def ball(shape, spacing_mm, *, radius_mm, centre_mm, soft_mm=1.5):
    """Mask weight of a ball with a soft rim; distances from the voxel edge at zero."""
    axes = [(np.arange(n) + 0.5) * s for n, s in zip(shape, spacing_mm, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid - centre_mm, axis=-1)
    return 1 / (1 + np.exp((distance - radius_mm) / soft_mm))


def to_sitk(v):
    image = sitk.GetImageFromArray(v.hu)
    image.SetSpacing(v.spacing_mm[::-1])
    image.SetOrigin(v.origin_mm)
    image.SetDirection(v.direction[:, ::-1].ravel().tolist())
    return image


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE, np.eye(3)])
def test_index_to_mm_equals_simpleitk(direction):
    v = numbered(direction=direction)
    image = to_sitk(v)
    for index in [(0, 0, 0), (4, 5, 6), (1, 2, 3), (2.25, 0.5, 5.75)]:
        expected = image.TransformContinuousIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(v.index_to_mm(index), expected, atol=1e-6)
        np.testing.assert_allclose(v.mm_to_index(expected), index, atol=1e-6)


def test_index_to_mm_takes_many_points():
    v = numbered(direction=OBLIQUE)
    index = np.random.default_rng(0).uniform(0, 4, (3, 2, 3))
    mm = v.index_to_mm(index)
    assert mm.shape == (3, 2, 3)
    np.testing.assert_allclose(mm[1, 0], v.index_to_mm(index[1, 0]))
    np.testing.assert_allclose(v.mm_to_index(mm), index)


def test_affine_maps_index_to_position():
    v = numbered(direction=OBLIQUE)
    position = v.affine @ [1, 2, 3, 1]
    np.testing.assert_allclose(position[:3], v.index_to_mm((1, 2, 3)))


def test_extent_reaches_from_edge_to_edge():
    v = Volume(np.zeros((4, 10, 20)), spacing_mm=(5, 1, 0.5))
    assert v.extent_mm == (20.0, 10.0, 10.0)
    assert v.shape == (4, 10, 20)


def test_volume_cannot_be_changed():
    hu = np.zeros((2, 3, 4))
    v = Volume(hu, spacing_mm=(1, 1, 1))
    hu[0] = 7
    assert v.hu.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        v.hu[0] = 7
    with pytest.raises(AttributeError):
        v.hu = hu


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"hu": np.zeros((3, 4))}, r"got shape \(3, 4\)"),
        ({"hu": np.zeros((0, 4, 4))}, r"got shape \(0, 4, 4\)"),
        ({"hu": np.full((2, 2, 2), np.nan)}, "got 8 voxels"),
        ({"spacing_mm": (1, 0, 1)}, "must be positive"),
        ({"spacing_mm": (1, 1)}, "three finite numbers"),
        ({"origin_mm": (1, np.inf, 0)}, "`origin_mm` must be three finite"),
        ({"direction": np.ones((3, 3))}, "orthonormal columns"),
        ({"direction": np.eye(2)}, "orthonormal columns"),
    ],
)
def test_volume_refuses_with_rule_and_value(arguments, words):
    arguments = {"hu": np.zeros((2, 2, 2)), "spacing_mm": (1, 1, 1)} | arguments
    with pytest.raises(ValueError, match=words):
        Volume(**arguments)


@pytest.mark.parametrize("new_spacing", [(2.0, 2.0, 2.0), (4.0, 3.1, 1.7), (1, 1, 1)])
def test_resampling_keeps_organ_volume(new_spacing):
    shape, spacing = (40, 64, 64), (3.0, 1.5, 1.5)
    weight = ball(shape, spacing, radius_mm=30, centre_mm=(61, 47, 49))
    resampled, exact = volume.resample(weight, spacing, new_spacing)
    before, after = weight.sum() * np.prod(spacing), resampled.sum() * np.prod(exact)
    assert after == pytest.approx(before, rel=0.01)
    # and the sphere's own volume is met
    assert before == pytest.approx(4 / 3 * np.pi * 30**3, rel=0.03)


def test_resampling_labels_keeps_volume_and_values():
    shape, spacing = (40, 64, 64), (3.0, 1.5, 1.5)
    labels = 7 * (ball(shape, spacing, radius_mm=30, centre_mm=(61, 47, 49)) > 0.5)
    labels = labels.astype(np.uint8)
    resampled, exact = volume.resample(labels, spacing, (2, 2, 2), order=0)
    assert resampled.dtype == np.uint8
    assert set(np.unique(resampled)) == {0, 7}
    before, after = (labels > 0).sum() * 6.75, (resampled > 0).sum() * np.prod(exact)
    assert after == pytest.approx(before, rel=0.01)


@pytest.mark.parametrize("new_spacing", [(1.25, 0.3, 0.35), (5.5, 1.7, 2.9)])
@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE])
def test_resampling_keeps_the_field_of_view(new_spacing, direction):
    v = numbered(direction=direction)
    r = v.resample(new_spacing)
    np.testing.assert_allclose(r.extent_mm, v.extent_mm)
    np.testing.assert_allclose(
        r.index_to_mm((-0.5, -0.5, -0.5)), v.index_to_mm((-0.5, -0.5, -0.5))
    )


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE])
def test_upsampling_equals_simpleitk(direction):
    rng = np.random.default_rng(1)
    v = Volume(
        rng.normal(0, 300, (8, 9, 10)),
        spacing_mm=(3, 1.2, 1.1),
        origin_mm=(4, 5, -6),
        direction=direction,
    )
    r = v.resample((1.5, 0.6, 0.55))
    expected = sitk.GetArrayFromImage(
        sitk.Resample(to_sitk(v), to_sitk(r), sitk.Transform(), sitk.sitkLinear)
    )
    inside = (slice(1, -1),) * 3  # at the rim the two extrapolate differently
    np.testing.assert_allclose(r.hu[inside], expected[inside], atol=1e-3)


def test_downsampling_is_antialiased():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 100, (4, 128, 128))
    coarse, _ = volume.resample(noise, (5, 1, 1), (5, 4, 4))
    # picking every fourth voxel would keep 100 HU; a 4 x 4 mean would leave 25 HU
    assert coarse.std() < 30
    stripes = np.tile([0.0, 100.0], 64)[None, None].repeat(8, axis=1)
    coarse, _ = volume.resample(stripes, (1, 1, 1), (1, 1, 3))
    assert np.ptp(coarse) < 45  # plain linear interpolation gives 100


def test_resampling_to_the_same_spacing_changes_nothing():
    v = numbered()
    np.testing.assert_array_equal(v.resample(v.spacing_mm).hu, v.hu)


def test_resampling_beyond_the_field_of_view_leaves_one_voxel():
    array, exact = volume.resample(np.ones((2, 2, 2)), (1, 1, 1), (9, 1, 1))
    assert array.shape == (1, 2, 2)
    assert exact == (2.0, 1.0, 1.0)


def test_resample_refuses_with_rule_and_value():
    with pytest.raises(ValueError, match=r"`new_spacing_mm` must be positive"):
        volume.resample(np.ones((2, 2, 2)), (1, 1, 1), (1, 1, -1))
    with pytest.raises(ValueError, match=r"got shape \(2,\)"):
        volume.resample(np.ones(2), (1, 1, 1), (1, 1, 1))


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE])
def test_crop_leaves_voxels_in_place(direction):
    v = numbered(direction=direction)
    c = v.crop(z=slice(1, 3), x=slice(-4, None))
    assert c.shape == (2, 6, 4)
    index = np.array([1, 4, 2])
    assert c.hu[tuple(index)] == v.hu[tuple(index + [1, 0, 3])]
    np.testing.assert_allclose(c.index_to_mm(index), v.index_to_mm(index + [1, 0, 3]))


def test_crop_refuses_steps_and_emptiness():
    with pytest.raises(ValueError, match="step 1"):
        numbered().crop(z=slice(None, None, 2))
    with pytest.raises(ValueError, match="at least one voxel"):
        numbered().crop(y=slice(6, 9))


@pytest.mark.parametrize("direction", [AXIAL, OBLIQUE])
@pytest.mark.parametrize("shape", [(5, 6, 7), (3, 10, 4), (8, 1, 20)])
def test_crop_or_pad_leaves_voxels_in_place(direction, shape):
    v = numbered(direction=direction)
    p = v.crop_or_pad(shape, fill_hu=-5)
    assert p.shape == shape
    inside = np.argwhere(p.hu != -5)
    assert len(inside) == np.prod(np.minimum(shape, v.shape))
    old = np.rint(v.mm_to_index(p.index_to_mm(inside))).astype(int)
    np.testing.assert_array_equal(p.hu[tuple(inside.T)], v.hu[tuple(old.T)])
    # the centre moves by at most half a voxel
    centre = v.mm_to_index(p.index_to_mm((np.array(shape) - 1) / 2))
    assert np.abs(centre - (np.array(v.shape) - 1) / 2).max() <= 0.5 + 1e-9


def test_crop_or_pad_refuses_bad_shapes():
    for shape in [(0, 1, 1), (1, 1), (1.5, 1, 1)]:
        with pytest.raises(ValueError, match="three positive integers"):
            numbered().crop_or_pad(shape)


def test_to_axial_leaves_voxels_in_place():
    rng = np.random.default_rng(3)
    for _ in range(20):
        signs = rng.choice([-1.0, 1.0], 3)
        direction = np.eye(3)[:, rng.permutation(3)] * signs
        v = numbered(direction=direction)
        a = v.to_axial()
        np.testing.assert_array_equal(a.direction, AXIAL)
        index = np.argwhere(np.ones(a.shape))
        old = np.rint(v.mm_to_index(a.index_to_mm(index))).astype(int)
        np.testing.assert_array_equal(a.hu.ravel(), v.hu[tuple(old.T)])


def test_display_slices_have_the_head_at_the_top():
    v = numbered((3, 4, 5))
    np.testing.assert_array_equal(v.axial(1), v.hu[1])
    assert v.coronal(2)[0, 0] == v.hu[2, 2, 0]
    assert v.sagittal(4)[-1, 1] == v.hu[0, 1, 4]


def test_to_axial_takes_any_angle():
    for seed in range(40):
        turn = Rotation.random(random_state=seed).as_matrix()
        volume = numbered(direction=turn)
        axial = volume.to_axial()
        assert axial.direction[[2, 1, 0], range(3)].min() > 0.3
        index = axial.mm_to_index(volume.index_to_mm((1, 2, 3)))
        np.testing.assert_allclose(index, index.round(), atol=1e-9)
        assert axial.hu[tuple(index.round().astype(int))] == volume.hu[1, 2, 3]


ROTATIONS = st.tuples(*[st.integers(-99, 99)] * 4).filter(any)  # quaternions
PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def volumes(draw):
    """Volumes with random oblique, flipped and permuted axes."""
    rotation = Rotation.from_quat(draw(ROTATIONS)).as_matrix()
    flips = np.array(draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)))
    spacing = st.floats(0.3, 9)
    origin = st.floats(-500, 500)
    return numbered(
        draw(st.tuples(*[st.integers(2, 7)] * 3)),
        spacing_mm=draw(st.tuples(spacing, spacing, spacing)),
        origin_mm=draw(st.tuples(origin, origin, origin)),
        direction=(rotation * flips)[:, draw(st.permutations(range(3)))],
    )


def assert_same_as(v, image):
    """Same HU, spacing, origin and direction as an image of SimpleITK."""
    np.testing.assert_array_equal(v.hu, sitk.GetArrayFromImage(image))
    np.testing.assert_allclose(v.spacing_mm, image.GetSpacing()[::-1], atol=1e-3)
    np.testing.assert_allclose(v.origin_mm, image.GetOrigin(), atol=1e-3)
    direction = np.reshape(image.GetDirection(), (3, 3))[:, ::-1]
    np.testing.assert_allclose(v.direction, direction, atol=1e-6)


@PROPERTY
@given(v=volumes(), data=st.data())
def test_any_crop_equals_simpleitk(v, data):
    first = [data.draw(st.integers(0, n - 1)) for n in v.shape]
    size = [
        data.draw(st.integers(1, n - f)) for n, f in zip(v.shape, first, strict=True)
    ]
    z, y, x = (slice(f, f + n) for f, n in zip(first, size, strict=True))
    expected = sitk.RegionOfInterest(to_sitk(v), size[::-1], first[::-1])
    assert_same_as(v.crop(z, y, x), expected)


@PROPERTY
@given(v=volumes(), data=st.data())
def test_any_crop_or_pad_equals_simpleitk(v, data):
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * 3))
    p = v.crop_or_pad(shape, fill_hu=-777)
    # nearest neighbours on the new grid: voxel centres meet, so nothing is mixed
    expected = sitk.Resample(
        to_sitk(v), to_sitk(p), sitk.Transform(), sitk.sitkNearestNeighbor, -777.0
    )
    np.testing.assert_array_equal(p.hu, sitk.GetArrayFromImage(expected))


@PROPERTY
@given(v=volumes())
def test_any_reorientation_equals_simpleitk(v):
    # where two patient axes are nearly as near, the two may choose differently
    nearest = np.sort(np.abs(v.direction), axis=0)
    assume((nearest[2] - nearest[1] > 0.05).all())
    axes = np.argmax(np.abs(v.direction), axis=0)
    assume(len(set(axes.tolist())) == 3)
    assert_same_as(v.to_axial(), sitk.DICOMOrient(to_sitk(v), "LPS"))


@PROPERTY
@given(v=volumes(), factors=st.tuples(*[st.floats(0.3, 0.95)] * 3))
def test_any_resampling_lies_where_simpleitk_puts_it(v, factors):
    r = v.resample(tuple(np.multiply(v.spacing_mm, factors)))
    expected = sitk.GetArrayFromImage(
        sitk.Resample(to_sitk(v), to_sitk(r), sitk.Transform(), sitk.sitkLinear)
    )
    # SimpleITK knows nothing beyond half a voxel outside of the outermost centres
    index = v.mm_to_index(r.index_to_mm(np.moveaxis(np.indices(r.shape), 0, -1)))
    inside = ((index >= 0) & (index <= np.array(v.shape) - 1)).all(axis=-1)
    np.testing.assert_allclose(r.hu[inside], expected[inside], atol=0.01)
    np.testing.assert_allclose(r.extent_mm, v.extent_mm)


@PROPERTY
@given(v=volumes(), points=st.lists(st.tuples(*[st.floats(-3, 9)] * 3), min_size=1))
def test_any_point_lies_where_simpleitk_puts_it(v, points):
    image = to_sitk(v)
    for point in points:
        expected = image.TransformContinuousIndexToPhysicalPoint(point[::-1])
        np.testing.assert_allclose(v.index_to_mm(point), expected, atol=1e-6)
        back = image.TransformPhysicalPointToContinuousIndex(expected)
        np.testing.assert_allclose(v.mm_to_index(expected), back[::-1], atol=1e-6)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_rescale, apply_windowing

from medvae_course.ct import hounsfield

HU = np.arange(-1500, 1500, dtype=np.int16)


def small_ct():
    return dcmread(get_testdata_file("CT_small.dcm"))


def test_air_and_water_have_their_values():
    hu = hounsfield.to_hu(np.array([24, 1024]), slope=1, intercept=-1024)
    assert hu.tolist() == [-1000.0, 0.0]
    assert hu.dtype == np.float32


def test_to_hu_equals_the_modality_lut_of_pydicom():
    dataset = small_ct()
    stored = dataset.pixel_array
    hu = hounsfield.to_hu(
        stored, slope=dataset.RescaleSlope, intercept=dataset.RescaleIntercept
    )
    np.testing.assert_array_equal(hu, apply_rescale(stored, dataset))


@given(
    st.lists(st.integers(-32768, 32767), min_size=1),
    st.sampled_from([1.0, 0.5, 2.0, 2.0002442]),
    st.sampled_from([0.0, -1024.0, -4047.0]),
)
def test_from_hu_inverts_to_hu(values, slope, intercept):
    stored = np.array(values, dtype=np.int16)
    hu = hounsfield.to_hu(stored, slope=slope, intercept=intercept)
    back = hounsfield.from_hu(hu, slope=slope, intercept=intercept)
    np.testing.assert_array_equal(back, stored)


def test_from_hu_rounds_to_nearest():
    stored = hounsfield.from_hu([-0.6, -0.4, 0.4, 0.6], slope=1, intercept=0)
    assert stored.tolist() == [-1, 0, 0, 1]


@pytest.mark.parametrize(
    ("hu", "arguments", "words"),
    [
        ([40000.0], {"slope": 1, "intercept": 0}, "got 40000 to 40000: clip"),
        ([-1.0], {"slope": 1, "intercept": 0, "dtype": np.uint16}, "uint16"),
        ([np.nan, 1.0], {"slope": 1, "intercept": 0}, "got 1 values"),
        ([0.0], {"slope": 1, "intercept": 0, "dtype": np.float32}, "integer type"),
        ([0.0], {"slope": 0, "intercept": 0}, "slope 0"),
        ([0.0], {"slope": 1, "intercept": np.inf}, "intercept inf"),
    ],
)
def test_from_hu_refuses_with_rule_and_value(hu, arguments, words):
    with pytest.raises(ValueError, match=words):
        hounsfield.from_hu(hu, **arguments)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("level", "width"), [(40, 400), (-600, 1500), (0, 2), (10, 1)])
def test_window_equals_pydicom(function, level, width):
    dataset = small_ct()
    dataset.WindowCenter, dataset.WindowWidth = level, width
    dataset.VOILUTFunction = function
    with np.errstate(over="ignore"):  # pydicom's own sigmoid
        shown = apply_windowing(HU, dataset)
    # pydicom maps onto the range that the file's bits and rescale allow
    lowest, highest = (
        float(dataset.RescaleSlope) * stored + float(dataset.RescaleIntercept)
        for stored in (-(2**15), 2**15 - 1)
    )
    expected = (shown - lowest) / (highest - lowest)
    grey = hounsfield.window(HU, level_hu=level, width_hu=width, function=function)
    np.testing.assert_allclose(grey, expected, atol=1e-6)


def test_window_maps_level_to_half():
    for function in ("LINEAR_EXACT", "SIGMOID"):
        grey = hounsfield.window(40, level_hu=40, width_hu=400, function=function)
        assert grey == 0.5
    # LINEAR has its middle half a unit lower
    assert hounsfield.window(39.5, level_hu=40, width_hu=400) == 0.5


def test_sigmoid_window_does_not_overflow():
    grey = hounsfield.window([-1e6, 1e6], level_hu=0, width_hu=1, function="SIGMOID")
    assert grey.tolist() == [0.0, 1.0]


def test_window_refuses_bad_settings():
    with pytest.raises(ValueError, match="at least 1 for LINEAR, got 0.5"):
        hounsfield.window(HU, level_hu=0, width_hu=0.5)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        hounsfield.window(HU, level_hu=0, width_hu=0, function="SIGMOID")
    with pytest.raises(ValueError, match="got 'linear'"):
        hounsfield.window(HU, level_hu=0, width_hu=1, function="linear")


@given(
    st.floats(-2000, 3000),
    st.sampled_from(list(hounsfield.WINDOWS.values())),
)
def test_model_units_invert_inside_the_window(hu, level_and_width):
    level, width = level_and_width
    x = hounsfield.to_model_units(hu, level_hu=level, width_hu=width)
    assert 0 <= x <= 1
    back = hounsfield.from_model_units(x, level_hu=level, width_hu=width)
    clipped = np.clip(hu, level - width / 2, level + width / 2)
    assert back == pytest.approx(clipped, abs=width * 1e-6)


def test_model_window_reaches_from_air_to_400_hu():
    x = hounsfield.to_model_units([-1000.0, 400.0])
    assert x.tolist() == [0.0, 1.0]
    level, width = hounsfield.WINDOWS["model"]
    assert (level - width / 2, level + width / 2) == (-1000.0, 400.0)


def test_every_whole_hu_survives_the_model_units():
    hu = np.arange(-1000, 401)
    back = hounsfield.from_model_units(hounsfield.to_model_units(hu))
    np.testing.assert_array_equal(np.rint(back), hu)


def test_model_units_refuse_a_width_that_is_not_positive():
    with pytest.raises(ValueError, match="must be positive, got -5"):
        hounsfield.to_model_units(HU, width_hu=-5)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        hounsfield.from_model_units(HU, width_hu=0)

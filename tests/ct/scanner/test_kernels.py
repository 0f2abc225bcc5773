import numpy as np
import pytest

from medvae_course.ct.scanner import kernels, projector


def test_every_kernel_keeps_the_mean():
    for kernel in kernels.KERNELS.values():
        assert kernel.gain(np.zeros(1))[0] == pytest.approx(1.0)


def test_kernels_pass_ever_more_of_the_finest_detail():
    order = ("smooth", "standard", "ramp", "sharp")
    passed = [kernels.KERNELS[name].gain(np.array([0.5]))[0] for name in order]
    assert (np.diff(passed) > 0.2).all()


@pytest.mark.parametrize("n", [512, *map(projector.detector_length, (126, 255, 512))])
def test_filter_is_the_ramp_times_the_kernel(n):
    pixel_mm, frequency_per_mm = 2.0, 0.125  # a quarter cycle per pixel
    position_mm = np.arange(n) * pixel_mm / projector.READINGS_PER_PIXEL
    wave = np.cos(2 * np.pi * frequency_per_mm * position_mm)
    for name, kernel in kernels.KERNELS.items():
        filtered = kernels.filter_readings(
            wave[None, :, None], pixel_mm=pixel_mm, kernel=name
        )[0, :, 0]
        expected = frequency_per_mm * kernel.gain(np.array([0.25]))[0] * wave
        middle = slice(n // 4, 3 * n // 4)
        assert np.allclose(filtered[middle], expected[middle], atol=1e-3), name


def test_unknown_kernel_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"smooth, standard, ramp, sharp.*'bone'"):
        kernels.check_kernel("bone")

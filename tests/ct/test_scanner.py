import numpy as np
import pytest

from medvae_course.ct import scanner


@pytest.fixture(scope="module")
def noise():
    return scanner.reconstruction_noise((40, 128, 128), noise_hu=20.0, seed=1)


def test_noise_has_the_wanted_standard_deviation_and_no_mean(noise):
    assert noise.std() == pytest.approx(20.0, rel=1e-3)
    assert abs(noise.mean()) < 0.01


def test_noise_power_grows_with_frequency_as_behind_a_ramp_filter(noise):
    power = np.mean(np.abs(np.fft.fft2(noise)) ** 2, axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))

    def band(f):
        return power[np.abs(frequency - f) < 0.01].mean()

    def expected(f):
        return f * (0.5 + 0.5 * np.cos(2 * np.pi * f)) ** 2

    for low, high in ((0.03, 0.06), (0.05, 0.15)):
        ratio = expected(high) / expected(low)
        assert band(high) / band(low) == pytest.approx(ratio, rel=0.1)
    assert band(0.48) < 0.05 * band(0.15)  # the kernel smooths the highest away


def test_large_regions_average_out_faster_than_in_white_noise(noise):
    def spread(side):
        n = 128 // side
        return noise.reshape(40, n, side, n, side).mean(axis=(2, 4)).std()

    assert spread(8) / spread(32) > 1.3 * 4  # white noise: 32 / 8


def test_noise_is_independent_between_slices(noise):
    correlation = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    assert abs(correlation) < 0.01


def test_scan_of_uniform_water_without_noise_changes_nothing():
    image = scanner.scan(np.zeros((4, 32, 32)), (5.0, 1.0, 1.0), noise_hu=0.0, seed=0)
    assert (image == 0).all()


def test_scan_keeps_the_mean_and_stores_whole_numbers_of_twelve_bits():
    body = np.full((6, 32, 32), 5000.0, np.float32)
    body[:, 8:24, 8:24] = -2000.0
    image = scanner.scan(body, (5.0, 1.0, 1.0), noise_hu=10.0, seed=0)
    assert (image == np.rint(image)).all()
    assert image.min() == -1024
    assert image.max() == 3071


def test_scan_blurs_an_edge_by_the_stated_width():
    body = np.zeros((3, 8, 101), np.float32)
    body[..., 51:] = 1000.0
    image = scanner.scan(body, (5.0, 0.5, 0.5), noise_hu=0.0, seed=0)
    spread = np.gradient(image[1, 4]) / 1000
    x = np.arange(101) * 0.5
    mean = (spread * x).sum() / spread.sum()
    sd = np.sqrt((spread * (x - mean) ** 2).sum() / spread.sum())
    assert sd == pytest.approx(scanner.BLUR_MM, rel=0.1)


def test_negative_noise_is_refused():
    with pytest.raises(ValueError, match="noise_hu"):
        scanner.reconstruction_noise((2, 8, 8), noise_hu=-1.0, seed=0)

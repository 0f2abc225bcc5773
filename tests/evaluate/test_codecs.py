import numpy as np
import pytest

from medvae_course.evaluate import codecs


@pytest.fixture(scope="module")
def images():
    """Smooth images with an edge, so that there is something to code."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(0, 1, 48), np.linspace(0, 1, 40))
    waves = [np.sin(rng.uniform(2, 9) * x + rng.uniform(2, 9) * y) for _ in range(5)]
    stack = np.stack([0.5 + 0.3 * wave + 0.15 * (x > y) for wave in waves])
    return np.clip(stack, 0, 1)[..., None]


def test_quantised_numbers_are_multiples_and_half_a_step_away_at_most():
    codes = np.random.default_rng(1).normal(size=(50, 3))
    near = codecs.quantise(codes, 0.3)
    assert np.allclose(near / 0.3, np.rint(near / 0.3))
    assert np.abs(near - codes).max() <= 0.15 + 1e-12


def test_ideal_code_obeys_kraft_with_equality():
    # the values that one number can take: two to the minus length sums to one
    values = np.arange(-60, 61)[:, None] * 0.5
    bits = codecs.gaussian_code_bits(values, 0.5, variance=np.array([1.7]))
    assert np.sum(2.0**-bits) == pytest.approx(1, abs=1e-9)


def test_fine_steps_cost_the_differential_entropy_less_the_logarithm_of_the_step():
    sd, step = np.array([0.5, 2.0]), 0.01
    codes = np.random.default_rng(2).normal(size=(20_000, 2)) * sd
    bits = codecs.gaussian_code_bits(codes, step, variance=sd**2)
    entropy = 0.5 * np.log2(2 * np.pi * np.e * sd**2) - np.log2(step)
    assert bits.mean() == pytest.approx(entropy.sum(), abs=0.03)


def test_coarse_steps_cost_nothing_where_nothing_is_left():
    codes = np.random.default_rng(3).normal(size=(100, 1))
    bits = codecs.gaussian_code_bits(codes, 50.0, variance=np.array([1.0]))
    assert bits.max() < 1e-6


def test_unlike_the_training_costs_more_and_stays_finite():
    one = np.array([1.0])
    usual, far = codecs.gaussian_code_bits([[0.0], [8.0]], 0.5, variance=one)
    assert far > usual + 40
    assert np.isfinite(codecs.gaussian_code_bits([[1e6]], 0.5, variance=one)).all()
    left, right = codecs.gaussian_code_bits([[-8.0], [8.0]], 0.5, variance=one)
    assert left == pytest.approx(right)


def test_jpeg2000_without_loss_gives_back_twelve_bits(images):
    again, bits, headers = codecs.jpeg2000(images, psnr_db=None)
    assert (np.rint(again * 4095) == np.rint(images * 4095)).all()
    assert again.dtype == np.float32
    assert (headers < bits).all()
    assert (bits < 12 * 40 * 48 + headers).all()  # smaller than the plain numbers


@pytest.mark.parametrize("psnr_db", [35.0, 40.0, 45.0])
def test_jpeg2000_reaches_the_quality_that_is_asked(images, psnr_db):
    again, _, _ = codecs.jpeg2000(images, psnr_db=psnr_db)
    mse = ((again - images) ** 2).mean(axis=(1, 2, 3))
    assert 10 * np.log10(1 / mse) == pytest.approx(np.full(5, psnr_db), abs=1.5)


def test_better_quality_costs_more_bits_and_headers_stay(images):
    coarse, fine = (codecs.jpeg2000(images, psnr_db=db) for db in (25, 45))
    assert (coarse[1] < fine[1]).all()
    assert (coarse[2] == fine[2]).all()
    assert 100 < coarse[2][0] / 8 < 250  # bytes


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: codecs.quantise(np.zeros(3), 0.0), "`step` must be positive, got 0"),
        (
            lambda: codecs.gaussian_code_bits(
                np.zeros((2, 3)), 1.0, variance=np.ones(2)
            ),
            r"\(2, 3\) and \(2,\)",
        ),
        (
            lambda: codecs.gaussian_code_bits(
                np.zeros((2, 2)), 1.0, variance=np.array([1.0, 0.0])
            ),
            "`variance` must be positive",
        ),
        (
            lambda: codecs.jpeg2000(np.full((1, 32, 32, 1), 1.5), psnr_db=30),
            r"in \[0, 1\], got 1.5",
        ),
        (
            lambda: codecs.jpeg2000(np.full((1, 32, 32, 1), np.nan), psnr_db=30),
            r"in \[0, 1\]",
        ),
        (lambda: codecs.jpeg2000(np.zeros((64, 64)), psnr_db=30), "shape"),
        (lambda: codecs.jpeg2000(np.zeros((1, 40, 31, 1)), psnr_db=30), "32 pixels"),
        (lambda: codecs.jpeg2000(np.zeros((1, 32, 32, 1)), psnr_db=-1), "positive"),
    ],
)
def test_impossible_arguments_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_image_without_contrast_can_be_written():
    again, bits, headers = codecs.jpeg2000(np.full((1, 32, 32, 1), 0.5), psnr_db=30.0)
    assert np.abs(again - 0.5).max() < 1e-3
    assert bits[0] - headers[0] < 200

import numpy as np
import pytest

from medvae_course.evaluate import denoisers, metrics, tuning

TRUTH = np.zeros((4, 32, 32, 1), np.float32)
for number, image in enumerate(TRUTH):
    image[6 + number : 20, 8:26] = 0.6
    image[10:14, 12 + number : 16] = 0.9
NOISE = np.random.default_rng(0).normal(0, 0.08, TRUTH.shape)
NOISY = TRUTH + NOISE.astype(np.float32)


def test_tuning_takes_the_best_and_says_how_good_it_is():
    strengths = (0.2, 0.5, 3.0)
    tuned = tuning.tune(denoisers.gaussian, strengths, noisy=NOISY, truth=TRUTH)
    quality = [
        metrics.psnr_per_image(TRUTH, denoisers.gaussian(NOISY, x), data_range=1).mean()
        for x in strengths
    ]
    assert tuned.strength == strengths[int(np.argmax(quality))]
    assert tuned.psnr == pytest.approx(max(quality), rel=1e-5)
    np.testing.assert_array_equal(
        tuned(NOISY), denoisers.gaussian(NOISY, tuned.strength)
    )


@pytest.mark.parametrize("short", [(0.1, 0.2), (4.0, 8.0)])
def test_tuning_goes_on_beyond_a_list_that_is_too_short(short):
    strengths = 0.1 * 2.0 ** np.arange(7)
    wide = tuning.tune(denoisers.gaussian, strengths, noisy=NOISY, truth=TRUTH)
    assert strengths[0] < wide.strength < strengths[-1]
    tuned = tuning.tune(denoisers.gaussian, short, noisy=NOISY, truth=TRUTH)
    ratio = tuned.strength / wide.strength
    assert 0.5 < ratio < 2
    assert tuned.psnr > wide.psnr - 0.5


def test_tuning_ends_where_stronger_is_always_better():
    calls = []

    def denoise(images, strength):
        calls.append(strength)
        return TRUTH + np.float32(1e-3 / strength)

    tuned = tuning.tune(denoise, (1, 2), noisy=NOISY, truth=TRUTH)
    assert len(calls) == 2 + tuning.MOST_FURTHER
    assert tuned.strength == max(calls)


@pytest.mark.parametrize(("strengths", "noisy"), [((), NOISY), ((1.0,), NOISY[:2])])
def test_impossible_arguments_are_refused(strengths, noisy):
    with pytest.raises(ValueError, match="must have one shape"):
        tuning.tune(denoisers.gaussian, strengths, noisy=noisy, truth=TRUTH)

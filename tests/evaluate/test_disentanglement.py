"""MIG and DCI on codes whose scores are known."""

import numpy as np
import pytest

from medvae_course.evaluate.disentanglement import dci, mig, mutual_information

RNG = np.random.default_rng(0)
FACTORS = RNG.uniform(-1, 1, size=(1500, 3))
NOISE = RNG.normal(size=(1500, 3))
TURN = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]


def test_mutual_information_of_a_factor_with_itself_is_its_entropy():
    told = mutual_information(FACTORS, FACTORS, n_bins=10)
    np.testing.assert_allclose(np.diag(told), np.log(10), rtol=1e-6)
    assert told[~np.eye(3, dtype=bool)].max() < 0.1


def test_mutual_information_counts_what_is_shared():
    """Of four equally likely values the code tells which half: one bit."""
    quarter = np.tile(np.arange(4), 50)[:, None]
    told = mutual_information(quarter // 2, quarter)
    assert told.item() == pytest.approx(np.log(2))


def test_factors_themselves_score_best_whatever_their_order_and_scale():
    codes = FACTORS[:, ::-1] ** 3 * [1, -5, 100]
    assert mig(codes, FACTORS) > 0.85
    scores = dci(codes, FACTORS)
    assert min(scores.disentanglement, scores.completeness) > 0.95
    assert scores.informativeness > 0.95


def test_turned_factors_hold_as_much_and_score_less():
    plain, turned = dci(FACTORS, FACTORS), dci(FACTORS @ TURN, FACTORS)
    assert turned.disentanglement < plain.disentanglement - 0.3
    assert turned.completeness < plain.completeness - 0.3
    assert turned.informativeness > 0.9
    assert mig(FACTORS @ TURN, FACTORS) < mig(FACTORS, FACTORS) - 0.3


def test_noise_scores_nothing():
    assert mig(NOISE, FACTORS) < 0.02
    scores = dci(NOISE, FACTORS)
    assert max(scores.disentanglement, scores.completeness) < 0.1
    assert scores.informativeness < 0.05


def test_two_latents_of_one_factor_are_disentangled_but_not_complete():
    codes = np.repeat(FACTORS, 2, axis=1) + 0.2 * RNG.normal(size=(1500, 6))
    scores = dci(codes, FACTORS)
    assert scores.disentanglement > 0.8
    assert scores.completeness < 0.75
    assert mig(codes, FACTORS) < 0.05


def test_two_factors_in_one_latent_are_complete_but_not_disentangled():
    """The latent tells both factors in coarse steps, the other latent is noise."""
    both = np.floor(2 * FACTORS[:, 0]) + 10 * np.floor(2 * FACTORS[:, 1])
    scores = dci(np.column_stack([both, NOISE[:, 0]]), FACTORS[:, :2])
    assert scores.completeness > scores.disentanglement + 0.3


def test_scores_repeat_themselves():
    assert dci(NOISE, FACTORS, seed=1) == dci(NOISE, FACTORS, seed=1)


@pytest.mark.parametrize("score", [mutual_information, mig, dci])
def test_scores_refuse_what_does_not_belong_together(score):
    with pytest.raises(ValueError, match=r"`codes` must be \(n, k\)"):
        score(NOISE[:-1], FACTORS)
    with pytest.raises(ValueError, match=r"`codes` must be \(n, k\)"):
        score(NOISE[:, 0], FACTORS)


def test_scores_refuse_a_single_latent_and_bins():
    with pytest.raises(ValueError, match="at least 2 latents"):
        mig(NOISE[:, :1], FACTORS)
    with pytest.raises(ValueError, match="at least 2 latents"):
        dci(NOISE[:, :1], FACTORS)
    with pytest.raises(ValueError, match="`n_bins` must be at least 2"):
        mutual_information(NOISE, FACTORS, n_bins=1)

import numpy as np
import pytest
from scipy import linalg, stats

from medvae_course.evaluate import generation


def normal(n, k, *, seed=0, scale=1.0, shift=0.0):
    return np.random.default_rng(seed).normal(shift, scale, size=(n, k))


# --- Fréchet distance ----------------------------------------------------------


def closed_form(mean_a, cov_a, mean_b, cov_b):
    common = np.trace(linalg.sqrtm(cov_a @ cov_b).real)
    apart = np.sum((mean_a - mean_b) ** 2)
    return apart + np.trace(cov_a) + np.trace(cov_b) - 2 * common


def with_moments(mean, cov, n=200):
    """Points whose sample mean and covariance are exactly these."""
    raw = normal(n, len(mean), seed=5)
    raw = raw - raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(raw.T)))).T
    return white @ np.linalg.cholesky(cov).T + mean


def test_frechet_distance_equals_the_closed_form_of_gaussians():
    rng = np.random.default_rng(1)
    covs = [a @ a.T + 0.1 * np.eye(4) for a in rng.normal(size=(2, 4, 4))]
    means = rng.normal(size=(2, 4))
    a, b = (with_moments(m, c) for m, c in zip(means, covs, strict=True))
    expected = closed_form(means[0], covs[0], means[1], covs[1])
    assert generation.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert generation.frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_commuting_covariances_is_a_sum_of_squares():
    a = with_moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    b = with_moments(np.ones(3), np.diag([4.0, 4.0, 1.0]))
    assert generation.frechet_distance(a, b) == pytest.approx(3 + 1 + 0 + 4)


def test_frechet_distance_of_a_set_to_itself_is_zero():
    points = normal(40, 6)
    assert 0 <= generation.frechet_distance(points, points) < 1e-9


def test_frechet_distance_of_one_distribution_falls_with_the_points():
    def apart(n):
        draws = [
            generation.frechet_distance(normal(n, 8, seed=s), normal(n, 8, seed=s + 99))
            for s in range(10)
        ]
        return np.mean(draws)

    few, some, many = (apart(n) for n in (20, 80, 320))
    assert few > 3 * some > 9 * many > 0


def test_frechet_distance_works_with_fewer_points_than_features():
    found = generation.frechet_distance(normal(5, 20), normal(6, 20, seed=1))
    assert np.isfinite(found)
    assert found > 0


def test_frechet_distance_takes_a_single_feature():
    a, b = (with_moments(np.zeros(1), np.eye(1) * v) for v in (1.0, 9.0))
    assert generation.frechet_distance(a, b) == pytest.approx(4)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((5, 3)), np.zeros((5, 2))),
        (np.zeros((5, 3, 1)), np.zeros((5, 3, 1))),
        (np.zeros((1, 3)), np.zeros((5, 3))),
        (np.full((5, 3), np.nan), np.zeros((5, 3))),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(a, b):
    for function in (
        generation.frechet_distance,
        generation.among,
        generation.nearest_distance,
    ):
        with pytest.raises(ValueError, match="points"):
            function(a, b)


# --- Precision and recall ------------------------------------------------------


def test_among_agrees_with_a_slow_search():
    points, reference = normal(60, 3, scale=1.5), normal(80, 3, seed=1)
    away = np.linalg.norm(reference[:, None] - reference, axis=-1)
    radius = np.sort(away, axis=1)[:, 4]  # the first is the point itself
    slow = [
        (np.linalg.norm(reference - point, axis=1) <= radius).any() for point in points
    ]
    found = generation.among(points, reference, k=4)
    np.testing.assert_array_equal(found, slow)
    assert 0 < found.sum() < len(found)


def test_among_counts_in_blocks_as_at_once():
    points, reference = normal(2100, 2, scale=2), normal(30, 2, seed=1)
    found = generation.among(points, reference)
    parts = [generation.among(p, reference) for p in np.array_split(points, 5)]
    np.testing.assert_array_equal(found, np.concatenate(parts))


def test_precision_and_recall_tell_blur_from_a_lost_kind():
    real = np.concatenate([normal(200, 2, shift=-5), normal(200, 2, seed=1, shift=5)])
    one_kind = normal(400, 2, seed=2, shift=5, scale=0.8)
    both_and_more = np.concatenate(
        [real + 0.05, normal(400, 2, seed=3, shift=40, scale=2)]
    )
    lost = generation.precision_recall(one_kind, real)
    wild = generation.precision_recall(both_and_more, real)
    assert lost.precision > 0.9
    assert lost.recall < 0.55
    assert wild.precision == pytest.approx(0.5, abs=0.02)
    assert wild.recall > 0.95


def test_precision_and_recall_change_places_with_the_sets():
    a, b = normal(50, 2), normal(70, 2, seed=1, scale=1.5)
    assert generation.precision_recall(a, b) == generation.precision_recall(b, a)[::-1]


@pytest.mark.parametrize("k", [0, 5, -1])
def test_k_beyond_the_reference_is_refused(k):
    with pytest.raises(ValueError, match="`k` must be from 1 to 4"):
        generation.among(np.zeros((3, 2)), normal(5, 2), k=k)


# --- Memory --------------------------------------------------------------------


def test_nearest_distance_agrees_with_a_slow_search():
    points, reference = normal(30, 4), normal(40, 4, seed=1)
    slow = np.linalg.norm(points[:, None] - reference, axis=-1).min(axis=1)
    found = generation.nearest_distance(points, reference)
    np.testing.assert_allclose(found, slow, rtol=1e-9)


def test_memorisation_auc_is_the_mann_whitney_statistic():
    train, held_out = normal(50, 1)[:, 0], normal(30, 1, seed=1, shift=0.7)[:, 0]
    u = stats.mannwhitneyu(held_out, train).statistic / (50 * 30)
    assert generation.memorisation_auc(train, held_out) == pytest.approx(u)


def test_memorisation_auc_finds_copies_and_nothing_else():
    train, held_out, fresh = (normal(200, 3, seed=s) for s in range(3))

    def auc(samples):
        return generation.memorisation_auc(
            generation.nearest_distance(train, samples),
            generation.nearest_distance(held_out, samples),
        )

    assert auc(train + 1e-3) > 0.99
    assert auc(fresh) == pytest.approx(0.5, abs=0.08)
    assert auc(np.concatenate([train[:100], fresh])) == pytest.approx(0.75, abs=0.06)


@pytest.mark.parametrize("wrong", [np.array([]), np.array([1.0, np.inf])])
def test_memorisation_auc_refuses_empty_and_endless(wrong):
    with pytest.raises(ValueError, match="finite distances"):
        generation.memorisation_auc(wrong, np.ones(3))

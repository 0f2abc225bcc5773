"""Linear probes: what they read, what they refuse, and whose patients they saw."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from medvae_course.evaluate import bootstrap, probes

RNG = np.random.default_rng(0)
PATIENTS = np.repeat(np.arange(12), 10)
CODES = RNG.normal(size=(120, 4))
FITS = pytest.mark.parametrize(
    "fit", [probes.fit_ridge_probe, probes.fit_logistic_probe]
)


def test_ridge_probe_reads_a_line_in_any_unit():
    values = 1000 + 300 * CODES[:, 2]
    probe = probes.fit_ridge_probe(5 + 40 * CODES, values, PATIENTS)
    np.testing.assert_allclose(probe.predict(5 + 40 * CODES), values, rtol=1e-3)


def test_ridge_probe_is_ridge_regression_of_standardised_codes():
    values = CODES[:, 0] + RNG.normal(size=120)
    probe = probes.fit_ridge_probe(CODES, values, PATIENTS)
    standard = (CODES - CODES.mean(axis=0)) / CODES.std(axis=0)
    plain = Ridge(probe[-1].alpha).fit(standard, values)
    np.testing.assert_allclose(probe.predict(CODES), plain.predict(standard))


def test_penalty_is_strong_where_there_is_nothing_to_read():
    """Each patient has a code and a value of its own: slices alone would say: exact."""
    owner = np.random.default_rng(1).normal(size=(12, 8))
    codes = owner[PATIENTS] + 0.01 * RNG.normal(size=(120, 8))
    values = np.random.default_rng(2).normal(size=12)[PATIENTS]
    probe = probes.fit_ridge_probe(codes, values, PATIENTS)
    slices = probes.fit_ridge_probe(codes, values, np.arange(120))
    assert probe[-1].alpha > 10 * slices[-1].alpha


def test_logistic_probe_weighs_a_rare_class_as_much():
    rare = CODES[:, 1] > 1.0
    probe = probes.fit_logistic_probe(CODES, rare, PATIENTS)
    found = probe.predict(CODES)
    assert rare.mean() < 0.25
    assert found[rare].mean() > 0.9
    assert found[~rare].mean() < 0.1


def test_logistic_probe_takes_any_two_names():
    names = np.where(CODES[:, 0] > 0, "yes", "no")
    probe = probes.fit_logistic_probe(CODES, names, PATIENTS)
    assert (probe.predict(CODES) == names).mean() > 0.9
    score = probe.decision_function(CODES)
    assert score[names == "yes"].mean() > score[names == "no"].mean()


@FITS
def test_probe_refuses_what_does_not_belong_together(fit):
    classes = CODES[:, 0] > 0
    with pytest.raises(ValueError, match="n targets"):
        fit(CODES, classes[:-1], PATIENTS)
    with pytest.raises(ValueError, match="12 patients, got 13"):
        fit(CODES, classes, PATIENTS, n_folds=13)


def test_logistic_probe_refuses_one_class_or_three_or_a_single_patient_of_one():
    for classes in (np.zeros(120), PATIENTS % 3):
        with pytest.raises(ValueError, match="two classes are needed"):
            probes.fit_logistic_probe(CODES, classes, PATIENTS)
    with pytest.raises(ValueError, match="too few patients of one class"):
        probes.fit_logistic_probe(CODES, PATIENTS == 3, PATIENTS)


def test_interval_of_rows_is_the_interval_of_a_mean():
    values = RNG.normal(size=12)[PATIENTS] + RNG.normal(size=120)
    ours = probes.interval_of_rows(
        lambda rows: values[rows].mean(), PATIENTS, n_resamples=2000
    )
    known = bootstrap.interval(values, PATIENTS)
    assert ours.estimate == pytest.approx(known.estimate)
    assert (ours.low, ours.high) == pytest.approx((known.low, known.high))
    assert ours.n_patients == 12


def test_interval_leaves_out_draws_without_a_score():
    sick = PATIENTS < 3

    def score(rows):
        return 1.0 if 0 < sick[rows].mean() < 1 else np.nan

    found = probes.interval_of_rows(score, PATIENTS, n_resamples=200)
    assert (found.low, found.high) == (1.0, 1.0)
    with pytest.raises(ValueError, match="too few patients of one class"):
        probes.interval_of_rows(lambda rows: np.nan, PATIENTS, n_resamples=100)
    with pytest.raises(ValueError, match="at least 2 patients"):
        probes.interval_of_rows(score, np.zeros(120))

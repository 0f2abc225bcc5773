"""Intervals by patient: coverage, and agreement with SciPy where both apply."""

import numpy as np
import pytest
from scipy import stats

from medvae_course.evaluate.bootstrap import Interval, interval


def patients_with(n_images: int, n_patients: int = 20, *, seed: int = 0):
    """Values whose spread lies between patients, as with slices of one body."""
    rng = np.random.default_rng(seed)
    patients = np.repeat([f"p{i:02d}" for i in range(n_patients)], n_images)
    values = np.repeat(rng.normal(size=n_patients), n_images)
    return values + 0.1 * rng.normal(size=len(values)), patients


def test_interval_with_one_image_per_patient_is_scipys():
    values, patients = patients_with(1, 40)
    ours = interval(values, patients, n_resamples=5000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=1
    ).confidence_interval
    assert ours.estimate == pytest.approx(values.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.03)
    assert ours.high == pytest.approx(theirs.high, abs=0.03)
    assert (ours.level, ours.n_patients) == (0.95, 40)


def test_more_images_of_the_same_patients_do_not_narrow_the_interval():
    values, patients = patients_with(1)
    once = interval(values, patients)
    often = interval(np.repeat(values, 50), np.repeat(patients, 50))
    assert often.low == pytest.approx(once.low)
    assert often.high == pytest.approx(once.high)


def test_interval_covers_the_truth_and_resampling_images_does_not():
    by_patient = by_image = 0
    for seed in range(150):
        values, patients = patients_with(6, seed=seed)
        options = {"level": 0.9, "n_resamples": 200}
        found = interval(values, patients, **options)
        naive = interval(values, np.arange(len(values)), **options)
        by_patient += found.low <= 0 <= found.high
        by_image += naive.low <= 0 <= naive.high
    assert 0.8 < by_patient / 150 < 0.96
    assert by_image / 150 < 0.65


def test_values_count_by_image_and_order_does_not_matter():
    values = np.array([0.0, 0.0, 0.0, 1.0])
    patients = np.array(["a", "a", "a", "b"])
    found = interval(values, patients)
    assert found == Interval(0.25, 0.0, 1.0, 0.95, 2)
    shuffled = [2, 3, 0, 1]
    assert interval(values[shuffled], patients[shuffled]) == found


def test_same_seed_gives_the_same_interval():
    values, patients = patients_with(3)
    assert interval(values, patients, seed=5) == interval(values, patients, seed=5)
    assert interval(values, patients, seed=5) != interval(values, patients, seed=6)


def test_higher_level_gives_a_wider_interval():
    values, patients = patients_with(3)
    narrow, wide = (interval(values, patients, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.estimate < narrow.high < wide.high


def test_statistic_may_be_any_function_of_the_values():
    values, patients = patients_with(3)
    values[0] = np.nan
    found = interval(values, patients, statistic=np.nanmedian)
    assert found.estimate == np.nanmedian(values)
    assert found.low < found.estimate < found.high


def test_single_patient_is_refused():
    with pytest.raises(ValueError, match="at least 2 patients, got 1; report the est"):
        interval(np.arange(5.0), np.full(5, "a"))


def test_values_without_a_finite_statistic_are_refused():
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=f"finite in each resample, got {bad}"):
            interval(np.array([1.0, bad]), np.array([0, 1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patients": np.arange(4)}, r"one shape \(n,\), got \(5,\) and \(4,\)"),
        ({"values": np.zeros((5, 1))}, r"got \(5, 1\)"),
        ({"level": 95}, "`level` must be between 0 and 1, got 95"),
        ({"n_resamples": 10}, "`n_resamples` must be at least 100, got 10"),
    ],
)
def test_arguments_out_of_range_are_refused(change, message):
    arguments = {"values": np.arange(5.0), "patients": np.arange(5)} | change
    with pytest.raises(ValueError, match=message):
        interval(arguments.pop("values"), arguments.pop("patients"), **arguments)

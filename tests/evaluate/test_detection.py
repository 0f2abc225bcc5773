from functools import partial

import numpy as np
import pytest
from sklearn import metrics as oracle

from medvae_course.evaluate import detection, metrics, tallies

RNG = np.random.default_rng(0)


def case(n=4000, share=0.05, shift=1.0, patients=12, seed=0):
    rng = np.random.default_rng(seed)
    lesion = rng.random(n) < share
    return rng.normal(size=n) + shift * lesion, lesion, rng.integers(0, patients, n)


def exact(scores, lesion, who):
    """A tally with a level for each score: nothing is rounded."""
    return tallies.tally(scores, lesion, who, levels=np.unique(scores))


def test_areas_equal_those_of_scikit_learn():
    scores, lesion, who = case()
    counts = exact(scores, lesion, who)
    assert detection.auprc(counts) == pytest.approx(
        oracle.average_precision_score(lesion, scores)
    )
    assert detection.auroc(counts) == pytest.approx(
        oracle.roc_auc_score(lesion, scores)
    )


def test_ties_count_as_in_scikit_learn():
    scores, lesion, who = case()
    scores = np.round(scores)
    counts = exact(scores, lesion, who)
    assert detection.auprc(counts) == pytest.approx(
        oracle.average_precision_score(lesion, scores)
    )
    assert detection.auroc(counts) == pytest.approx(
        oracle.roc_auc_score(lesion, scores)
    )


def test_a_thousand_levels_are_enough():
    scores, lesion, who = case(n=200_000, share=0.003)
    rough = tallies.tally(scores, lesion, who, levels=tallies.levels(scores))
    truth = oracle.average_precision_score(lesion, scores)
    assert detection.auprc(rough) == pytest.approx(truth, rel=0.02)
    assert detection.auroc(rough) == pytest.approx(
        oracle.roc_auc_score(lesion, scores), abs=0.002
    )


def test_a_score_that_knows_nothing_has_the_prevalence():
    scores, lesion, who = case(n=100_000, share=0.02, shift=0.0)
    counts = exact(np.round(scores, 2), lesion, who)
    assert detection.prevalence(counts) == pytest.approx(lesion.mean())
    assert detection.auprc(counts) == pytest.approx(lesion.mean(), rel=0.1)
    assert detection.auroc(counts) == pytest.approx(0.5, abs=0.01)


def test_dice_at_a_level_is_that_of_the_masks():
    scores, lesion, who = case()
    counts = exact(scores, lesion, who)
    for threshold in counts.levels[[0, 2000, 3990]]:
        expected = metrics.dice(scores >= threshold, lesion)
        assert detection.dice(counts, threshold) == pytest.approx(expected)


def test_best_dice_is_the_highest_and_found_at_the_best_threshold():
    scores, lesion, who = case()
    counts = exact(scores, lesion, who)
    every = [metrics.dice(scores >= t, lesion) for t in counts.levels[::7]]
    best = detection.best_dice(counts)
    assert best >= max(every)
    at_best = detection.dice(counts, detection.best_threshold(counts))
    assert at_best == pytest.approx(best)


def test_a_threshold_of_another_tally_is_refused():
    counts = exact(*case())
    with pytest.raises(ValueError, match="same levels"):
        detection.dice(counts, 0.123456)


def test_interval_resamples_patients_and_not_pixels():
    """Patients who differ from each other: pixels of one tell little new."""
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(10), 400)
    lesion = rng.random(4000) < 0.1
    shift = rng.normal(2, 2, 10)[who]
    scores = np.round(rng.normal(size=4000) + shift * lesion, 1)
    counts = exact(scores, lesion, who)
    found = detection.interval(counts, detection.auroc)
    assert found.low < found.estimate < found.high
    assert found.high - found.low > 0.05
    assert found.n_patients == 10
    assert found.estimate == pytest.approx(float(detection.auroc(counts)))


def test_interval_equals_resampling_by_hand():
    scores, lesion, who = case(n=600, patients=4)
    counts = exact(scores, lesion, who)
    found = detection.interval(counts, detection.auprc, n_resamples=100, seed=3)
    draws = np.random.default_rng(3).multinomial(4, np.full(4, 0.25), size=100)
    values = []
    for draw in draws:
        rows = np.concatenate(
            [np.tile(np.flatnonzero(who == i), k) for i, k in enumerate(draw)]
        )
        values.append(oracle.average_precision_score(lesion[rows], scores[rows]))
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(values, (0.025, 0.975)))
    )


def test_difference_of_a_score_and_itself_is_zero():
    counts = exact(*case(n=300))
    found = detection.interval(counts, detection.best_dice, minus=counts)
    assert (found.low, found.estimate, found.high) == (0, 0, 0)


def test_difference_is_narrower_than_both_and_has_the_right_sign():
    scores, lesion, who = case(n=4000, patients=20)
    scores = np.round(scores, 1)
    better = exact(scores + 0.5 * lesion, lesion, who)
    worse = exact(scores, lesion, who)
    gain = detection.interval(better, detection.auprc, minus=worse)
    alone = detection.interval(better, detection.auprc)
    assert gain.low > 0
    assert gain.high - gain.low < alone.high - alone.low


def test_interval_of_dice_at_a_threshold():
    counts = exact(*case(n=300))
    threshold = detection.best_threshold(counts)
    found = detection.interval(counts, partial(detection.dice, threshold=threshold))
    assert found.estimate == pytest.approx(float(detection.best_dice(counts)))


def test_patients_without_lesions_do_not_spoil_the_interval():
    who = np.repeat(np.arange(3), 100)
    lesion = (who == 0) & (RNG.random(300) < 0.5)
    counts = exact(RNG.normal(size=300) + lesion, lesion, who)
    for statistic in (detection.auprc, detection.auroc, detection.best_dice):
        found = detection.interval(counts, statistic, n_resamples=100)
        assert np.isfinite([found.low, found.high]).all()


def test_one_patient_or_other_patients_are_refused():
    counts = exact(*case())
    alone = exact(*case(patients=1))
    with pytest.raises(ValueError, match="at least 2 patients"):
        detection.interval(alone, detection.auprc)
    with pytest.raises(ValueError, match="the same in both"):
        detection.interval(counts, detection.auprc, minus=alone)

import numpy as np
import pytest

from medvae_course.evaluate import tallies

RNG = np.random.default_rng(0)


def test_every_pixel_is_counted_once_for_its_own_patient():
    scores, lesion = RNG.normal(size=500), RNG.random(500) < 0.2
    who = RNG.integers(0, 5, 500).astype(str)
    counts = tallies.tally(scores, lesion, who, levels=[-1.0, 0.0, 1.0])
    for i, name in enumerate(np.unique(who)):
        assert counts.lesion[i].sum() == (lesion & (who == name)).sum()
        assert counts.healthy[i].sum() == (~lesion & (who == name)).sum()
    assert counts.lesion[:, 3].sum() == (lesion & (scores >= 1)).sum()
    assert counts.healthy[:, 0].sum() == (~lesion & (scores < -1)).sum()


def test_a_score_equal_to_a_level_lies_above_it():
    counts = tallies.tally(
        np.array([1.0, 0.0]), np.array([True, False]), np.zeros(2), levels=[1.0]
    )
    assert counts.lesion.tolist() == [[0, 1]]
    assert counts.healthy.tolist() == [[1, 0]]


def test_levels_lie_densest_among_the_highest_scores():
    scores = RNG.random(20000)
    found = tallies.levels(scores, 200)
    assert np.all(np.diff(found) > 0)
    assert found[0] == scores.min()
    shares = (scores >= found[:, None]).mean(axis=1)
    assert (shares < 0.01).sum() > 80


def test_levels_of_equal_scores_are_one():
    assert tallies.levels(np.full(50, 3.0)).tolist() == [3.0]


def test_levels_refuse_what_is_not_finite():
    with pytest.raises(ValueError, match="finite"):
        tallies.levels(np.array([1.0, np.nan]))


@pytest.mark.parametrize("lesion", [np.zeros(4, bool), np.ones(4, bool)])
def test_one_kind_of_pixels_alone_is_refused(lesion):
    with pytest.raises(ValueError, match="lesions among 4"):
        tallies.tally(np.arange(4.0), lesion, np.arange(4), levels=[1.0])


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        tallies.tally(np.zeros(3), np.zeros(4, bool), np.zeros(3), levels=[1.0])

"""Features become colours: stretched over all slices alike, and black where none."""

import numpy as np
import pytest

from medvae_course.teach.figures.colours import plot_colours

WINDOW = {"level_hu": 40, "width_hu": 400}


def test_features_are_stretched_over_all_slices_alike():
    features = np.zeros((2, 10, 10, 3))
    features[0, ..., 0], features[1, ..., 0] = -5, 5
    features[:, 0, 0] = np.nan
    fig = plot_colours(np.zeros((2, 10, 10)), {"z": features}, **WINDOW)
    first, second = (ax.images[0].get_array() for ax in fig.axes[2:4])
    assert first[5, 5].tolist() == [0, 0, 0]
    assert second[5, 5].tolist() == [1, 0, 0]
    assert second[0, 0].tolist() == [0, 0, 0]  # no features


def test_other_than_three_features_are_refused():
    with pytest.raises(ValueError, match="three features per pixel"):
        plot_colours(np.zeros((1, 4, 4)), {"z": np.zeros((1, 4, 4, 2))}, **WINDOW)

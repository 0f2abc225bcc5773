"""The decoded plane: each tile in its place, points on the same axes."""

import numpy as np
import pytest

from medvae_course.teach.figures import plot_latent_plane

AXIS = np.array([-1.0, 0.0, 1.0])
WINDOW = {"level_hu": 0, "width_hu": 100}


def draw(**changed):
    images = np.zeros((3, 3, 4, 4))
    images[0, 2] = 50  # lowest second latent, highest first
    arguments = {
        "codes": np.array([[0.5, -0.5], [1.0, 1.0]]),
        "values": np.array([0.0, 1.0]),
        "label": "height",
    }
    return plot_latent_plane(images, AXIS, **WINDOW, **(arguments | changed))


def test_a_tile_lies_where_its_latents_say():
    picture = draw().axes[0].images[0]
    left, right, bottom, top = picture.get_extent()
    assert (left, right, bottom, top) == (-1.5, 1.5, -1.5, 1.5)
    tiles = np.asarray(picture.get_array())
    assert (tiles[8:, 8:] == 50).all()
    assert tiles.sum() == 50 * 16


def test_both_panels_share_their_axes():
    above, below = draw().axes[:2]
    assert above.get_xlim() == below.get_xlim()
    assert above.get_ylim() == below.get_ylim()


@pytest.mark.parametrize(
    "changed", [{"values": np.zeros(3)}, {"codes": np.zeros((2, 3))}]
)
def test_codes_without_their_values_are_refused(changed):
    with pytest.raises(ValueError, match="codes"):
        draw(**changed)


def test_a_plane_that_does_not_fit_its_axis_is_refused():
    with pytest.raises(ValueError, match="`images`"):
        plot_latent_plane(
            np.zeros((2, 3, 4, 4)),
            AXIS,
            **WINDOW,
            codes=np.zeros((1, 2)),
            values=np.zeros(1),
            label="height",
        )

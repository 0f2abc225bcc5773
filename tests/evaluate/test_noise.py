import numpy as np
import pytest
from scipy import ndimage

from medvae_course.evaluate import noise

RNG = np.random.default_rng(0)
ALL = np.ones((12, 64, 64), bool)
WHITE = RNG.normal(0, 20, ALL.shape)
COLOURED = ndimage.gaussian_filter(RNG.normal(0, 60, ALL.shape), (0, 1, 1))
ROWS, COLUMNS = np.mgrid[:64, :64]
PLANE = np.broadcast_to(3.0 * ROWS - 2.0 * COLUMNS, ALL.shape)


@pytest.mark.parametrize("colour", [WHITE, COLOURED], ids=["white", "coloured"])
def test_pair_gives_the_sigma_of_any_colour(colour):
    first, second = colour[:6] + 500, colour[6:] + 500
    found = noise.sigma_from_pair(first, second, mask=ALL[:6])
    assert found.shape == (6,)
    np.testing.assert_allclose(found.mean(), colour.std(), rtol=0.05)


def test_pair_does_not_see_what_both_show():
    first, second = WHITE[:6] + PLANE[:6], WHITE[6:] + PLANE[:6]
    plain = noise.sigma_from_pair(WHITE[:6], WHITE[6:], mask=ALL[:6])
    found = noise.sigma_from_pair(first, second, mask=ALL[:6])
    np.testing.assert_allclose(found, plain)


def test_gain_of_white_noise_is_the_root_of_the_sum_of_squares():
    closed = np.sqrt((noise.SECOND_DIFFERENCES**2).sum())
    assert closed == pytest.approx(noise.WHITE_GAIN)
    inner = np.zeros_like(ALL)
    inner[:, 1:-1, 1:-1] = True
    assert noise.gain(WHITE, mask=inner) == pytest.approx(closed, rel=0.02)


def test_one_image_of_white_noise_on_a_plane_gives_its_sigma():
    found = noise.sigma_from_image(WHITE + PLANE, mask=ALL)
    np.testing.assert_allclose(found.mean(), 20, rtol=0.03)


def test_coloured_noise_needs_its_own_gain():
    gain = noise.gain(COLOURED[:6], mask=ALL[:6])
    blind = noise.sigma_from_image(COLOURED[6:], mask=ALL[6:]).mean()
    told = noise.sigma_from_image(COLOURED[6:], mask=ALL[6:], gain=gain).mean()
    assert blind < 0.7 * COLOURED.std()
    assert told == pytest.approx(COLOURED.std(), rel=0.05)


def test_even_tissue_keeps_away_from_edges_air_and_bone():
    body = np.full((1, 40, 40), -1000.0)
    body[:, 8:32, 8:32] = 50
    body[:, 18:22, 18:22] = 900
    mask = noise.even_tissue(body)[0]
    assert mask[12, 12]
    assert not mask[8, 12]
    assert not mask[20, 20]
    assert not mask[:7].any()


def test_no_tissue_gives_no_pixels_and_no_number():
    air = np.full((1, 16, 16), -1000.0)
    mask = noise.even_tissue(air)
    assert not mask.any()
    assert np.isnan(noise.sigma_from_image(air, mask=mask)[0])


def square():
    body = np.zeros((1, 64, 64))
    body[:, 16:48, 16:48] = 300
    return body


def test_noise_has_no_edges_in_it_and_smoothing_takes_them():
    body = np.repeat(square(), 12, axis=0)
    pure = noise.edge_correlation(WHITE, body, mask=ALL)
    assert np.abs(pure.mean()) < 0.02
    taken = body - ndimage.gaussian_filter(body, (0, 0.5, 0.5))
    assert noise.edge_correlation(taken, body, mask=ALL).min() > 0.9
    both = noise.edge_correlation(taken + WHITE, body, mask=ALL).mean()
    assert 0.1 < both < 0.9
    assert noise.edge_correlation(-taken, body, mask=ALL).max() < -0.9


def test_edge_correlation_ignores_unit_and_offset():
    body = square()
    taken = body - ndimage.uniform_filter(body, (1, 3, 3))
    mask = ALL[:1]
    one = noise.edge_correlation(taken, body, mask=mask)
    other = noise.edge_correlation(3 * taken + 7, 0.5 * body - 1000, mask=mask)
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize(
    "call",
    [
        lambda: noise.sigma_from_pair(WHITE, WHITE[:3], mask=ALL),
        lambda: noise.sigma_from_pair(WHITE, WHITE, mask=ALL[:3]),
        lambda: noise.sigma_from_image(WHITE[0], mask=ALL[0]),
        lambda: noise.sigma_from_image(WHITE, mask=ALL, gain=0),
        lambda: noise.gain(WHITE, mask=~ALL),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()

"""A latent plane as a map: what each place decodes to, and where images lie on it."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from .canvas import WIDTH_INCHES, as_stack, draw_hu, in_course_style


@in_course_style
def plot_latent_plane(
    images: np.ndarray,
    axis: np.ndarray,
    *,
    level_hu: float,
    width_hu: float,
    codes: np.ndarray,
    values: np.ndarray,
    label: str,
) -> Figure:
    """Show the decoded plane as tiles, and beside it codes of images on the same plane.

    Args:
        images: (rows, columns, height, width), HU; rows from the lowest value of the
            second latent to the highest, columns those of the first.
        axis: (n,) values of either latent at which was decoded, ascending and evenly
            spaced; rows and columns are n.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        codes: (m, 2), codes of images to be drawn as points.
        values: (m,), a number that colours each point.
        label: what the values are, with their unit.

    Returns:
        The figure; both panels have the same axes.

    Raises:
        ValueError: if there are not n by n images, or not m values of m codes.

    Taught in: chapter 6.
    """
    images, axis, codes = np.asarray(images), np.asarray(axis), np.asarray(codes)
    n = len(axis)
    if images.ndim != 4 or images.shape[:2] != (n, n):
        raise ValueError(
            f"`images` must be ({n}, {n}, height, width), one for each pair of values "
            f"on `axis`, got {images.shape}"
        )
    if codes.shape != (len(values), 2):
        raise ValueError(
            f"`codes` must be (m, 2) with m values, got {codes.shape} and {len(values)}"
        )
    # heights of the two squares, and about an inch for what is written at the axes
    fig = Figure(figsize=(WIDTH_INCHES, 7.6), layout="constrained")
    above, below = fig.subplots(2, 1, height_ratios=(4.1, 2.5))
    tiles = np.stack([np.hstack(as_stack(row)) for row in images[::-1]])
    half = (axis[1] - axis[0]) / 2
    edges = (axis[0] - half, axis[-1] + half)
    draw_hu(
        above,
        np.vstack(tiles),
        level_hu=level_hu,
        width_hu=width_hu,
        extent=(*edges, *edges),
    )
    cmap = colormaps["viridis"].resampled(64)
    drawn = below.scatter(*codes.T, c=values, cmap=cmap, s=10, linewidth=0)
    below.set(xlim=edges, ylim=edges, aspect="equal")
    # beside both, so that they stay in line; at the height of the points
    fig.colorbar(drawn, ax=(above, below), label=label, shrink=0.36, anchor=(0, 0))
    for ax in (above, below):
        ax.set(xlabel="latent 1", ylabel="latent 2")
        ax.grid(False)
    return fig

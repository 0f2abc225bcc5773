"""Three numbers for each pixel, shown as red, green and blue beside the CT."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from .canvas import add_scale_bar, draw_hu, in_course_style, rows_of_panels


@in_course_style
def plot_colours(
    hu: np.ndarray,
    rows: Mapping[str, np.ndarray],
    *,
    level_hu: float,
    width_hu: float,
    pixel_mm: float | None = None,
) -> Figure:
    """Show slices as scanned, and below them three features of each pixel as a colour.

    Each of the three is stretched, over all slices of its row alike, so that its 2nd
    percentile is dark and its 98th is full.

    Args:
        hu: (n, height, width), HU.
        rows: what is written beside a row, and its features (n, height, width, 3), any
            unit; NaN is left black, for pixels without features.
        level_hu: centre of the window, HU.
        width_hu: full width of the window, HU.
        pixel_mm: size of a pixel for the scale bar, mm.

    Returns:
        The figure.

    Raises:
        ValueError: if the features are not three for each pixel of the slices.

    Example:
        >>> hu, features = np.zeros((2, 8, 8)), np.zeros((2, 8, 8, 3))
        >>> fig = plot_colours(hu, {"z": features}, level_hu=40, width_hu=400)
        >>> len(fig.axes)
        4

    Taught in: chapter 14.
    """
    for name, features in rows.items():
        if np.shape(features) != (*np.shape(hu), 3):
            raise ValueError(
                f"{name!r} must hold three features per pixel, {(*np.shape(hu), 3)}, "
                f"got {np.shape(features)}"
            )
    grey = {"CT": hu} | {name: f[..., 0] for name, f in rows.items()}
    fig, axes, _ = rows_of_panels(grey)
    for ax, image in zip(axes[0], hu, strict=True):
        draw_hu(ax, image, level_hu=level_hu, width_hu=width_hu)
    for row, features in zip(axes[1:], rows.values(), strict=True):
        low, high = np.nanpercentile(features, (2, 98), axis=(0, 1, 2))
        spread = np.where(high > low, high - low, 1.0)
        colours = np.nan_to_num(np.clip((features - low) / spread, 0, 1))
        for ax, image in zip(row, colours, strict=True):
            ax.imshow(image, interpolation="nearest")
    add_scale_bar(axes[0, 0], pixel_mm, width=np.shape(hu)[2])
    return fig

"""One slice as several windows show it."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from .canvas import add_scale_bar, draw_hu, in_course_style, panels


@in_course_style
def plot_windows(
    hu: np.ndarray,
    windows: Mapping[str, tuple[float, float]],
    *,
    pixel_mm: float | None = None,
) -> Figure:
    """Show one slice side by side under several windows, each named with its numbers.

    Args:
        hu: (height, width), HU.
        windows: names and (level, width) of the windows, HU.
        pixel_mm: size of a pixel for the scale bar, mm.

    Returns:
        The figure.

    Raises:
        ValueError: if there is no window, or the slice is not two-dimensional.

    Example:
        >>> fig = plot_windows(np.zeros((8, 8)), {"bone": (400, 1800)})
        >>> print(fig.axes[0].get_title())
        bone
        400, 1800 HU

    Taught in: chapter 1.
    """
    if not windows or np.ndim(hu) != 2:
        raise ValueError(
            "one slice (height, width) and at least one window are needed, got shape"
            f" {np.shape(hu)} and {len(windows)} windows"
        )
    fig, axes = panels(1, len(windows), np.shape(hu), row_inches=0.45)
    for ax, (name, (level_hu, width_hu)) in zip(axes[0], windows.items(), strict=True):
        draw_hu(ax, hu, level_hu=level_hu, width_hu=width_hu)
        ax.set_title(f"{name}\n{level_hu:g}, {width_hu:g} HU".replace("-", "−"))
    add_scale_bar(axes[0, 0], pixel_mm, width=np.shape(hu)[1])
    return fig
